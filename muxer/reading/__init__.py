"""Reading hybrid files through PyAV: GOPs put together again, and what of a damaged file can be used."""
