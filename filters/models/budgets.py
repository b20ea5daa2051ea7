"""Meeting a budget of bytes: which latent is near enough, and which of several is best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ffhybrid.filters.models.latent_layout import ModelLatent

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = 0.05


def miss(size: int, budget: int | None) -> float:
    """How far bytes are from the budget, as a part of it; 0 without one."""
    return abs(size / budget - 1) if budget else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LatentCandidate:
    """A latent that was written and decoded: its body, the picture in 2x2 luma blocks, and its loss."""

    body: bytes
    packed: Tensor
    loss: float

    @property
    def size(self) -> int:
        """Bytes of the latent without a correction."""
        return ModelLatent.overhead() + len(self.body)

    def order(self, budget: int | None) -> tuple[float, float]:
        """Order candidates, the best first: the nearest to the budget, and among those near enough the least loss."""
        missed = miss(self.size, budget)
        return (missed, 0.0) if missed > TOLERANCE else (0.0, self.loss)


def nearest(size_of: Callable[[int], int], first: int, last: int, budget: int) -> int:
    """Find the number from ``first`` to ``last`` whose size, falling with it, is nearest to the budget."""
    low, high = first, last
    while low < high:
        middle = (low + high) // 2
        if size_of(middle) > budget:
            low = middle + 1
        else:
            high = middle
    return min({max(low - 1, first), low}, key=lambda number: abs(size_of(number) - budget))
