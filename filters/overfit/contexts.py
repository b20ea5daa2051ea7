"""Contexts of the entropy model, and the bits that its distributions give; the C core has the same in integers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ffhybrid.filters.overfit.structure import NEIGHBOURS, PARENTS, PATTERNS

REACH = 2
"""Rows and columns that contexts of grids reach."""


def grid_context(grid: Tensor, parent: Tensor | None, rate_class: float) -> Tensor:
    """Give what a latent of a grid is predicted from, (batch, rows, columns, CONTEXT)."""
    rows, columns = grid.shape[-2:]
    padded = F.pad(grid[:, 0], (REACH, REACH, REACH, 0))
    values = [_window(padded, REACH + dy, REACH + dx, rows, columns) for dy, dx in NEIGHBOURS]
    if parent is None:
        values += [torch.zeros_like(values[0])] * len(PARENTS)
    else:
        larger = parent[:, 0].repeat_interleave(2, -2).repeat_interleave(2, -1)
        around = F.pad(larger, (2, 2, 2, 2))
        values += [_window(around, 2 + 2 * dy, 2 + 2 * dx, rows, columns) for dy, dx in PARENTS]
    values.append(torch.full_like(values[0], rate_class))
    return torch.stack(values, -1)


def pattern_context(patterns: Tensor, classes: Sequence[float]) -> Tensor:
    """Give what an amplitude is predicted from, (batch, PATTERNS, rows, columns, PATTERN_CONTEXT)."""
    rows, columns = patterns.shape[-2:]

    def shifted(values: Tensor, dy: int, dx: int) -> Tensor:
        return F.pad(values, (1, 1, 1, 0))[..., 1 + dy : 1 + dy + rows, 1 + dx : 1 + dx + columns]

    places = ((0, -1), (-1, 0), (-1, -1), (-1, 1))
    magnitudes = patterns.abs()
    earlier = magnitudes.cumsum(1) - magnitudes
    rest = magnitudes.sum(1, keepdim=True) - earlier
    around = [shifted(patterns, *place) for place in places]
    left, above, above_left, above_right = (shifted(rest, *place) / 4 for place in places)
    earlier_left, earlier_above = (shifted(earlier, *place) / 8 for place in places[:2])
    before = F.pad(patterns, (0, 0, 0, 0, 4, 0))
    recent = F.pad(magnitudes, (0, 0, 0, 0, 4, 0))
    values = [
        *around,
        around[0].abs() + around[1].abs(),
        around[2].abs() + around[3].abs(),
        before[:, 3:-1],
        before[:, 2:-2],
        sum((recent[:, i : i + PATTERNS] for i in range(1, 4)), recent[:, :PATTERNS]),
        earlier / 4,
        left,
        above,
        (above_left + above_right) / 2,
        earlier_left + earlier_above,
        *(torch.full_like(patterns, value) for value in classes),
    ]
    return torch.stack(values, -1)


def _window(padded: Tensor, top: int, left: int, rows: int, columns: int) -> Tensor:
    return padded[:, top : top + rows, left : left + columns]
