"""Tokens for a picture and a budget: the nearest vectors of the codebook, or near ones that cost fewer bits."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ffhybrid.errors import CorruptDataError, ModelError
from ffhybrid.filters.base import FitProgress, Objective
from ffhybrid.filters.codes import MAX_KINDS, MAX_TOKENS, decode_tokens, encode_tokens
from ffhybrid.filters.losses import pack
from ffhybrid.filters.pretrained.autoencoder import Autoencoder, Frame, painter
from ffhybrid.filters.pretrained.cheaper import TokenChoice
from ffhybrid.filters.pretrained.determinism import deterministic
from ffhybrid.filters.pretrained.generation import Generation
from ffhybrid.filters.pretrained.layout import Latent
from ffhybrid.filters.pretrained.models import Model
from ffhybrid.picture import PictureSpec

logger = logging.getLogger(__name__)

TOLERANCE = 0.05


def values_of(body: bytes, autoencoder: Autoencoder, frame: Frame) -> Tensor:
    """Look the vectors of a body's tokens up."""
    codebook = autoencoder.codebook
    rows, columns = frame.grid
    if rows * columns > MAX_TOKENS:
        raise CorruptDataError(f"a latent of {rows} x {columns} tokens is beyond the limit of {MAX_TOKENS}")
    tokens = decode_tokens(body, frame.grid, len(codebook))
    vectors = codebook[torch.as_tensor(tokens.astype(np.int64), device=autoencoder.device)]
    return vectors.permute(2, 0, 1)[None]


class Search:
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
    ) -> Latent:
        """Try every reduction; the least distortion wins among those that meet the budget."""
        tried: list[tuple[bool, float, Latent]] = []
        for step, reduction in enumerate(reductions, 1):
            latent = self._within(reduction, budget)
            picture = Generation(self._model, self._spec, latent, painter(values_of)).picture()
            is_over = budget is not None and latent.size > (1 + TOLERANCE) * budget
            tried.append((is_over, self._objective.distortion(picture), latent))
            _, distortion, found = min(tried, key=lambda entry: entry[:2])
            if progress:
                progress(FitProgress(step=step, steps=len(reductions), size=found.size, distortion=distortion))
        if budget is not None and abs(found.size / budget - 1) > TOLERANCE:
            logger.warning("the model cannot meet %d bytes: its tokens take %d", budget, found.size)
        return found

    def _within(self, reduction: int, budget: int | None) -> Latent:
        """Take the nearest vectors where they fit the budget, else cheaper ones that do."""
        frame = Frame(self._spec, self._autoencoder.unit, reduction)
        with deterministic(), torch.no_grad():
            encoded = self._autoencoder.encoded(frame.extended(self._source), frame, frame.tile)
        choice = TokenChoice(encoded[0].flatten(1).T, self._codebook, frame.grid)
        nearest = self._latent(choice.nearest, frame)
        if budget is None or nearest.size <= budget:
            return nearest
        return choice.within(budget, lambda tokens: self._latent(tokens, frame))

    def _latent(self, tokens: Tensor, frame: Frame) -> Latent:
        return Latent(
            architecture=0,
            model=self._model.digest,
            reduction=frame.reduction,
            tile=frame.tile,
            body=encode_tokens(tokens.cpu().numpy().astype(np.uint16), len(self._codebook)),
        )
