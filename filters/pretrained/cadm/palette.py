"""Pixels of few colours for a budget: which colours, and which of them each pixel takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ffhybrid.filters.pretrained.cadm.codec import LEAST_DEPTH, MOST_DEPTH, Body
from ffhybrid.filters.pretrained.cadm.reduction import colours_of
from ffhybrid.filters.pretrained.cheaper import TokenChoice
from ffhybrid.filters.pretrained.layout import Latent

DEFAULT_DEPTH = 6
"""Bits of an index without a budget."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Pixels of few colours, bytes of a latent of them, and their mean squared error."""

    body: Body
    size: int
    error: float


class Palette:
    """Colours for pixels, (3, rows, columns); ``seed`` is of the choice of pixels that k-means sees."""

    def __init__(self, pixels: Tensor, depth: int, seed: int) -> None:
        self._pixels = pixels
        self._depth = depth
        self._colours = colours_of(pixels, depth, torch.Generator().manual_seed(seed))
        rows, columns = pixels.shape[-2:]
        self._choice = TokenChoice(pixels.flatten(1).T, self._colours, (rows, columns))

    def plain(self) -> Drawn:
        """Give every pixel its nearest colour."""
        return self._drawn(self._choice.nearest)

    def within(self, budget: int) -> Drawn:
        """Give pixels cheaper colours, as far as a budget asks for it."""
        return self._choice.within(budget, self._drawn)

    def _drawn(self, tokens: Tensor) -> Drawn:
        body = Body(
            depth=self._depth,
            steps=1,
            colours=self._colours.to(torch.int8).cpu().numpy(),
            indices=tokens.cpu().numpy().astype(np.uint8),
        )
        error = (self._colours[tokens].permute(2, 0, 1) - self._pixels).square().mean()
        return Drawn(body, Latent.overhead() + len(body.to_bytes()), float(error))


def draw(pixels: Tensor, budget: int | None, seed: int) -> Drawn:
    """Draw pixels, (3, rows, columns), within a budget in bytes of the latent.

    Tried are as many colours as fit with every pixel at its nearest one, and twice as many with cheaper pixels.
    """
    if budget is None:
        return Palette(pixels, DEFAULT_DEPTH, seed).plain()
    larger: Palette | None = None
    for depth in range(MOST_DEPTH, LEAST_DEPTH - 1, -1):
        palette = Palette(pixels, depth, seed)
        plain = palette.plain()
        if plain.size <= budget:
            return plain if larger is None else min(plain, larger.within(budget), key=lambda drawn: drawn.error)
        larger = palette
    return palette.within(budget)
