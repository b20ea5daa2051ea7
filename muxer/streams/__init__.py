"""Other streams beside the video: as values, their selection, what becomes of their packets."""
