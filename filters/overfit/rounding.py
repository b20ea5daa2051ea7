"""Rounding of latents: softly with noise while they are fitted, and for good."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ffhybrid.filters.overfit.structure import MAX_LATENT

NOISE_WIDTH = 0.5


def soft_round(x: Tensor, temperature: float) -> Tensor:
    """Differentiable rounding that becomes exact as the temperature falls (Agustsson and Theis, 2020)."""
    floor = x.floor()
    return floor + 0.5 + 0.5 * torch.tanh((x - floor - 0.5) / temperature) / math.tanh(0.5 / temperature)


def noisy_round(x: Tensor, temperature: float, *, generator: torch.Generator | None = None) -> Tensor:
    """Round softly, add uniform noise, round softly again (C3, section 3.2).

    The noise is narrower than a rounding error, as C3's is: at full width, latents that are zero nearly everywhere are
    noise nearly everywhere, and fits got worse.
    """
    noise = NOISE_WIDTH * (torch.rand(x.shape, generator=generator, device=x.device) - 0.5)
    return soft_round(soft_round(x, temperature) + noise, temperature)


def rounded(x: Tensor, threshold: float) -> Tensor:
    """Round to whole latents; magnitudes between ``threshold`` and one become one, those below it zero."""
    magnitude = x.detach().abs()
    whole = torch.where(magnitude < 1, (magnitude >= threshold).to(magnitude.dtype), magnitude.round())
    return whole.clamp_max(MAX_LATENT).copysign(x.detach())
