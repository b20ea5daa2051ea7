"""Real latents as quantised bodies, and back: the step that meets a budget, the codes, their values as tensors."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ffhybrid.filters.codes import MAX_CODE
from ffhybrid.filters.models.autoencoder import Autoencoder, ModelFrame
from ffhybrid.filters.models.budgets import nearest
from ffhybrid.filters.models.latent_codec import LAST_STEP, nearest_step, read_body, real_step, write_body
from ffhybrid.filters.models.latent_layout import ModelLatent

DEFAULT_STEP = 0.4
"""The step without a budget, in latents of unit scale."""


def values_of(body: bytes, autoencoder: Autoencoder, frame: ModelFrame) -> Tensor:
    """Read the real latents of a body."""
    step, codes = read_body(body, (autoencoder.channels, *frame.grid))
    return step * torch.as_tensor(codes, device=autoencoder.device, dtype=autoencoder.dtype)[None]


def written(values: Tensor, step: int) -> bytes:
    """Quantise real latents, (1, channels, rows, columns), into a body."""
    codes = (values / real_step(step)).round().clamp(-MAX_CODE, MAX_CODE)
    return write_body(step, codes[0].to(torch.int8).cpu().numpy().astype(np.int8))


def step_for(values: Tensor, budget: int | None) -> int:
    """Find the step whose latent is nearest to the budget, among those that no code is too large for."""
    if budget is None:
        return nearest_step(DEFAULT_STEP)
    largest = max(float(values.abs().max()), 1e-3)
    finest = min(nearest_step(largest / MAX_CODE) + 1, LAST_STEP)
    return nearest(lambda step: ModelLatent.overhead() + len(written(values, step)), finest, LAST_STEP, budget)
