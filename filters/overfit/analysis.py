"""A first guess of the latents: a small convolutional encoder, trained for the prior of the network.

Only fitting uses it. Without it a fit begins from zeros and takes several times as many iterations.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from ffhybrid.filters.overfit.structure import (
    ARRAYS,
    CLASSES,
    FIRST_CHROMA_LEVEL,
    LEVELS,
    OUTPUTS,
    PATTERN_GRID,
    PATTERN_SIDE,
    PATTERN_STRIDE,
    PATTERNS,
    chroma_grid,
    pattern_positions,
)

WIDTH = 32
UNIT = 16.0
"""8-bit units that an output of one stands for."""
PATTERN_LEVEL = 3
"""The level of the feature pyramid that has one position for each of the patterns'."""
FIRST_WEIGHT = 0.005
"""Spread of the last layers before training: close to the pyramid alone."""


class Analysis(nn.Module):
    """Packed picture (batch, 6, rows, columns) in 8-bit units around mid-grey to one grid a level.

    A Laplacian pyramid of each plane of what the base picture lacks, corrected by a feature pyramid: down to the
    coarsest level, and up again, so that a finer grid knows what the coarser ones hold.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2 * OUTPUTS + CLASSES, WIDTH, 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1) for _ in range(LEVELS - 2))
        self.up = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 3, padding=1) for _ in range(LEVELS - 1))
        self.head = nn.ModuleList(nn.Conv2d(WIDTH, 3, 3, padding=1) for _ in range(LEVELS - 1))
        self.fine = nn.Conv2d(WIDTH, 4, 3, padding=1)
        self.patterns = nn.Conv2d(OUTPUTS, PATTERNS, PATTERN_SIDE, stride=PATTERN_STRIDE, bias=False)
        self.corrections = nn.Conv2d(WIDTH, PATTERNS, 3, padding=1)
        for layer in (*self.head, self.fine, self.corrections):
            nn.init.normal_(layer.weight, std=FIRST_WEIGHT)
            nn.init.zeros_(layer.bias)

    def forward(
        self, packed: Tensor, base: Tensor | None, classes: Sequence[float], steps: Sequence[float]
    ) -> list[Tensor]:
        """Guess latents.

        Args:
            packed: the picture.
            base: the base picture, as ``packed``; None for none.
            classes: rate and texture class, as for the synthesis.
            steps: by grid, 8-bit units of one latent unit, and that of patterns.

        Returns:
            All grids, unrounded, (batch, 1, rows, columns), and (batch, PATTERNS, rows, columns).
        """
        wanted = packed.new_tensor(classes).view(1, -1, 1, 1).expand(packed.shape[0], -1, *packed.shape[2:])
        below = torch.zeros_like(packed) if base is None else base
        packed = packed - below
        x = F.gelu(self.stem(torch.cat((packed / 64, below / 64, wanted / 4), 1)))
        sides = [x]
        for layer in self.down:
            x = F.gelu(layer(x))
            sides.append(x)
        bands = _bands(packed)
        planes = {PATTERN_GRID: self._patterns(packed, sides[PATTERN_LEVEL])}
        for level in range(LEVELS - 1, 0, -1):
            side = sides[level - 1]
            if level < LEVELS - 1:
                x = F.interpolate(x, scale_factor=2, mode="nearest")[..., : side.shape[-2], : side.shape[-1]] + side
            if level == 1:
                planes[0] = F.pixel_shuffle(self.fine(x), 2) * UNIT
            x = x + F.gelu(self.up[level - 1](x))
            y, cb, cr = (UNIT * self.head[level - 1](x) + bands[level - 1]).split(1, 1)
            planes[level] = y
            if level >= FIRST_CHROMA_LEVEL:
                planes[chroma_grid(0, level)], planes[chroma_grid(1, level)] = cb, cr
        return [planes[grid] / steps[grid] for grid in range(ARRAYS)]

    def _patterns(self, packed: Tensor, features: Tensor) -> Tensor:
        rows, columns = (pattern_positions(2 * side) for side in packed.shape[-2:])
        below, right = (
            PATTERN_STRIDE * count - side for count, side in zip((rows, columns), packed.shape[-2:], strict=True)
        )
        padded = F.pad(packed, (PATTERN_STRIDE, right, PATTERN_STRIDE, below), mode="replicate")
        missing = (0, columns - features.shape[-1], 0, rows - features.shape[-2])
        found: Tensor = self.patterns(padded) + UNIT * self.corrections(F.pad(features, missing, mode="replicate"))
        return found


def _bands(packed: Tensor) -> list[Tensor]:
    """Y, Cb and Cr of levels 1 to 6, (batch, 3, rows, columns), each without what the next coarser level holds."""
    levels = [torch.cat((packed[:, :4].mean(1, keepdim=True), packed[:, 4:]), 1)]
    for _ in range(LEVELS - 2):
        levels.append(F.avg_pool2d(levels[-1], 2, ceil_mode=True, count_include_pad=False))
    bands = []
    for finer, coarser in pairwise(levels):
        larger = F.interpolate(coarser, scale_factor=2, mode="bilinear", align_corners=False)
        bands.append(finer - larger[..., : finer.shape[-2], : finer.shape[-1]])
    return [*bands, levels[-1]]
