"""Keyframe generators behind one contract, found by name in the registry."""
