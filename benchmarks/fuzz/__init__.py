"""Fuzz targets, in Python and in C, and their seeds; ``make fuzz`` runs them."""
