"""What a fit on a model minimises: an objective of its own, or likeness to the source."""

from __future__ import annotations

from pathlib import Path

import torch

from ffhybrid.filters.base import DifferentiableLoss, DifferentiableObjective, Objective, lpips_can_see
from ffhybrid.filters.losses import LikenessLoss, pack
from ffhybrid.filters.perceptual import load_lpips
from ffhybrid.filters.presets import PERCEPTUAL
from ffhybrid.picture import PictureSpec

PERCEPTUAL_WEIGHT = 0.01
"""Of LPIPS against the mean squared error in [0, 1]."""


def likeness_of(
    objective: Objective,
    spec: PictureSpec,
    *,
    tune: str,
    lpips_file: Path | None,
    generator: torch.Generator,
) -> LikenessLoss:
    """Make the loss of likeness to an objective's source, on the device of the generator of random numbers."""
    weight = PERCEPTUAL_WEIGHT if tune == PERCEPTUAL else 0.0
    looks = weight > 0 and lpips_can_see(spec)
    return LikenessLoss(
        pack(objective.source, generator.device),
        colour=spec.colour,
        lpips=load_lpips(lpips_file, generator.device) if looks else None,
        weight=weight,
        generator=generator,
    )


def loss_of(objective: Objective, likeness: LikenessLoss, device: torch.device) -> DifferentiableLoss:
    """Take an objective's own loss, or else plain likeness."""
    return objective.loss(device) if isinstance(objective, DifferentiableObjective) else likeness
