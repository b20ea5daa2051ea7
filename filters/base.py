"""The contract between the pipeline and a keyframe generator (HybridPrompt sections 3.1 and 3.2).

A generator turns a small latent into an integer picture. Fitting it is the inversion of HybridPrompt's step I;
joint refinement (step III) is the same call with another objective and a warm start, so that no generator knows
about codecs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import numpy as np

from ffhybrid.core.picture import Picture, PictureSpec

if TYPE_CHECKING:
    import torch
    from torch import Tensor


LEAST_LPIPS_SIDE = 64
METRICS_WITH_WEIGHTS = ("lpips", "lpips_vgg", "dists")
"""Metrics of networks, by their names in the panel."""


def lpips_can_see(spec: PictureSpec) -> bool:
    """Whether a picture is large enough for AlexNet."""
    return min(spec.width, spec.height) >= LEAST_LPIPS_SIDE


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
    """How far a fit is: steps done of all, bytes and distortion of the latent it has now.

    ``psnr`` (all samples of all planes, dB) and ``lpips`` are ``nan`` where a generator does not measure them.
    """

    step: int
    steps: int
    size: int
    distortion: float
    psnr: float = math.nan
    lpips: float = math.nan


class IntraCodec(Protocol):
    """A codec of still pictures that a generator may be given, so that it need not know one itself."""

    def encode(self, picture: Picture, *, qp: int) -> bytes:
        """Code a picture at a quantiser."""

    def decode(self, data: bytes, *, size: tuple[int, int], bit_depth: int) -> Picture:
        """Decode a picture of a known (width, height); CorruptDataError where it is not one."""


class Objective(Protocol):
    """What a fit minimises."""

    @property
    def source(self) -> Picture:
        """The picture that likeness alone aims at, at the size of the spec."""

    def distortion(self, picture: Picture) -> float:
        """Return the loss of a candidate picture; less is better."""


class DifferentiableLoss(Protocol):
    """A loss of pictures in 2x2 luma blocks, (1, 6, rows, columns) float tensors in 8-bit units around mid-grey."""

    def sample(self, packed: Tensor) -> Tensor:
        """Give a differentiable loss, where it is costly of a random part of the picture."""

    def whole(self, packed: Tensor) -> float:
        """Give the loss of the whole picture."""


@runtime_checkable
class DifferentiableObjective(Objective, Protocol):
    """An objective of its own, for generators that descend gradients; joint refinement passes one."""

    def loss(self, device: torch.device) -> DifferentiableLoss:
        """Make the loss on a device."""


@dataclass(frozen=True, slots=True, eq=False)
class BasePicture:
    """A base picture: its samples at the size of the spec, ``data``, which a stream holds of it, and its QP."""

    picture: Picture
    data: bytes
    qp: int

    @property
    def size(self) -> int:
        """Bytes of it."""
        return len(self.data)


class BaseCoder(Protocol):
    """Codes the source as base pictures of an ordinary stream, so that generators need not know how."""

    def within(self, size: int) -> BasePicture:
        """Code a base picture of about ``size`` bytes and not more, or the smallest that there is."""


@dataclass(frozen=True, slots=True, eq=False)
class Refinement:
    """A latent, and the base picture that it refines."""

    latent: bytes
    base: BasePicture

    @property
    def size(self) -> int:
        """Bytes of both."""
        return len(self.latent) + self.base.size


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


@runtime_checkable
class RefiningGenerator(Protocol):
    """Fits latents that refine a base picture, which stands in the stream where other generators have nothing."""

    name: str
    reproducibility: Reproducibility

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
        """Find a base picture and a latent of about ``budget`` bytes together with a small distortion.

        ``warm_start`` is of a similar picture.
        """

    def refine(self, latent: bytes, base: Picture, spec: PictureSpec) -> Picture:
        """Make the picture of a latent from its base picture, at the size of the spec.

        Raises:
            CorruptDataError: a latent that is damaged or does not fit the spec.
        """


@runtime_checkable
class AnchorGenerator(Protocol):
    """A :class:`RefiningGenerator` that enhances decoded P pictures too: those inside a GOP that become anchors.

    Its latents of anchors say how strongly; all else is known when they are decoded.
    """

    name: str
    reproducibility: Reproducibility

    def anchor_latent(self, strength: float) -> bytes:
        """Write the latent of an anchor, enhanced as strongly as that: 0 is the P picture as it is, 1 all there is.

        Raises:
            ValueError: a strength beyond the format's bounds.
        """

    def enhance(
        self, latent: bytes, base: BasePicture, spec: PictureSpec, *, keyframe: bytes, distance: int
    ) -> Picture:
        """Make an anchor of a P picture, ``distance`` pictures behind the last generated one.

        ``keyframe`` is the latent of the GOP's keyframe.

        Raises:
            CorruptDataError: a latent that is damaged or does not fit the spec.
            UnsupportedError: one that needs what this version lacks.
        """


KeyframeGenerator: TypeAlias = Generator | RefiningGenerator


class Frames(Protocol):
    """The pictures of a GOP, read when they are asked for."""

    def __len__(self) -> int:
        """Count them."""

    def picture(self, index: int) -> Picture:
        """Give one, in order of presentation."""


class SequenceGenerator(Protocol):
    """Fits latents to all pictures of a GOP, and makes all of them from a latent, on a model that users bring."""

    name: str
    reproducibility: Reproducibility

    def fit_sequence(
        self,
        frames: Frames,
        spec: PictureSpec,
        *,
        budget: int | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> bytes:
        """Find a latent of about ``budget`` bytes at most (None: the generator's own choice)."""

    def generate_sequence(self, latent: bytes, spec: PictureSpec) -> Iterator[Picture]:
        """Make the pictures of a latent, in order of presentation.

        Raises:
            CorruptDataError: a latent that is damaged or does not fit the spec.
        """

    def model_digest(self) -> str:
        """Return what :class:`ModelGenerator` does."""


@runtime_checkable
class CorrectableGenerator(Generator, Protocol):
    """A generator whose samples may differ between machines, and whose latents may hold what brings them back."""

    def corrected(self, latent: bytes, spec: PictureSpec) -> Picture | None:
        """Make the exact picture on any machine; None if the latent was written without a correction.

        Raises:
            CorruptDataError: a latent that is damaged or does not fit the spec.
        """

    def correction_size(self, latent: bytes) -> int:
        """Bytes of the correction that a latent holds."""


@runtime_checkable
class PerceptualGenerator(Protocol):
    """A generator whose fits may look at LPIPS."""

    @property
    def looks_at_lpips(self) -> bool:
        """Whether they do, of pictures that it can see."""


@runtime_checkable
class ModelGenerator(Generator, Protocol):
    """A generator on a model that users bring."""

    def model_digest(self) -> str:
        """Return the first bytes of the SHA-256 of the model's weights, in hexadecimal.

        Raises:
            UsageError, ModelError: there is no such model.
        """
