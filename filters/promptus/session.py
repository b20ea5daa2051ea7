"""One fit of generator ``promptus``: descent to a prompt of the rank that the budget has, quantised to the budget."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.base import FitProgress, Objective
from ffhybrid.filters.determinism import deterministic
from ffhybrid.filters.models.autoencoder import ModelFrame
from ffhybrid.filters.models.budgets import TOLERANCE, LatentCandidate, miss, nearest
from ffhybrid.filters.models.latent_codec import LAST_STEP
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.latent_quantiser import step_for, written
from ffhybrid.filters.models.loading import Model
from ffhybrid.filters.models.objective import Aim
from ffhybrid.filters.promptus.codec import MAX_RANK, TOKENS, PromptBody
from ffhybrid.filters.promptus.descent import Descent
from ffhybrid.filters.promptus.latents import noise_of, values_of
from ffhybrid.filters.promptus.model import Diffusion
from ffhybrid.filters.promptus.prompt import Prompt

logger = logging.getLogger(__name__)

PERCEPTUAL_WEIGHT = 0.2 / 3.2
"""The weight of LPIPS against an MSE in [0, 1]: Promptus weighs 0.2 to 0.8, the error being in [-1, 1]."""
DEFAULT_RANK = 8
"""The rank without a budget."""
CODED_BITS = 6
"""The bits that coding leaves of a number's 8, about, by which a rank is chosen; the steps meet the budget."""
LOOKS, LEAST_INTERVAL = 50, 10
"""Candidates in a fit at most, and iterations between two at least."""
MOVING_PART = 0.6
"""The part of the iterations in which quantisers follow the factors; then they stay while the budget lets them."""


class PromptusSession:
    """Everything that stays the same while one picture is fitted.

    Args:
        objective: what is minimised.
        spec: of the picture.
        model: in one step.
        reduction: log2 of how much smaller the model's picture is.
        seed: of the noise, and of all that is drawn.
        start: part of the budget for latents that are mixed into the noise.
        nested: whether components are ordered by what they are worth.
        tune, lpips_file: as :class:`Aim` has them.
    """

    def __init__(
        self,
        objective: Objective,
        spec: PictureSpec,
        model: Model,
        *,
        reduction: int,
        seed: int,
        start: float,
        nested: bool,
        tune: str,
        lpips_file: Path | None,
    ) -> None:
        self._diffusion = Diffusion(model)
        self._frame = ModelFrame(spec, self._diffusion.unit, reduction)
        self._seed = seed
        self._start_part = start
        self._nested = nested
        self._generator = torch.Generator(model.device).manual_seed(seed)
        self._aim = Aim(
            objective, spec, tune=tune, weight=PERCEPTUAL_WEIGHT, lpips_file=lpips_file, generator=self._generator
        )

    @property
    def tile(self) -> int:
        """Side of the tiles in which latents are decoded, 0 for none."""
        return self._frame.tile

    def fit(
        self,
        iterations: int,
        *,
        budget: int | None,
        warm_start: bytes | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> LatentCandidate:
        """Find the best prompt within the budget's tolerance, or the nearest to it; ``warm_start`` is a body."""

        def report(step: int, found: LatentCandidate) -> None:
            if progress:
                progress(self._aim.progress(step, iterations, found.size, found.loss, found.packed))

        self._generator.manual_seed(self._seed)
        with deterministic():
            before = PromptBody.from_bytes(warm_start) if warm_start else None
            start = self._start(budget, before)
            prompt = self._begun(budget, before, start)
            best = self._candidate(prompt, start)
            report(0, best)
            if iterations:
                best = self._descended(prompt, start, best, iterations, budget, report)
        if miss(best.size, budget) > TOLERANCE:
            logger.warning("the model cannot meet %d bytes: its latent takes %d", budget, best.size)
        return best

    def _start(self, budget: int | None, before: PromptBody | None) -> bytes:
        """Encode the source coarsely; where it is not the aim, keep the start that there is."""
        if before is not None and not self._aim.is_likeness:
            return before.start
        if not self._start_part:
            return b""
        with torch.no_grad():
            values = self._diffusion.encoded(self._frame.extended(self._aim.source), self._frame, self._frame.tile)
        return written(values, step_for(values, round(self._start_part * budget) if budget else None))

    def _begun(self, budget: int | None, before: PromptBody | None, start: bytes) -> Prompt:
        width = self._diffusion.prompt_width
        if budget is None:
            rank = before.rank if before is not None else DEFAULT_RANK
        else:
            room = budget - ModelLatent.overhead() - len(start)
            rank = min(max(math.ceil(8 * room / (CODED_BITS * (TOKENS + width))), 1), MAX_RANK)
        if before is None:
            prompt = Prompt.drawn(rank, width, self._generator)
        else:
            prompt = Prompt.warm(before, rank, self._generator)
        if miss(self._size(prompt, start), budget) > TOLERANCE:
            self._fill(prompt, start, budget)
        return prompt

    def _size(self, prompt: Prompt, start: bytes) -> int:
        return ModelLatent.overhead() + len(prompt.body(seed=self._seed, start=start).to_bytes())

    def _fill(self, prompt: Prompt, start: bytes, budget: int | None) -> None:
        """Take the quantisers whose latent is nearest to the budget."""
        coarseness = 0

        def size_of(coarseness: int) -> int:
            prompt.coarsen(coarseness)
            return self._size(prompt, start)

        if budget is not None:
            coarseness = nearest(size_of, 0, LAST_STEP, budget)
        prompt.coarsen(coarseness)

    def _candidate(self, prompt: Prompt, start: bytes) -> LatentCandidate:
        body = prompt.body(seed=self._seed, start=start).to_bytes()
        with torch.no_grad():
            packed = self._decoded(values_of(body, self._diffusion, self._frame))
        return LatentCandidate(body=body, packed=packed, loss=self._aim.loss.whole(packed))

    def _decoded(self, latents: Tensor) -> Tensor:
        return self._frame.cropped(self._diffusion.decoded(latents, self._frame, self._frame.tile))

    def _descended(
        self,
        prompt: Prompt,
        start: bytes,
        best: LatentCandidate,
        iterations: int,
        budget: int | None,
        report: Callable[[int, LatentCandidate], None],
    ) -> LatentCandidate:
        noise = noise_of(self._seed, start, self._diffusion, self._frame)
        descent = Descent(prompt, iterations, nested=self._nested, generator=self._generator)
        interval = max(iterations // LOOKS, LEAST_INTERVAL)
        for done in range(1, iterations + 1):
            rank = descent.rank()
            embedding = prompt.embedding(rank)
            latents = self._diffusion.denoised(noise, embedding)
            descent.step(self._aim.loss.sample(self._decoded(latents)), embedding, rank)
            if done % interval and done < iterations:
                continue
            if done < MOVING_PART * iterations or miss(self._size(prompt, start), budget) > TOLERANCE / 2:
                self._fill(prompt, start, budget)
            found = self._candidate(prompt, start)
            logger.debug("%d: rank %d, %d bytes, loss %.5f", done, prompt.rank, found.size, found.loss)
            best = min(best, found, key=lambda candidate: candidate.order(budget))
            report(done, best)
        return best
