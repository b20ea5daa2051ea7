"""Pixels of as many colours as a budget buys.

The paper has 2^n colours, since it sends n bits a pixel; with entropy coding any number will do.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ffhybrid.filters.cadm.codec import LEAST_COLOURS, MOST_COLOURS, Body
from ffhybrid.filters.cadm.reduction import colours_of, nearest
from ffhybrid.filters.models.latent_layout import ModelLatent

DEFAULT_COLOURS = 64
"""The number of colours without a budget."""


def draw(pixels: Tensor, budget: int | None, seed: int) -> Body:
    """Draw pixels, (3, rows, columns), with as many colours as come nearest to a budget in bytes of the latent.

    ``seed`` is of the choice of pixels that colours are found in.
    """
    if budget is None:
        return _drawn(pixels, DEFAULT_COLOURS, seed)
    sizes: dict[int, Body] = {}
    low, high = LEAST_COLOURS, MOST_COLOURS
    while low <= high:
        middle = (low + high) // 2
        body = _drawn(pixels, middle, seed)
        size = ModelLatent.overhead() + len(body.to_bytes())
        sizes[size] = body
        if size > budget:
            high = middle - 1
        else:
            low = middle + 1
    return sizes[min(sizes, key=lambda size: abs(size - budget))]


def _drawn(pixels: Tensor, count: int, seed: int) -> Body:
    colours = colours_of(pixels, count, torch.Generator().manual_seed(seed))
    indices = nearest(pixels.flatten(1).T, colours).reshape(pixels.shape[-2:])
    return Body(
        steps=1,
        colours=colours.to(torch.int8).cpu().numpy(),
        indices=indices.cpu().numpy().astype(np.uint8),
    )
