"""Bits of whole numbers under Laplace distributions, for losses that are to be differentiated."""

from __future__ import annotations

import torch
from torch import Tensor

LEAST_PROBABILITY = 2.0**-16


def laplace_bits(value: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Bits of values under a Laplace distribution integrated over one unit."""
    distance = (value - mean).abs()
    inverse = torch.exp(-log_scale)
    # Written for the tail on one side, so that nothing cancels far from the mean.
    upper = 0.5 * torch.exp(-(distance - 0.5).clamp_min(0) * inverse)
    lower = 0.5 * torch.exp(-(distance + 0.5) * inverse)
    inside = 1 - 0.5 * torch.exp((distance - 0.5).clamp_max(0) * inverse) - lower
    probability = torch.where(distance < 0.5, inside, upper - lower)
    return -torch.log2(probability.clamp_min(LEAST_PROBABILITY))
