"""The Matroska writer (RFC 9559) and what it stands on: EBML, blocks, tracks, integrity."""
