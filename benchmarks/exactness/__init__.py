"""Benchmarks of exactness and of damage; run in ``benchmarks/`` as ``python -m exactness.NAME``."""
