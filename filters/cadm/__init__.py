"""Generator ``cadm`` (Zhou et al., 2023): few pixels of few colours, and a diffusion model that restores the rest."""
