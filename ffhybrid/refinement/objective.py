"""Joint refinement (HybridPrompt section 3.2, step III): the keyframe is fitted again, to all pictures of its GOP.

P and B NAL units are frozen meanwhile. What a change of the keyframe does to the other pictures is measured
(:mod:`ffhybrid.refinement.codec_map`), so that the squared error of all of them becomes one of the keyframe: every
sample of it has a target and a weight, by how much of the GOP is predicted from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ffhybrid.core.gop import HybridGop
from ffhybrid.core.picture import Picture, Plane
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.filters.base import lpips_can_see
from ffhybrid.refinement.codec_map import Field, FrameMap, MappedPicture, frame_maps

if TYPE_CHECKING:
    import torch

    from ffhybrid.filters.base import DifferentiableLoss

VISUAL_WEIGHT = 0.01
"""The weight of the visual distance, 1 at first, against the mean squared error in [0, 1]: 0.001 at 30 dB."""
LEAST_WEIGHT = 1e-3
MOST_SEEN = 8
"""Pictures that the visual distance looks at."""


@dataclass(slots=True)
class _TargetSums:
    """Sums over all pictures for every sample of one plane of the keyframe: weights, and weighted errors."""

    weight: Field
    error: Field

    @classmethod
    def zeros(cls, shape: tuple[int, ...]) -> _TargetSums:
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.float32))

    def add(self, frame_map: FrameMap, error: Field) -> None:
        self.weight += frame_map.gathered(frame_map.gain)
        self.error += frame_map.gathered(error)

    def target(self, plane: Plane) -> Field:
        """Where the plane should move to, were its samples independent of each other."""
        target: Field = plane.astype(np.float32) - self.error / self.weight.clip(LEAST_WEIGHT)
        return target


@dataclass(frozen=True, slots=True)
class _Survey:
    """What one look at all pictures gives: the sums of each plane, and pictures for the visual distance."""

    sums: tuple[_TargetSums, ...]
    seen: tuple[MappedPicture, ...]


class GopObjective:
    """What a generator minimises instead of the likeness of the keyframe alone.

    Args:
        gop: the source.
        hybrid: the GOP with a generated keyframe, as it was encoded, without picture hashes.
        reference: that keyframe at its coded size.
        decoded: gives what the GOP restores to, in order of presentation.
        perceptual: whether the visual distance counts too.
        lpips: AlexNet's weights where the user names them.
    """

    def __init__(
        self,
        gop: SourceGop,
        hybrid: HybridGop,
        *,
        reference: Picture,
        decoded: Callable[[], Iterator[Picture]],
        perceptual: bool,
        lpips: Path | None,
    ) -> None:
        self._gop = gop
        self._hybrid = hybrid
        self._decoded = decoded
        self._perceptual = perceptual and lpips_can_see(gop.spec)
        self._lpips = lpips
        self._reference = reference
        self._keyframe = self._reference.cropped(gop.spec.width, gop.spec.height)

    @property
    def source(self) -> Picture:
        """The first frame."""
        return self._gop.picture(0)

    @property
    def target(self) -> Picture:
        """The keyframe that the squared errors of all pictures ask for, rounded."""
        top = (1 << self._gop.spec.bit_depth) - 1
        planes = zip(self._survey.sums, self._keyframe.planes, strict=True)
        y, cb, cr = (np.rint(sums.target(plane)).clip(0, top).astype(plane.dtype) for sums, plane in planes)
        return Picture(y, cb, cr, self._gop.spec.bit_depth)

    def distortion(self, picture: Picture) -> float:
        """Mean weighted squared distance from where the GOP wants the keyframe, in squared sample units."""
        total, weights = 0.0, 0.0
        for plane, reference, sums in zip(picture.planes, self._keyframe.planes, self._survey.sums, strict=True):
            total += float((sums.weight * np.square(plane - sums.target(reference))).sum(dtype=np.float64))
            weights += float(sums.weight.sum(dtype=np.float64))
        return total / weights

    def loss(self, device: torch.device) -> DifferentiableLoss:
        """Make the loss on a device."""
        from ffhybrid.filters.losses import pack_planes
        from ffhybrid.filters.lpips import load_lpips
        from ffhybrid.filters.visual_distance import VisualDistance
        from ffhybrid.refinement.loss import GopLoss, WeightedTarget

        spec, survey = self._gop.spec, self._survey
        planes = zip(survey.sums, self._keyframe.planes, strict=True)
        target = pack_planes((sums.target(plane) for sums, plane in planes), device)
        return GopLoss(
            self._keyframe,
            WeightedTarget(
                target / (1 << (spec.bit_depth - 8)) - 128, pack_planes((sums.weight for sums in survey.sums), device)
            ),
            survey.seen,
            pictures=len(self._gop),
            colour=spec.colour,
            distance=VisualDistance(load_lpips(self._lpips, device)) if self._perceptual else None,
            weight=VISUAL_WEIGHT,
            device=device,
        )

    @cached_property
    def _survey(self) -> _Survey:
        survey = tuple(_TargetSums.zeros(plane.shape) for plane in self._keyframe.planes)
        seen = []
        interval = -(-len(self._gop) // MOST_SEEN)
        for index, picture in enumerate(self._mapped_pictures()):
            chroma = picture.map.halved()
            of_planes = (picture.map, chroma, chroma)
            errors = zip(picture.decoded.planes, picture.wanted.planes, strict=True)
            for sums, of_plane, (ours, theirs) in zip(survey, of_planes, errors, strict=True):
                sums.add(of_plane, ours.astype(np.float32) - theirs)
            if index % interval == 0:
                seen.append(picture)
        return _Survey(survey, tuple(seen))

    def _mapped_pictures(self) -> Iterator[MappedPicture]:
        maps = frame_maps(self._hybrid, self._reference)
        for index, (frame_map, picture) in enumerate(zip(maps, self._decoded(), strict=True)):
            shown = frame_map.cropped(self._gop.spec.width, self._gop.spec.height)
            yield MappedPicture(picture, self._gop.picture(index), shown)
