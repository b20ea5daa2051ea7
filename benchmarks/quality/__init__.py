"""Benchmarks of quality and size; run in ``benchmarks/`` as ``python -m quality.NAME``."""
