"""Random parts of pictures, and what CaDM's encoder leaves of them: what a restorer learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ffhybrid.core.picture import Picture
from ffhybrid.errors import UsageError
from ffhybrid.filters.cadm.reduction import MARGIN, REACH, colours_of, enlarged, quantised, reduced, to_blocks
from ffhybrid.filters.cadm.restorer import LEAST_DEPTH, MOST_DEPTH, class_of
from ffhybrid.filters.losses import pack

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, eq=False)
class TrainingBatch:
    """Parts of pictures in 2x2 luma blocks, (batch, 6, rows, columns), the same enlarged, and labels, (batch,)."""

    sources: Tensor
    conditions: Tensor
    labels: Tensor


class Examples:
    """Pictures with the colours that k-means finds in them, once for each way of reducing them.

    Args:
        pictures: of any sizes that have room for a part and what surrounds it.
        reductions: log2 of the scales in question.
        side: of parts, in luma samples.

    Raises:
        UsageError: a picture is too small.
    """

    def __init__(self, pictures: Sequence[Picture], *, reductions: tuple[int, ...], side: int) -> None:
        self._pictures = pictures
        self._reductions = reductions
        self._side = side
        self._colours: dict[tuple[int, int, int], Tensor] = {}
        least = side + 2 * ((MARGIN + REACH) << max(reductions))
        for picture in pictures:
            if min(picture.width, picture.height) < least:
                size = f"{picture.width}x{picture.height}"
                raise UsageError(f"a picture of {size} is too small to learn from: {least} samples a side are needed")

    def batch(self, size: int, generator: torch.Generator) -> TrainingBatch:
        """Draw parts, each of a random picture, reduction and number of colours."""
        drawn = [self._one(generator) for _ in range(size)]
        sources, conditions, labels = zip(*drawn, strict=True)
        return TrainingBatch(torch.cat(sources), torch.cat(conditions), torch.tensor(labels))

    def _one(self, generator: torch.Generator) -> tuple[Tensor, Tensor, int]:
        def below(limit: int) -> int:
            return int(torch.randint(limit, (), generator=generator))

        index = below(len(self._pictures))
        reduction = self._reductions[below(len(self._reductions))]
        colours = 1 << LEAST_DEPTH + below(MOST_DEPTH - LEAST_DEPTH + 1)
        picture, scale = self._pictures[index], 1 << reduction
        border = (MARGIN + REACH) * scale
        wide = self._side + 2 * border
        top, left = (below((side - wide) // 2 + 1) * 2 for side in (picture.height, picture.width))
        part = pack(_turned(_cut(picture, top, left, wide), below(8)), CPU)
        condition = enlarged(
            quantised(reduced(part, scale)[0], self._colours_of(index, reduction, colours))[None], scale
        )
        inside = (..., slice(border // 2, -border // 2), slice(border // 2, -border // 2))
        return part[inside], to_blocks(condition)[inside], class_of(reduction, colours)

    def _colours_of(self, index: int, reduction: int, count: int) -> Tensor:
        key = (index, reduction, count)
        if key not in self._colours:
            pixels = reduced(pack(self._pictures[index], CPU), 1 << reduction)[0]
            self._colours[key] = colours_of(pixels, count, torch.Generator().manual_seed(index))
        return self._colours[key]


def _cut(picture: Picture, top: int, left: int, side: int) -> Picture:
    """Take a square out; places and side are even."""
    y = picture.y[top : top + side, left : left + side]
    half = (slice(top // 2, (top + side) // 2), slice(left // 2, (left + side) // 2))
    return Picture(y, picture.cb[half], picture.cr[half], picture.bit_depth)


def _turned(picture: Picture, way: int) -> Picture:
    """Turn or mirror a square in one of eight ways."""

    def turn(plane: np.ndarray) -> np.ndarray:
        turned = np.rot90(plane, way % 4)
        return np.ascontiguousarray(turned.T if way >= 4 else turned)

    y, cb, cr = map(turn, picture.planes)
    return Picture(y, cb, cr, picture.bit_depth)
