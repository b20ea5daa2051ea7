"""One fit of generator ``cadm``: how many pixels, restored in how many steps, are best for a budget."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.base import FitProgress, Objective
from ffhybrid.filters.cadm.decoder import paint
from ffhybrid.filters.cadm.palette import draw
from ffhybrid.filters.cadm.reduction import reduced
from ffhybrid.filters.cadm.restorer import Restorer
from ffhybrid.filters.determinism import deterministic
from ffhybrid.filters.models.budgets import TOLERANCE, LatentCandidate, miss
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.loading import Model
from ffhybrid.filters.models.objective import PERCEPTUAL_WEIGHT, Aim

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CadmCandidate(LatentCandidate):
    """A latent with the reduction that it has."""

    reduction: int


class CadmSearch:
    """What stays the same while one picture is fitted.

    Raises:
        ModelError: the model restores nothing.
    """

    def __init__(
        self, objective: Objective, spec: PictureSpec, model: Model, *, tune: str, seed: int, lpips_file: Path | None
    ) -> None:
        self._spec = spec
        self._model = model
        self._frame = Restorer(model).frame(spec)
        self._seed = seed
        generator = torch.Generator(model.device).manual_seed(seed)
        self._aim = Aim(
            objective, spec, tune=tune, weight=PERCEPTUAL_WEIGHT, lpips_file=lpips_file, generator=generator
        )

    def best(
        self,
        reductions: tuple[int, ...],
        steps: tuple[int, ...],
        *,
        budget: int | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> ModelLatent:
        """Try every reduction and number of steps; the least loss wins among those that meet the budget."""
        candidates: list[CadmCandidate] = []
        with deterministic(), torch.no_grad():
            for reduction in reductions:
                body = draw(reduced(self._aim.source, 1 << reduction)[0], budget, self._seed)
                for count in steps:
                    candidates.append(self._candidate(replace(body, steps=count).to_bytes(), reduction))
                    found = min(candidates, key=lambda candidate: _rank(candidate, budget))
                    if progress:
                        total = len(reductions) * len(steps)
                        progress(self._aim.progress(len(candidates), total, found.size, found.loss, found.packed))
        if miss(found.size, budget) > TOLERANCE:
            logger.warning("cadm cannot meet %d bytes: its pixels take %d", budget, found.size)
        return self._latent(found.body, found.reduction)

    def _candidate(self, body: bytes, reduction: int) -> CadmCandidate:
        packed = paint(self._model, self._spec, self._latent(body, reduction))
        return CadmCandidate(reduction=reduction, body=body, packed=packed, loss=self._aim.loss.whole(packed))

    def _latent(self, body: bytes, reduction: int) -> ModelLatent:
        return ModelLatent(
            architecture=0, model=self._model.digest, reduction=reduction, tile=self._frame.tile, body=body
        )


def _rank(candidate: LatentCandidate, budget: int | None) -> tuple[float, float]:
    """Order by bytes beyond the budget's tolerance, then by loss: few colours take what they take."""
    over = candidate.size / budget - 1 if budget else 0.0
    return (over if over > TOLERANCE else 0.0), candidate.loss
