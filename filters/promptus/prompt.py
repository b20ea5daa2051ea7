"""The low-rank prompt under descent, seen through the quantisers that a reader will have (Promptus section 3.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from ffhybrid.filters.codes import MAX_CODE, Codes
from ffhybrid.filters.models.latent_codec import LAST_STEP, nearest_step, real_step
from ffhybrid.filters.promptus.codec import MAX_OFFSET, TOKENS, PromptBody, Quantiser

LEAST_SPREAD = 1e-6
Factors: TypeAlias = tuple[Tensor, Tensor]
"""U, (tokens, rank), and V, (rank, width)."""


def composed(u: Tensor, v: Tensor) -> Tensor:
    """Make a prompt, (1, tokens, width), of factors, (tokens, rank) and (rank, width)."""
    return (u @ v / math.sqrt(v.shape[0]))[None]


@dataclass(slots=True, eq=False)
class Prompt:
    """Factors U, (tokens, rank), and V, (rank, width), that gradients reach, and their quantisers."""

    u: Tensor
    v: Tensor
    quantisers: tuple[Quantiser, Quantiser]

    @classmethod
    def of(cls, u: Tensor, v: Tensor) -> Prompt:
        """Begin with factors and their finest quantisers."""
        u, v = (factor.detach().clone().requires_grad_() for factor in (u, v))
        return cls(u, v, (_quantiser(u, 0), _quantiser(v, 0)))

    @classmethod
    def drawn(cls, rank: int, width: int, generator: torch.Generator) -> Prompt:
        """Begin with uniform numbers of 0 to 1."""
        shapes = ((TOKENS, rank), (rank, width))
        u, v = (torch.rand(shape, generator=generator, device=generator.device) for shape in shapes)
        return cls.of(u, v)

    @classmethod
    def warm(cls, body: PromptBody, rank: int, generator: torch.Generator) -> Prompt:
        """Go on from a latent: exactly from it at the same rank, else with fewer components or with new ones.

        New components begin with rows of V that are zero, so that the prompt stays what it is.
        """
        if body.rank > rank:
            body = body.truncated(rank)
        u, v = (torch.as_tensor(factor, device=generator.device) for factor in body.factors())
        if body.rank == rank:
            return cls(u.clone().requires_grad_(), v.clone().requires_grad_(), (body.u, body.v))
        new = cls.drawn(rank - body.rank, v.shape[1], generator)
        kept = math.sqrt(rank / body.rank) * u
        return cls.of(torch.cat((kept, new.u.detach()), 1), torch.cat((v, torch.zeros_like(new.v))))

    @property
    def rank(self) -> int:
        """Components."""
        return int(self.v.shape[0])

    def seen(self) -> Factors:
        """Give the factors that a reader will have; rounding is straight-through, which makes a fit aware of it."""
        u, v = self.quantisers
        return _seen(self.u, u), _seen(self.v, v)

    def embedding(self, rank: int) -> Tensor:
        """Compose what a reader will compose of the first components, (1, tokens, width)."""
        u, v = self.seen()
        return composed(u[:, :rank], v[:rank])

    def coarsen(self, coarseness: int) -> None:
        """Take steps so much coarser, in the unit of steps, than the finest that hold the factors as they are."""
        self.quantisers = (_quantiser(self.u, coarseness), _quantiser(self.v, coarseness))

    def body(self, *, seed: int, start: bytes) -> PromptBody:
        """Quantise."""
        u, v = self.quantisers
        codes = np.concatenate((_codes(self.u, u).T, _codes(self.v, v)), 1)
        return PromptBody(seed=seed, start=start, u=u, v=v, codes=codes)


def _quantiser(factor: Tensor, coarseness: int) -> Quantiser:
    values = factor.detach()
    mean = float(values.mean())
    reach = max(float((values - mean).abs().max()), LEAST_SPREAD)
    finest = max(reach / MAX_CODE, abs(mean) / MAX_OFFSET)
    step = min(nearest_step(finest) + 1 + coarseness, LAST_STEP)
    offset = min(max(round(mean / real_step(step)), -MAX_OFFSET), MAX_OFFSET)
    return Quantiser(step, offset)


def _whole(factor: Tensor, by: Quantiser) -> Tensor:
    return ((factor / real_step(by.step)).round() - by.offset).clamp(-MAX_CODE, MAX_CODE)


def _seen(factor: Tensor, by: Quantiser) -> Tensor:
    real = (_whole(factor, by) + by.offset) * real_step(by.step)
    return factor + (real - factor).detach()


def _codes(factor: Tensor, by: Quantiser) -> Codes:
    codes: Codes = _whole(factor.detach(), by).to(torch.int8).cpu().numpy()
    return codes
