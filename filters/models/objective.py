"""Loss of a fit on a model, and its reports."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.base import DifferentiableLoss, DifferentiableObjective, FitProgress, Objective, lpips_can_see
from ffhybrid.filters.effort import PERCEPTUAL
from ffhybrid.filters.losses import LikenessLoss, pack
from ffhybrid.filters.lpips import load_lpips

PERCEPTUAL_WEIGHT = 0.01
"""The weight of LPIPS against the mean squared error in [0, 1], where a generator knows no better one."""


class Aim:
    """The objective's own loss where it has one, else likeness to its source; and the source itself.

    Args:
        objective: what a generator is asked to minimise.
        spec: of the picture.
        tune: whether likeness has LPIPS in it.
        weight: of LPIPS against the mean squared error in [0, 1].
        lpips_file: AlexNet's weights where the user names them.
        generator: of random parts of the picture, on the device of the fit.
    """

    def __init__(
        self,
        objective: Objective,
        spec: PictureSpec,
        *,
        tune: str,
        weight: float,
        lpips_file: Path | None,
        generator: torch.Generator,
    ) -> None:
        device = generator.device
        self.source = pack(objective.source, device)
        weight = weight if tune == PERCEPTUAL else 0.0
        lpips = load_lpips(lpips_file, device) if weight > 0 and lpips_can_see(spec) else None
        self._likeness = LikenessLoss(self.source, colour=spec.colour, lpips=lpips, weight=weight, generator=generator)
        self.is_likeness = not isinstance(objective, DifferentiableObjective)
        self.loss: DifferentiableLoss = self._likeness
        if isinstance(objective, DifferentiableObjective):
            self.loss = objective.loss(device)

    def progress(self, step: int, steps: int, size: int, loss: float, packed: Tensor) -> FitProgress:
        """Report a latent of ``size`` bytes, its loss and its picture in 2x2 luma blocks."""
        return FitProgress(
            step=step,
            steps=steps,
            size=size,
            distortion=loss,
            psnr=self._likeness.psnr(packed),
            lpips=self._likeness.lpips(packed),
        )
