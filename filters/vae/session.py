"""One fit of generator ``vae``: encode, search the step that meets the budget, refine, and keep what decodes best."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.base import FitProgress, Objective
from ffhybrid.filters.determinism import deterministic
from ffhybrid.filters.models.autoencoder import Autoencoder, ModelFrame
from ffhybrid.filters.models.budgets import TOLERANCE, LatentCandidate, miss
from ffhybrid.filters.models.latent_codec import LAST_STEP, real_step
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.latent_quantiser import step_for, values_of, written
from ffhybrid.filters.models.loading import Model
from ffhybrid.filters.models.objective import PERCEPTUAL_WEIGHT, Aim
from ffhybrid.filters.vae.refinement import Refinement

logger = logging.getLogger(__name__)

STEERING_INTERVAL = 10
"""Iterations after which lambda is moved towards the budget."""
MOVING_PART = 0.6
"""The part of the iterations, the first, in which the step of the quantiser may move too."""
SLOPE_STEPS = 8
"""The distance of the two steps of the quantiser whose losses and sizes give a first lambda."""
LEAST_LAMBDA = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VaeCandidate(LatentCandidate):
    """A latent with the size and the quantiser that it has."""

    frame: ModelFrame
    tile: int
    step: int

    @property
    def rate(self) -> float:
        """Bits a luma sample."""
        return 8 * self.size / (self.frame.spec.width * self.frame.spec.height)


class VaeSession:
    """Everything that stays the same while one picture is fitted."""

    def __init__(
        self, objective: Objective, spec: PictureSpec, model: Model, *, tune: str, seed: int, lpips_file: Path | None
    ) -> None:
        self._spec = spec
        self._autoencoder = Autoencoder(model)
        self._generator = torch.Generator(model.device).manual_seed(seed)
        self._aim = Aim(
            objective, spec, tune=tune, weight=PERCEPTUAL_WEIGHT, lpips_file=lpips_file, generator=self._generator
        )

    def fit(
        self,
        iterations: int,
        *,
        reductions: tuple[int, ...],
        budget: int | None,
        warm_start: ModelLatent | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> VaeCandidate:
        """Find the best latent within the budget's tolerance, or the nearest to it."""

        def report(step: int, candidate: VaeCandidate) -> None:
            if progress:
                progress(self._aim.progress(step, iterations, candidate.size, candidate.loss, candidate.packed))

        with deterministic():
            starts = [self._start(reduction, budget, warm_start) for reduction in reductions]
            values, best = min(starts, key=lambda start: start[1].order(budget))
            report(0, best)
            if iterations:
                best = self._refined(values, best, iterations, budget, report)
        if miss(best.size, budget) > TOLERANCE:
            logger.warning("the model cannot meet %d bytes: its latent takes %d", budget, best.size)
        return best

    def _start(self, reduction: int, budget: int | None, warm_start: ModelLatent | None) -> tuple[Tensor, VaeCandidate]:
        """Encode the source, or begin from a similar picture's latents where the source is not the aim."""
        frame = ModelFrame(self._spec, self._autoencoder.unit, reduction)
        tile = frame.tile
        if not self._aim.is_likeness and warm_start is not None and warm_start.reduction == reduction:
            values = values_of(warm_start.body, self._autoencoder, frame)
        else:
            with torch.no_grad():
                values = self._autoencoder.encoded(frame.extended(self._aim.source), frame, tile)
        return values, self._candidate(values, frame, step_for(values, budget))

    def _candidate(self, values: Tensor, frame: ModelFrame, step: int) -> VaeCandidate:
        body = written(values, step)
        with torch.no_grad():
            decoded = self._autoencoder.decoded(values_of(body, self._autoencoder, frame), frame, frame.tile)
        packed = frame.cropped(decoded)
        loss = self._aim.loss.whole(packed)
        return VaeCandidate(frame=frame, tile=frame.tile, step=step, body=body, packed=packed, loss=loss)

    def _refined(
        self,
        values: Tensor,
        start: VaeCandidate,
        iterations: int,
        budget: int | None,
        report: Callable[[int, VaeCandidate], None],
    ) -> VaeCandidate:
        best, frame, step = start, start.frame, start.step
        refinement = Refinement(
            values,
            autoencoder=self._autoencoder,
            frame=frame,
            tile=start.tile,
            loss=self._aim.loss,
            step=real_step(step),
            lagrangian=self._slope(values, start),
            generator=self._generator,
        )
        for done in range(1, iterations + 1):
            refinement.descend(done / iterations)
            if done % STEERING_INTERVAL and done < iterations:
                continue
            found = self._candidate(refinement.values, frame, step)
            logger.debug("%d: step %d, %d bytes, loss %.5f", done, step, found.size, found.loss)
            best = min(best, found, key=lambda candidate: candidate.order(budget))
            report(done, best)
            refinement.steer(found.size / budget if budget else 1.0)
            if miss(found.size, budget) > TOLERANCE / 2 and done < MOVING_PART * iterations:
                step = step_for(refinement.values, budget)
                refinement.change_step(real_step(step))
        settled = self._candidate(refinement.values, frame, step_for(refinement.values, budget) if budget else step)
        return min(best, settled, key=lambda candidate: candidate.order(budget))

    def _slope(self, values: Tensor, start: VaeCandidate) -> float:
        """Lambda at which a start of this size is the best one: loss saved for a bit a luma sample."""
        coarser = self._candidate(values, start.frame, min(start.step + SLOPE_STEPS, LAST_STEP))
        saved = start.rate - coarser.rate
        return max((coarser.loss - start.loss) / saved, LEAST_LAMBDA) if saved > 0 else LEAST_LAMBDA
