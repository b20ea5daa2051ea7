"""Tokens for a picture and a budget: the nearest vectors of the codebook, or near ones that cost fewer bits."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ffhybrid.core.picture import PictureSpec
from ffhybrid.errors import CorruptDataError, ModelError
from ffhybrid.filters.base import FitProgress, Objective
from ffhybrid.filters.codes import MAX_KINDS, MAX_TOKENS, decode_tokens, encode_tokens
from ffhybrid.filters.determinism import deterministic
from ffhybrid.filters.losses import pack
from ffhybrid.filters.models.autoencoder import Autoencoder, ModelFrame, painter
from ffhybrid.filters.models.budgets import TOLERANCE, miss
from ffhybrid.filters.models.generation import Generation
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.loading import Model

logger = logging.getLogger(__name__)

NEAREST = 32
"""Vectors a place that may take the nearest one's part, beside its neighbours' and the most frequent ones."""
FREQUENT = 16
PASSES = 3
"""Rounds in which tokens are chosen again by the frequencies and neighbours of the round before."""
SEARCH_STEPS = 12
_CHUNK = 1024


@dataclass(frozen=True, slots=True)
class Choice:
    """Candidate tokens of every place, (places, candidates), and their squared distances."""

    tokens: Tensor
    distances: Tensor


def values_of(body: bytes, autoencoder: Autoencoder, frame: ModelFrame) -> Tensor:
    """Look the vectors of a body's tokens up."""
    codebook = autoencoder.codebook
    rows, columns = frame.grid
    if rows * columns > MAX_TOKENS:
        raise CorruptDataError(f"a latent of {rows} x {columns} tokens is beyond the limit of {MAX_TOKENS}")
    tokens = decode_tokens(body, frame.grid, len(codebook))
    vectors = codebook[torch.as_tensor(tokens.astype(np.int64), device=autoencoder.device)]
    return vectors.permute(2, 0, 1)[None]


class TokenSearch:
    """What stays the same while tokens of one picture are searched."""

    def __init__(self, objective: Objective, spec: PictureSpec, model: Model) -> None:
        self._objective = objective
        self._spec = spec
        self._model = model
        self._autoencoder = Autoencoder(model)
        self._codebook = self._autoencoder.codebook
        if len(self._codebook) > MAX_KINDS:
            raise ModelError(f"the model has a codebook of {len(self._codebook)}; the format has room for {MAX_KINDS}")
        self._source = pack(objective.source, model.device)

    def best(
        self, reductions: tuple[int, ...], budget: int | None, progress: Callable[[FitProgress], None] | None
    ) -> ModelLatent:
        """Try every reduction; the least distortion wins among those that meet the budget."""
        candidates: list[tuple[bool, float, ModelLatent]] = []
        for step, reduction in enumerate(reductions, 1):
            latent = self._within(reduction, budget)
            picture = Generation(self._model, self._spec, latent, painter(values_of)).picture()
            is_over = budget is not None and latent.size > (1 + TOLERANCE) * budget
            candidates.append((is_over, self._objective.distortion(picture), latent))
            _, distortion, found = min(candidates, key=lambda entry: entry[:2])
            if progress:
                progress(FitProgress(step=step, steps=len(reductions), size=found.size, distortion=distortion))
        if miss(found.size, budget) > TOLERANCE:
            logger.warning("the model cannot meet %d bytes: its tokens take %d", budget, found.size)
        return found

    def _within(self, reduction: int, budget: int | None) -> ModelLatent:
        """Take the nearest vectors where they fit the budget, else cheaper ones that do."""
        frame = ModelFrame(self._spec, self._autoencoder.unit, reduction)
        with deterministic(), torch.no_grad():
            encoded = self._autoencoder.encoded(frame.extended(self._source), frame, frame.tile)
        vectors = encoded[0].flatten(1).T
        nearest = self._latent(self._cheaper(vectors, frame, 0.0), frame)
        if budget is None or nearest.size <= budget:
            return nearest
        low, high = -8.0, 8.0
        best = self._latent(self._cheaper(vectors, frame, math.inf), frame)
        unit = float(vectors.var()) or 1.0
        for _ in range(SEARCH_STEPS):
            middle = (low + high) / 2
            latent = self._latent(self._cheaper(vectors, frame, unit * math.exp(middle)), frame)
            if latent.size > budget:
                low = middle
            else:
                high = middle
                best = latent
        return best

    def _latent(self, tokens: Tensor, frame: ModelFrame) -> ModelLatent:
        grid = tokens.reshape(frame.grid).cpu().numpy().astype(np.uint16)
        return ModelLatent(
            architecture=0,
            model=self._model.digest,
            reduction=frame.reduction,
            tile=frame.tile,
            body=encode_tokens(grid, len(self._codebook)),
        )

    def _cheaper(self, vectors: Tensor, frame: ModelFrame, lagrangian: float) -> Tensor:
        """Choose tokens (places,) by squared distance plus ``lagrangian`` times their bits."""
        near = self._near(vectors)
        tokens = near.tokens[:, 0]
        if lagrangian == 0:
            return tokens
        if math.isinf(lagrangian):
            return tokens.mode().values.expand_as(tokens)
        for _ in range(PASSES):
            around = self._around(tokens, frame)
            distances = (vectors[:, None] - self._codebook[around]).square().sum(-1)
            every = Choice(torch.cat((near.tokens, around), 1), torch.cat((near.distances, distances), 1))
            costs = every.distances + lagrangian * self._bits(every.tokens, tokens, frame)
            tokens = every.tokens.gather(1, costs.argmin(1, keepdim=True))[:, 0]
        return tokens

    def _near(self, vectors: Tensor) -> Choice:
        """Find the nearest vectors of the codebook, the nearest first."""
        count = min(NEAREST, len(self._codebook))
        found = [torch.cdist(part, self._codebook).topk(count, largest=False) for part in torch.split(vectors, _CHUNK)]
        return Choice(torch.cat([near.indices for near in found]), torch.cat([near.values for near in found]).square())

    def _around(self, tokens: Tensor, frame: ModelFrame) -> Tensor:
        """List the tokens left of, above and diagonal to each place, and the most frequent ones, (places, any)."""
        grid = tokens.reshape(frame.grid)
        neighbours = [torch.roll(grid, shift, dims).flatten() for shift, dims in ((1, 1), (1, 0))]
        counts = torch.bincount(tokens, minlength=len(self._codebook))
        frequent = counts.topk(min(FREQUENT, len(self._codebook))).indices
        return torch.cat((torch.stack(neighbours, 1), frequent.expand(len(tokens), -1)), 1)

    def _bits(self, candidates: Tensor, tokens: Tensor, frame: ModelFrame) -> Tensor:
        """Estimate what candidates would cost: half by what was left and above, half by how frequent they are."""
        grid = tokens.reshape(frame.grid)
        counts = torch.bincount(tokens, minlength=len(self._codebook)).to(self._codebook.dtype)
        kinds = (counts > 0).sum()
        likely = 0.5 * counts / (len(tokens) + kinds) + 1 / (2 * len(self._codebook) * (len(tokens) + kinds))
        chance = likely[candidates]
        for shift, dims in ((1, 1), (1, 0)):
            chance = chance + 0.25 * (candidates == torch.roll(grid, shift, dims).reshape(-1, 1))
        return -torch.log2(chance)
