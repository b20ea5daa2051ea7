"""Loss and reports of both stages of training."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ffhybrid.core.picture import Colour
from ffhybrid.filters.colour import to_rgb
from ffhybrid.filters.lpips import Lpips
from ffhybrid.filters.overfit.model import Network, synthesis_noise
from ffhybrid.filters.overfit.session import PLAIN_TEXTURE
from ffhybrid.filters.overfit.start import lambda_of
from training.parts import Classes, Part
from training.pictures import PART

LPIPS_PICTURES, LPIPS_SIDE = 2, 112
NOISE_SIDE = 512
LAST_RATE = 0.02


@dataclass(frozen=True, slots=True)
class Loss:
    """Of a batch: mean squared error in [0, 1], bits a luma sample, LPIPS."""

    mse: Tensor
    bpp: Tensor
    lpips: Tensor
    classes: Classes

    def total(self) -> Tensor:
        """All of it in bits a luma sample, so that every rate weighs the same."""
        total = self.mse / lambda_of(self.classes.rate) + self.bpp
        if self.classes.texture == PLAIN_TEXTURE:
            return total
        return total + 2**self.classes.texture * self.lpips

    def gradient_weight(self) -> float:
        """Turn the gradient of :meth:`total` for one part into that of a fit, whose errors are summed over samples."""
        return 4 * PART * PART * lambda_of(self.classes.rate)


class Judge:
    """Decodes latents and compares with their source."""

    def __init__(self, lpips: Lpips, device: torch.device) -> None:
        self._lpips = lpips.to(device)
        self._noise = synthesis_noise(NOISE_SIDE, NOISE_SIDE, device=device)

    def loss(self, network: Network, latents: Sequence[Tensor | None], part: Part) -> Loss:
        """Judge rounded latents, (batch, channels, rows, columns) each."""
        source, classes = part.source, part.classes
        features = [None if x is None else x * step for x, step in zip(latents, classes.steps, strict=True)]
        y, x = (random.randrange(NOISE_SIDE - PART) for _ in range(2))
        noise = self._noise[..., y : y + PART, x : x + PART]
        made = network.synthesise(features, part.base, noise, classes.values)
        bpp = network.bits(latents, classes.values) / (4 * PART * PART * len(source))
        mse = ((made - source) / 255).square().mean()
        if classes.texture == PLAIN_TEXTURE:
            return Loss(mse, bpp, torch.zeros(()), classes)
        y, x = (random.randrange(PART - LPIPS_SIDE + 1) for _ in range(2))
        ours, theirs = (
            to_rgb(whole[:LPIPS_PICTURES, :, y : y + LPIPS_SIDE, x : x + LPIPS_SIDE], Colour())
            for whole in (made, source)
        )
        return Loss(mse, bpp, self._lpips(ours, theirs).mean(), classes)


@dataclass(slots=True)
class Average:
    """Of the losses of one kind of part."""

    count: int = 0
    mse: float = 0.0
    bpp: float = 0.0
    lpips: float = 0.0

    def __str__(self) -> str:
        psnr = -10 * math.log10(self.mse / self.count)
        return f"{psnr:.2f} dB {self.bpp / self.count:.4f} bpp LPIPS {self.lpips / self.count:.3f}"


class Averages:
    """By rate, with and without texture."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[int, bool], Average] = {}

    def add(self, loss: Loss) -> None:
        """Count one batch."""
        key = (round(loss.classes.rate), loss.classes.texture != PLAIN_TEXTURE)
        average = self._kinds.setdefault(key, Average())
        average.count += 1
        average.mse += float(loss.mse.detach())
        average.bpp += float(loss.bpp.detach())
        average.lpips += float(loss.lpips.detach())

    def __str__(self) -> str:
        return ", ".join(f"{key}: {value}" for key, value in sorted(self._kinds.items()))


def learning_rate(part: float) -> float:
    """Of the first one, when ``part`` of a stage is over: half a cosine."""
    return LAST_RATE + (1 - LAST_RATE) * (0.5 + 0.5 * math.cos(math.pi * part))


def descend(optimizer: torch.optim.Optimizer) -> None:
    """Step along gradients that are there, clipped."""
    for group in optimizer.param_groups:
        torch.nn.utils.clip_grad_norm_(group["params"], 1.0)
    optimizer.step()
