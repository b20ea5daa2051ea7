"""Writing and describing streams through libavformat: all containers but Matroska."""
