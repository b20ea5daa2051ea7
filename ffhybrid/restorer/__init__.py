"""Restoring one GOP: generator decode, the splice of the lossless keyframe, and damage."""
