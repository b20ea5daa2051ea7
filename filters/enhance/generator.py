"""Generator ``enhance``: what the registry makes. Restoring needs nothing but the C core; judging imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.core.resources import usable_cores
from ffhybrid.errors import CorruptDataError, UsageError
from ffhybrid.filters.base import (
    BaseCoder,
    BasePicture,
    DifferentiableObjective,
    FitProgress,
    Objective,
    Refinement,
    Reproducibility,
    lpips_can_see,
)
from ffhybrid.filters.devices import check_device
from ffhybrid.filters.effort import PERCEPTUAL, check_tune, look_up
from ffhybrid.filters.enhance import codec
from ffhybrid.filters.enhance.choice import PRESETS, choose, judge_of

MAX_THREADS = 8
BLOCKS_IN_A_BYTE = 4
"""Levels of texture take about two bits each."""


class Enhance:
    """A base picture, to which a trained network adds the detail and the texture that coding took from it.

    Args:
        preset: effort of choosing strengths, in x265's words; default ``medium``.
        tune: ``perceptual`` (default) chooses them by visual distance, ``psnr`` by the mean squared error.
        device: ``auto``, ``cpu`` or ``cuda``, for choosing only.
        seed: which noise texture is made of, 0 to 255.
        lpips: a file with AlexNet's weights, where they are not found by themselves.

    Raises:
        UsageError: a value that there is not.
    """

    name = "enhance"
    reproducibility = Reproducibility.EXACT

    def __init__(
        self,
        *,
        preset: str | None = None,
        tune: str = PERCEPTUAL,
        device: str = "auto",
        seed: int = 0,
        lpips: Path | None = None,
    ) -> None:
        if not 0 <= seed < codec.MOST_NOISES:
            raise UsageError(f"generator enhance has noises 0 to {codec.MOST_NOISES - 1}, and none of seed {seed}")
        self._trials = look_up(PRESETS, preset)
        self._tune = check_tune(tune)
        self._device = check_device(device)
        self._noise = seed
        self._lpips = lpips

    @property
    def looks_at_lpips(self) -> bool:
        """Whether fits do."""
        return self._tune == PERCEPTUAL and self._trials.is_choice

    def fit_refinement(
        self,
        objective: Objective,
        spec: PictureSpec,
        *,
        bases: BaseCoder,
        budget: int,
        warm_start: Refinement | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> Refinement:
        """Spend the budget on a base picture, and choose strengths; an objective of its own keeps the base it has.

        Raises:
            UsageError: the device is not there.
        """
        if warm_start is not None and isinstance(objective, DifferentiableObjective):
            base = warm_start.base
        else:
            base = bases.within(budget - self._latent_size(spec))
        known = codec.Known(qp=base.qp)
        strengths = self._choose(objective, spec, base, known, progress)
        return Refinement(codec.write_latent(codec.EnhanceLatent(known=known, strengths=strengths)), base)

    def refine(self, latent: bytes, base: Picture, spec: PictureSpec) -> Picture:
        """Decode a latent in integer arithmetic.

        Raises:
            CorruptDataError: a damaged latent, or a base picture of another size.
            UnsupportedError: another version of it, or a network that this version of ffhybrid lacks.
        """
        return codec.decode(latent, base, spec, threads=_threads())

    def anchor_latent(self, strength: float) -> bytes:
        """Write the latent of an anchor with so much of detail and texture.

        Raises:
            ValueError: a strength that is negative or 8 or more.
        """
        return codec.write_anchor(codec.Strengths(texture=strength, detail=strength, noise=self._noise))

    def enhance(
        self, latent: bytes, base: BasePicture, spec: PictureSpec, *, keyframe: bytes, distance: int
    ) -> Picture:
        """Decode an anchor in integer arithmetic, by the network of the keyframe's latent.

        Raises:
            CorruptDataError: a damaged latent, or a base picture of another size.
            UnsupportedError: a network that this version of ffhybrid lacks.
        """
        if (base.picture.width, base.picture.height) != (spec.width, spec.height):
            raise CorruptDataError("the base picture of an anchor has another size than the picture")
        known, digest = codec.Known(qp=base.qp, distance=distance), codec.network_of(keyframe)
        return codec.decode_anchor(latent, base.picture, known, digest=digest, threads=_threads())

    def _latent_size(self, spec: PictureSpec) -> int:
        """Bytes of a latent, about."""
        by_block = self._trials.blocks and self._tune == PERCEPTUAL and lpips_can_see(spec)
        return codec.LATENT_SIZE + by_block * math.prod(codec.blocks_of(spec.width, spec.height)) // BLOCKS_IN_A_BYTE

    def _choose(
        self,
        objective: Objective,
        spec: PictureSpec,
        base: BasePicture,
        known: codec.Known,
        progress: Callable[[FitProgress], None] | None,
    ) -> codec.Strengths:
        if not self._trials.is_choice:
            return codec.Strengths(noise=self._noise)
        steps = 0

        def report(loss: float) -> None:
            nonlocal steps
            steps += 1
            if progress:
                size = base.size + self._latent_size(spec)
                progress(FitProgress(step=steps, steps=self._trials.count, size=size, distortion=loss))

        judge = judge_of(objective, spec, tune=self._tune, device=self._device, lpips=self._lpips)
        seen = codec.network(codec.NEWEST).look(base.picture, known, threads=_threads())
        return choose(seen, self._trials, judge, noise=self._noise, report=report)


def _threads() -> int:
    return min(usable_cores(), MAX_THREADS)
