"""Running a network over a picture in overlapping tiles, blended linearly, so that memory has a bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

OVERLAP = 16
"""Latent samples that neighbouring tiles share at least."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Parts of one side that cover it with overlaps: equal lengths, evenly spread."""

    size: int
    length: int
    starts: tuple[int, ...]

    @classmethod
    def over(cls, size: int, limit: int) -> Spans:
        """Cover ``size`` latent samples by the fewest parts of at most ``limit``; 0 is no limit."""
        if limit == 0 or size <= limit:
            return cls(size, size, (0,))
        count = -(-(size - OVERLAP) // (limit - OVERLAP))
        length = -(-(size + (count - 1) * OVERLAP) // count)
        return cls(size, length, tuple(i * (size - length) // (count - 1) for i in range(count)))

    def weights(self, index: int, factor: int, like: Tensor) -> Tensor:
        """Give a part's weights, rising where it overlaps the one before, falling towards the one after."""
        weights = like.new_ones(self.length * factor)
        if index > 0:
            overlap = (self.starts[index - 1] + self.length - self.starts[index]) * factor
            weights[:overlap] *= _ramp(overlap, like)
        if index + 1 < len(self.starts):
            overlap = (self.starts[index] + self.length - self.starts[index + 1]) * factor
            weights[-overlap:] *= _ramp(overlap, like).flip(0)
        return weights


def _ramp(length: int, like: Tensor) -> Tensor:
    return (torch.arange(length, device=like.device, dtype=like.dtype) + 0.5) / length


def blended(work: Callable[[Tensor], Tensor], x: Tensor, limit: int, *, unit: int, factor: int) -> Tensor:
    """Apply ``work`` to tiles and join the results.

    Args:
        work: makes (1, channels, rows * factor / unit, ...) of (1, any, rows, columns).
        x: (1, any, rows, columns), sides multiples of ``unit``.
        limit: side of a tile in latent samples at most, 0 for the whole; beyond :data:`OVERLAP`.
        unit: samples of ``x`` a latent sample.
        factor: samples of the result a latent sample.
    """
    rows, columns = (Spans.over(side // unit, limit) for side in x.shape[-2:])
    if len(rows.starts) * len(columns.starts) == 1:
        return work(x)
    joined: Tensor | None = None
    total: Tensor | None = None
    for (i, top), (j, left) in product(enumerate(rows.starts), enumerate(columns.starts)):
        part = x[..., top * unit : (top + rows.length) * unit, left * unit : (left + columns.length) * unit]
        made = checkpoint(work, part, use_reentrant=False) if x.requires_grad else work(part)
        weights = rows.weights(i, factor, made)[:, None] * columns.weights(j, factor, made)
        if joined is None or total is None:
            joined = made.new_zeros(1, made.shape[1], rows.size * factor, columns.size * factor)
            total = made.new_zeros(rows.size * factor, columns.size * factor)
        place = (
            ...,
            slice(top * factor, (top + rows.length) * factor),
            slice(left * factor, (left + columns.length) * factor),
        )
        joined[place] += made * weights
        total[place] += weights
    if joined is None or total is None:
        raise ValueError("there is nothing to tile")
    return joined / total
