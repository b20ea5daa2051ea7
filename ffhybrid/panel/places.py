"""Places: squares of 64x64 samples that cover a picture, and means over them of maps of any resolution."""

from __future__ import annotations

import torch
from torch import Tensor

SIDE = 64


class Places:
    """The places of a picture of ``height`` rows and ``width`` columns.

    The last row and the last column of places end with the picture, and overlap those before them where its sides are
    no multiples of 64; a picture that is narrower or lower than that is one place wide or high.
    """

    def __init__(self, height: int, width: int) -> None:
        self._sides = (height, width)
        self._starts = (_starts(height), _starts(width))

    def average(self, x: Tensor) -> Tensor:
        """Take means of maps that span the picture, cells counting by the part of them that lies in a place.

        Args:
            x: (batch, channels, rows, columns).

        Returns:
            (batch, channels, places down, places across).
        """
        down, across = (
            _weights(starts, side, cells, x.device)
            for starts, side, cells in zip(self._starts, self._sides, x.shape[-2:], strict=True)
        )
        return down @ (x @ across.T)


def _starts(side: int) -> list[int]:
    last = max(side - SIDE, 0)
    return [*range(0, last, SIDE), last]


def _weights(starts: list[int], side: int, cells: int, device: torch.device) -> Tensor:
    """How much of each place (rows) each cell of a map (columns) is."""
    edges = torch.arange(cells + 1, dtype=torch.float64, device=device) * side / cells
    begins = torch.tensor(starts, dtype=torch.float64, device=device)[:, None]
    covered = torch.minimum(edges[1:], begins + SIDE) - torch.maximum(edges[:-1], begins)
    covered = covered.clamp_min(0)
    return (covered / covered.sum(1, keepdim=True)).float()
