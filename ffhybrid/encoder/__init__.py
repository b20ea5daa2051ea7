"""Encoding one GOP: rate control, keyframe search, quality scoring, bit allocation."""
