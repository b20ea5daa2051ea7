"""Choosing tokens of a codebook by what they cost: the nearest vectors, or near ones that take fewer bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

NEAREST = 32
"""Vectors a place that may take the nearest one's part, beside its neighbours' and the most frequent ones."""
FREQUENT = 16
PASSES = 3
"""Rounds in which tokens are chosen again by the frequencies and neighbours of the round before."""
SEARCH_STEPS = 12
_CHUNK = 1024


class Sized(Protocol):
    """What tokens become, and how many bytes it takes."""

    @property
    def size(self) -> int:
        """Bytes."""


Written = TypeVar("Written", bound=Sized)


@dataclass(frozen=True, slots=True)
class _Choice:
    """Candidate tokens of every place, (places, candidates), and their squared distances."""

    tokens: Tensor
    distances: Tensor


class TokenChoice:
    """Tokens for vectors, (places, channels), that lie on a grid of rows and columns."""

    def __init__(self, vectors: Tensor, codebook: Tensor, grid: tuple[int, int]) -> None:
        self._vectors = vectors
        self._codebook = codebook
        self._grid = grid
        self._near = self._nearest()

    @property
    def nearest(self) -> Tensor:
        """The tokens of least distance, (rows, columns)."""
        return self._near.tokens[:, 0].reshape(self._grid)

    def cheaper(self, lagrangian: float) -> Tensor:
        """Choose by squared distance plus ``lagrangian`` times the estimated bits, (rows, columns)."""
        tokens = self.nearest.flatten()
        if math.isinf(lagrangian):
            return tokens.mode().values.expand(self._grid)
        for _ in range(PASSES):
            around = self._around(tokens)
            distances = (self._vectors[:, None] - self._codebook[around]).square().sum(-1)
            every = _Choice(torch.cat((self._near.tokens, around), 1), torch.cat((self._near.distances, distances), 1))
            costs = every.distances + lagrangian * self._bits(every.tokens, tokens)
            tokens = every.tokens.gather(1, costs.argmin(1, keepdim=True))[:, 0]
        return tokens.reshape(self._grid)

    def within(self, budget: int, written: Callable[[Tensor], Written]) -> Written:
        """Search the least weight of bits with which what ``written`` makes of tokens fits the budget."""
        low, high = -8.0, 8.0
        best = written(self.cheaper(math.inf))
        unit = float(self._vectors.var()) or 1.0
        for _ in range(SEARCH_STEPS):
            middle = (low + high) / 2
            found = written(self.cheaper(unit * math.exp(middle)))
            if found.size > budget:
                low = middle
            else:
                high = middle
                best = found
        return best

    def _nearest(self) -> _Choice:
        """Find the nearest vectors of the codebook, the nearest first."""
        count = min(NEAREST, len(self._codebook))
        parts = torch.split(self._vectors, _CHUNK)
        found = [torch.cdist(part, self._codebook).topk(count, largest=False) for part in parts]
        return _Choice(torch.cat([near.indices for near in found]), torch.cat([near.values for near in found]).square())

    def _around(self, tokens: Tensor) -> Tensor:
        """List the tokens left of, above and diagonal to each place, and the most frequent ones, (places, any)."""
        grid = tokens.reshape(self._grid)
        neighbours = [torch.roll(grid, shift, dims).flatten() for shift, dims in ((1, 1), (1, 0))]
        counts = torch.bincount(tokens, minlength=len(self._codebook))
        frequent = counts.topk(min(FREQUENT, len(self._codebook))).indices
        return torch.cat((torch.stack(neighbours, 1), frequent.expand(len(tokens), -1)), 1)

    def _bits(self, candidates: Tensor, tokens: Tensor) -> Tensor:
        """Estimate what candidates would cost: half by what was left and above, half by how frequent they are."""
        grid = tokens.reshape(self._grid)
        counts = torch.bincount(tokens, minlength=len(self._codebook)).to(self._codebook.dtype)
        kinds = (counts > 0).sum()
        likely = 0.5 * counts / (len(tokens) + kinds) + 1 / (2 * len(self._codebook) * (len(tokens) + kinds))
        chance = likely[candidates]
        for shift, dims in ((1, 1), (1, 0)):
            chance = chance + 0.25 * (candidates == torch.roll(grid, shift, dims).reshape(-1, 1))
        return -torch.log2(chance)
