"""Latents of all pictures of a GOP from its prompts (Promptus sections 3.1 and 3.3).

Between two prompts U and V are interpolated. A picture is denoised from noise with a little of the latents of the
picture before in it; the first one of a GOP from noise alone, so that GOPs do not depend on each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.filters.determinism import deterministic
from ffhybrid.filters.models.autoencoder import ModelFrame, samples_of
from ffhybrid.filters.models.correction import rounded
from ffhybrid.filters.models.loading import Model
from ffhybrid.filters.promptus.latents import factors_of, mixed
from ffhybrid.filters.promptus.model import Diffusion
from ffhybrid.filters.promptus.prompt import Factors, composed
from ffhybrid.filters.promptus.video_codec import SequenceBody, prompted


class Segment:
    """Pictures after one prompt, up to and including that of the next."""

    def __init__(self, diffusion: Diffusion, noise: Tensor, pictures: int) -> None:
        self._diffusion = diffusion
        self._noise = noise
        self._pictures = pictures

    def prompt(self, first: Factors, last: Factors, index: int) -> Tensor:
        """Compose the prompt of the picture ``index`` after the first prompt's."""
        part = index / self._pictures
        u, v = ((1 - part) * a + part * b for a, b in zip(first, last, strict=True))
        return composed(u, v)

    def denoised(self, prompt: Tensor, before: Tensor) -> Tensor:
        """Make latents after those of the picture before."""
        return self._diffusion.denoised(mixed(self._noise, before), prompt)

    def latents(self, first: Factors, last: Factors, before: Tensor) -> Iterator[Tensor]:
        """Make the latents of picture after picture."""
        for index in range(1, self._pictures + 1):
            before = self.denoised(self.prompt(first, last, index), before)
            yield before


def latents_of(body: SequenceBody, diffusion: Diffusion, frame: ModelFrame) -> Iterator[Tensor]:
    """Denoise all pictures of a GOP.

    Raises:
        CorruptDataError: the prompts are not those of the model, or the picture is beyond all bounds.
    """
    noise = diffusion.noise(frame.grid, body.seed)
    last = factors_of(body.prompt(0), diffusion)
    before = diffusion.denoised(noise, composed(*last))
    yield before
    for index, (begin, end) in enumerate(pairwise(prompted(body.pictures, body.interval)), 1):
        first, last = last, factors_of(body.prompt(index), diffusion)
        for latents in Segment(diffusion, noise, end - begin).latents(first, last, before):
            before = latents
            yield before


def pictures_of(body: SequenceBody, model: Model, spec: PictureSpec, *, reduction: int, tile: int) -> Iterator[Picture]:
    """Generate the pictures of a GOP, each when it is asked for.

    Raises:
        CorruptDataError: see :func:`latents_of`.
        OutOfMemoryError: the picture is too large for this machine.
    """
    diffusion = Diffusion(model)
    frame = ModelFrame(spec, diffusion.unit, reduction)
    sequence = latents_of(body, diffusion, frame)
    while True:
        with deterministic(), torch.no_grad():
            latents = next(sequence, None)
            if latents is None:
                return
            samples = samples_of(frame.cropped(diffusion.decoded(latents, frame, tile)), spec)
        yield rounded(samples, spec.bit_depth)
