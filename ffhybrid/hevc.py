"""HEVC bitstream operations by name; the syntax itself is handled by the C core (``cext/``)."""
