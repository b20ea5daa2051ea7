"""One fit of generator ``vae``: encode, search the step that meets the budget, refine, and keep what decodes best."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ffhybrid.filters.base import DifferentiableObjective, FitProgress, Objective
from ffhybrid.filters.codes import MAX_CODE
from ffhybrid.filters.losses import pack
from ffhybrid.filters.pretrained.aim import likeness_of, loss_of
from ffhybrid.filters.pretrained.autoencoder import Autoencoder, Frame
from ffhybrid.filters.pretrained.determinism import deterministic
from ffhybrid.filters.pretrained.layout import Latent
from ffhybrid.filters.pretrained.models import Model
from ffhybrid.filters.pretrained.vae_codec import LAST_STEP, nearest_step, read_body, real_step, write_body
from ffhybrid.filters.pretrained.vae_refinement import Refinement
from ffhybrid.picture import PictureSpec

logger = logging.getLogger(__name__)

TOLERANCE = 0.05
DEFAULT_STEP = 0.4
"""In latents of unit scale, without a budget."""
STEERING_INTERVAL = 10
"""Iterations after which lambda is moved towards the budget."""
MOVING_PART = 0.6
"""Of the first iterations, in which the step of the quantiser may move too."""
SLOPE_STEPS = 8
"""Between the two steps of the quantiser whose losses and sizes give a first lambda."""
LEAST_LAMBDA = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A latent that was written and decoded: its body, the picture in 2x2 luma blocks, and its loss."""

    frame: Frame
    tile: int
    step: int
    body: bytes
    packed: Tensor
    loss: float

    @property
    def size(self) -> int:
        """Bytes of the latent without a correction."""
        return Latent.overhead() + len(self.body)

    @property
    def rate(self) -> float:
        """Bits a luma sample."""
        return 8 * self.size / (self.frame.spec.width * self.frame.spec.height)


def values_of(body: bytes, autoencoder: Autoencoder, frame: Frame) -> Tensor:
    """Read the real latents of a body."""
    step, codes = read_body(body, (autoencoder.channels, *frame.grid))
    return step * torch.as_tensor(codes, device=autoencoder.device, dtype=autoencoder.dtype)[None]


class Session:
    """Everything that stays the same while one picture is fitted."""

    def __init__(
        self, objective: Objective, spec: PictureSpec, model: Model, *, tune: str, seed: int, lpips_file: Path | None
    ) -> None:
        self._spec = spec
        self._autoencoder = Autoencoder(model)
        self._generator = torch.Generator(model.device).manual_seed(seed)
        self._source = pack(objective.source, model.device)
        self._likeness = likeness_of(objective, spec, tune=tune, lpips_file=lpips_file, generator=self._generator)
        self._has_own_aim = isinstance(objective, DifferentiableObjective)
        self._loss = loss_of(objective, self._likeness, model.device)

    def fit(
        self,
        iterations: int,
        *,
        reductions: tuple[int, ...],
        budget: int | None,
        warm_start: Latent | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> Candidate:
        """Find the best latent within the budget's tolerance, or the nearest to it."""

        def report(step: int, candidate: Candidate) -> None:
            if progress:
                progress(self._progress(step, iterations, candidate))

        with deterministic():
            starts = [self._start(reduction, budget, warm_start) for reduction in reductions]
            values, best = min(starts, key=lambda start: _rank(start[1], budget))
            report(0, best)
            if iterations:
                best = self._refined(values, best, iterations, budget, report)
        if _miss(best, budget) > TOLERANCE:
            logger.warning("the model cannot meet %d bytes: its latent takes %d", budget, best.size)
        return best

    def _start(self, reduction: int, budget: int | None, warm_start: Latent | None) -> tuple[Tensor, Candidate]:
        """Encode the source, or begin from a similar picture's latents where the source is not the aim."""
        frame = Frame(self._spec, self._autoencoder.unit, reduction)
        tile = frame.tile
        if self._has_own_aim and warm_start is not None and warm_start.reduction == reduction:
            values = values_of(warm_start.body, self._autoencoder, frame)
        else:
            with torch.no_grad():
                values = self._autoencoder.encoded(frame.extended(self._source), frame, tile)
        return values, self._candidate(values, frame, _step_for(values, budget))

    def _candidate(self, values: Tensor, frame: Frame, step: int) -> Candidate:
        body = _written(values, step)
        with torch.no_grad():
            decoded = self._autoencoder.decoded(values_of(body, self._autoencoder, frame), frame, frame.tile)
        packed = frame.cropped(decoded)
        loss = self._loss.whole(packed)
        return Candidate(frame=frame, tile=frame.tile, step=step, body=body, packed=packed, loss=loss)

    def _refined(
        self,
        values: Tensor,
        start: Candidate,
        iterations: int,
        budget: int | None,
        report: Callable[[int, Candidate], None],
    ) -> Candidate:
        best, frame, step = start, start.frame, start.step
        refinement = Refinement(
            values,
            autoencoder=self._autoencoder,
            frame=frame,
            tile=start.tile,
            loss=self._loss,
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
            best = min(best, found, key=lambda candidate: _rank(candidate, budget))
            report(done, best)
            refinement.steer(found.size / budget if budget else 1.0)
            if _miss(found, budget) > TOLERANCE / 2 and done < MOVING_PART * iterations:
                step = _step_for(refinement.values, budget)
                refinement.change_step(real_step(step))
        settled = self._candidate(refinement.values, frame, _step_for(refinement.values, budget) if budget else step)
        return min(best, settled, key=lambda candidate: _rank(candidate, budget))

    def _slope(self, values: Tensor, start: Candidate) -> float:
        """Lambda at which a start of this size is the best one: loss saved for a bit a luma sample."""
        coarser = self._candidate(values, start.frame, min(start.step + SLOPE_STEPS, LAST_STEP))
        saved = start.rate - coarser.rate
        return max((coarser.loss - start.loss) / saved, LEAST_LAMBDA) if saved > 0 else LEAST_LAMBDA

    def _progress(self, step: int, steps: int, candidate: Candidate) -> FitProgress:
        return FitProgress(
            step=step,
            steps=steps,
            size=candidate.size,
            distortion=candidate.loss,
            psnr=self._likeness.psnr(candidate.packed),
            lpips=self._likeness.lpips(candidate.packed),
        )


def _miss(candidate: Candidate, budget: int | None) -> float:
    """How far its bytes are from the budget, as a part of it."""
    return abs(candidate.size / budget - 1) if budget else 0.0


def _rank(candidate: Candidate, budget: int | None) -> tuple[float, float]:
    miss = _miss(candidate, budget)
    return (miss, 0.0) if miss > TOLERANCE else (0.0, candidate.loss)


def _written(values: Tensor, step: int) -> bytes:
    codes = (values / real_step(step)).round().clamp(-MAX_CODE, MAX_CODE)
    return write_body(step, codes[0].to(torch.int8).cpu().numpy().astype(np.int8))


def _step_for(values: Tensor, budget: int | None) -> int:
    """Find the step whose latent is nearest to the budget, among those that no code is too large for."""
    if budget is None:
        return nearest_step(DEFAULT_STEP)
    largest = max(float(values.abs().max()), 1e-3)
    finest = min(nearest_step(largest / MAX_CODE) + 1, LAST_STEP)
    low, high = finest, LAST_STEP
    while low < high:
        middle = (low + high) // 2
        if Latent.overhead() + len(_written(values, middle)) > budget:
            low = middle + 1
        else:
            high = middle
    around = {max(low - 1, finest), low}
    return min(around, key=lambda step: abs(Latent.overhead() + len(_written(values, step)) - budget))
