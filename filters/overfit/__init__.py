"""The default generator: latent grids and a tiny network fitted to one keyframe, decoded in integers by the C core."""
