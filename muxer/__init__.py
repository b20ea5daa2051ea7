"""Hybrid files: the Matroska writer, the two carriages, and reading through PyAV."""
