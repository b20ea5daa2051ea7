"""Benchmarks of time and memory; run in ``benchmarks/`` as ``python -m speed.NAME``."""
