"""What travels beside the video: streams as values, their selection, what becomes of their packets."""
