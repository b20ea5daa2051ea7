"""A generative keyframe codec for ordinary ffmpeg pipelines."""
