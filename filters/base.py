"""The contract between the pipeline and a keyframe generator (HybridPrompt sections 3.1 and 3.2).

A generator turns a small latent into an integer picture. Fitting it is the inversion of HybridPrompt's step I;
joint refinement (step III) is the same call with another objective and a warm start, so that no generator knows
about codecs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from ffhybrid.picture import Picture, PictureSpec


class Reproducibility(StrEnum):
    """Where a latent gives the same samples again."""

    EXACT = "exact"
    """Integer arithmetic: everywhere."""
    PINNED = "pinned"
    """The same build on the same class of device."""
    BEST_EFFORT = "best-effort"
    """Samples may differ slightly from run to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitProgress:
    """How far a fit is: steps done of all, bytes and distortion of the best latent so far."""

    step: int
    steps: int
    size: int
    distortion: float


class Objective(Protocol):
    """What a fit minimises."""

    @property
    def source(self) -> Picture:
        """The picture that plain likeness aims at, at the size of the spec."""

    def distortion(self, picture: Picture) -> float:
        """Return the loss of a candidate picture; less is better."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Plain likeness: the mean squared error over all samples of all planes."""

    source: Picture

    def distortion(self, picture: Picture) -> float:
        """Mean squared difference to the source, in squared sample units."""
        total, samples = 0.0, 0
        for ours, theirs in zip(picture.planes, self.source.planes, strict=True):
            total += float(np.sum((ours.astype(np.float32) - theirs) ** 2, dtype=np.float64))
            samples += ours.size
        return total / samples


class Generator(Protocol):
    """Fits latents to pictures and makes pictures from latents."""

    name: str
    reproducibility: Reproducibility

    def fit(
        self,
        objective: Objective,
        spec: PictureSpec,
        *,
        budget: int | None,
        warm_start: bytes | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> bytes:
        """Find a latent of about ``budget`` bytes (None: the generator's own choice) with a small distortion.

        ``warm_start`` is a latent of a similar picture to begin from.
        """

    def generate(self, latent: bytes, spec: PictureSpec) -> Picture:
        """Make the picture of a latent.

        Raises:
            CorruptDataError: a latent that is damaged or does not fit the spec.
        """
