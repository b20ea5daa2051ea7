"""One fit of generator ``promptus-video``: prompt after prompt, each to the pictures since the one before.

As in Promptus (section 3.3) the loss is that of interpolated prompts, and keeps prompts near each other in time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.base import FitProgress, Frames, Likeness, lpips_can_see
from ffhybrid.filters.determinism import deterministic
from ffhybrid.filters.effort import PERCEPTUAL
from ffhybrid.filters.losses import LikenessLoss, pack
from ffhybrid.filters.lpips import load_lpips
from ffhybrid.filters.models.autoencoder import ModelFrame
from ffhybrid.filters.models.loading import Model
from ffhybrid.filters.promptus.codec import PromptBody
from ffhybrid.filters.promptus.descent import Descent
from ffhybrid.filters.promptus.latents import factors_of, values_of
from ffhybrid.filters.promptus.model import Diffusion
from ffhybrid.filters.promptus.prompt import Prompt, composed
from ffhybrid.filters.promptus.sequence import Segment
from ffhybrid.filters.promptus.session import PERCEPTUAL_WEIGHT, PromptusSession
from ffhybrid.filters.promptus.video_codec import SequenceBody, prompted

LATER_PART = 0.15
"""The part of a first prompt's iterations that later ones take: 1500 of 10000, each over all pictures between."""
SMOOTHING_WEIGHT = 0.1 / 3.2
"""The weight of the RMS distance of a prompt from the one before, against a mean squared error in [0, 1]."""
LEAST_SQUARE = 1e-12
"""A square so small that it only keeps the gradient of a root finite."""


@dataclass(frozen=True, slots=True, eq=False)
class PromptStep:
    """A prompt, the latents of its picture, and the mean loss of the pictures since the prompt before."""

    prompt: PromptBody
    latents: Tensor
    packed: Tensor
    loss: float


class SequenceSession:
    """Everything that stays the same while one GOP is fitted; arguments are those of :class:`PromptusSession`."""

    def __init__(
        self,
        frames: Frames,
        spec: PictureSpec,
        model: Model,
        *,
        reduction: int,
        seed: int,
        tune: str,
        lpips_file: Path | None,
    ) -> None:
        self._frames = frames
        self._spec = spec
        self._seed = seed
        self._opening = PromptusSession(
            Likeness(frames.picture(0)),
            spec,
            model,
            reduction=reduction,
            seed=seed,
            start=0.0,
            nested=False,
            tune=tune,
            lpips_file=lpips_file,
        )
        self._diffusion = Diffusion(model)
        self._frame = ModelFrame(spec, self._diffusion.unit, reduction)
        self._generator = torch.Generator(model.device).manual_seed(seed)
        self._weight = PERCEPTUAL_WEIGHT if tune == PERCEPTUAL else 0.0
        sees = self._weight > 0 and lpips_can_see(spec)
        self._lpips = load_lpips(lpips_file, model.device) if sees else None

    @property
    def tile(self) -> int:
        """Side of the tiles in which latents are decoded, 0 for none."""
        return self._opening.tile

    def fit(
        self,
        iterations: int,
        *,
        interval: int,
        budget: int | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> SequenceBody:
        """Fit all prompts; each takes an equal part of the budget before they are predicted from each other."""
        places = prompted(len(self._frames), interval)
        share = budget // len(places) if budget else None
        first = self._opening.fit(iterations, budget=share, warm_start=None, progress=progress)
        with deterministic():
            step = PromptStep(PromptBody.from_bytes(first.body), self._latents(first.body), first.packed, first.loss)
            prompts = [step.prompt]
            for index, (begin, end) in enumerate(pairwise(places), 1):
                step = self._followed(step, range(begin + 1, end + 1), iterations)
                prompts.append(step.prompt)
                body = self._body(prompts, interval)
                if progress:
                    progress(self._progress(index, len(places) - 1, body, step, end))
        return self._body(prompts, interval)

    def _latents(self, body: bytes) -> Tensor:
        with torch.no_grad():
            return values_of(body, self._diffusion, self._frame)

    def _followed(self, before: PromptStep, pictures: range, iterations: int) -> PromptStep:
        """Fit the next prompt; where that does not help, the one before stays."""
        losses = [self._loss(index) for index in pictures]
        noise = self._diffusion.noise(self._frame.grid, self._seed)
        segment = Segment(self._diffusion, noise, len(losses))
        prompt = Prompt.warm(before.prompt, before.prompt.rank, self._generator)
        passes = round(LATER_PART * iterations)
        descent = Descent(prompt, passes * len(losses), nested=False, generator=self._generator)
        first = factors_of(before.prompt, self._diffusion)
        held = composed(*first)
        for _ in range(passes):
            latents = before.latents
            for index, loss in enumerate(losses, 1):
                embedding = segment.prompt(first, prompt.seen(), index)
                found = segment.denoised(embedding, latents)
                latents = found.detach()
                drift = (embedding - held).square().mean().add(LEAST_SQUARE).sqrt()
                descent.step(loss.sample(self._decoded(found)) + SMOOTHING_WEIGHT * drift, embedding, prompt.rank)
        candidates = (before.prompt, prompt.body(seed=self._seed, start=b""))
        return min((self._step(segment, before, last, losses) for last in candidates), key=lambda step: step.loss)

    def _step(
        self, segment: Segment, before: PromptStep, last: PromptBody, losses: Sequence[LikenessLoss]
    ) -> PromptStep:
        """Generate the pictures up to a prompt as a reader will."""
        first, end = (factors_of(prompt, self._diffusion) for prompt in (before.prompt, last))
        with torch.no_grad():
            latents = list(segment.latents(first, end, before.latents))
            pictures = [self._decoded(each) for each in latents]
        mean = float(np.mean([loss.whole(packed) for loss, packed in zip(losses, pictures, strict=True)]))
        return PromptStep(last, latents[-1], pictures[-1], mean)

    def _decoded(self, latents: Tensor) -> Tensor:
        return self._frame.cropped(self._diffusion.decoded(latents, self._frame, self._frame.tile))

    def _loss(self, index: int) -> LikenessLoss:
        return LikenessLoss(
            pack(self._frames.picture(index), self._diffusion.device),
            colour=self._spec.colour,
            lpips=self._lpips,
            weight=self._weight,
            generator=self._generator,
        )

    def _body(self, prompts: Sequence[PromptBody], interval: int) -> SequenceBody:
        return SequenceBody(
            pictures=len(self._frames),
            interval=interval,
            seed=self._seed,
            u=prompts[0].u,
            v=prompts[0].v,
            codes=np.stack([prompt.codes for prompt in prompts]),
        )

    def _progress(self, step: int, steps: int, body: SequenceBody, found: PromptStep, picture: int) -> FitProgress:
        loss = self._loss(picture)
        return FitProgress(
            step=step,
            steps=steps,
            size=len(body.to_bytes()),
            distortion=found.loss,
            psnr=loss.psnr(found.packed),
            lpips=loss.lpips(found.packed),
        )
