"""Encoding as jobs, one GOP each: planned once, run anywhere, kept until the file is complete."""
