"""One fit of generator ``cadm``: how many pixels, restored in how many steps, are best for a budget."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ffhybrid.filters.base import FitProgress, Objective
from ffhybrid.filters.losses import pack
from ffhybrid.filters.pretrained.aim import likeness_of, loss_of
from ffhybrid.filters.pretrained.cadm.codec import Body
from ffhybrid.filters.pretrained.cadm.decoder import paint
from ffhybrid.filters.pretrained.cadm.palette import draw
from ffhybrid.filters.pretrained.cadm.reduction import reduced
from ffhybrid.filters.pretrained.cadm.restorer import Restorer
from ffhybrid.filters.pretrained.determinism import deterministic
from ffhybrid.filters.pretrained.layout import Latent
from ffhybrid.filters.pretrained.models import Model
from ffhybrid.picture import PictureSpec

logger = logging.getLogger(__name__)

TOLERANCE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A latent, its picture in 2x2 luma blocks, and its loss."""

    latent: Latent
    packed: Tensor
    loss: float


class Search:
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
        self._source = pack(objective.source, model.device)
        generator = torch.Generator(model.device).manual_seed(seed)
        self._likeness = likeness_of(objective, spec, tune=tune, lpips_file=lpips_file, generator=generator)
        self._loss = loss_of(objective, self._likeness, model.device)

    def best(
        self,
        reductions: tuple[int, ...],
        steps: tuple[int, ...],
        *,
        budget: int | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> Latent:
        """Try every reduction and number of steps; the least loss wins among those that meet the budget."""
        tried: list[Candidate] = []
        with deterministic(), torch.no_grad():
            for reduction in reductions:
                body = draw(reduced(self._source, 1 << reduction)[0], budget, self._seed)
                for count in steps:
                    tried.append(self._candidate(replace(body, steps=count), reduction))
                    found = min(tried, key=lambda candidate: _rank(candidate, budget))
                    if progress:
                        progress(self._progress(len(tried), len(reductions) * len(steps), found))
        if budget is not None and abs(found.latent.size / budget - 1) > TOLERANCE:
            logger.warning("cadm cannot meet %d bytes: its pixels take %d", budget, found.latent.size)
        return found.latent

    def _candidate(self, body: Body, reduction: int) -> Candidate:
        latent = Latent(
            architecture=0,
            model=self._model.digest,
            reduction=reduction,
            tile=self._frame.tile,
            body=body.to_bytes(),
        )
        packed = paint(self._model, self._spec, latent)
        return Candidate(latent, packed, self._loss.whole(packed))

    def _progress(self, step: int, steps: int, best: Candidate) -> FitProgress:
        return FitProgress(
            step=step,
            steps=steps,
            size=best.latent.size,
            distortion=best.loss,
            psnr=self._likeness.psnr(best.packed),
            lpips=self._likeness.lpips(best.packed),
        )


def _rank(candidate: Candidate, budget: int | None) -> tuple[float, float]:
    """Order by bytes beyond the budget's tolerance, then by loss."""
    excess = candidate.latent.size / budget - 1 if budget else 0.0
    return (excess if excess > TOLERANCE else 0.0), candidate.loss
