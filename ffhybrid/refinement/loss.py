"""The loss of a keyframe over its whole GOP, differentiable: squared errors of all pictures, the look of some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import EllipsisType

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ffhybrid.core.picture import Colour, Picture
from ffhybrid.filters.colour import to_rgb
from ffhybrid.filters.losses import CROP, PEAK, pack
from ffhybrid.filters.visual_distance import PictureParts, VisualDistance
from ffhybrid.refinement.codec_map import FrameMap, MappedPicture


@dataclass(frozen=True, slots=True, eq=False)
class WeightedTarget:
    """The squared error of all pictures as a function of the keyframe, sample by sample.

    It is the sum of ``weight`` times the squared distance from ``target``: both are (1, 6, rows, columns), packed as
    losses have pictures.
    """

    target: Tensor
    weight: Tensor


class GopLoss:
    """``weight`` times the visual distance plus the mean squared error, over pictures; a keyframe weighs as one does.

    The distance is relative to what it is before anything changes (:meth:`VisualDistance.change`), in the middles of
    the pictures. A change of the keyframe moves decoded pictures by their maps.
    """

    def __init__(
        self,
        keyframe: Picture,
        target: WeightedTarget,
        seen: Sequence[MappedPicture],
        *,
        pictures: int,
        colour: Colour,
        distance: VisualDistance | None,
        weight: float,
        device: torch.device,
    ) -> None:
        self._keyframe = pack(keyframe, device)
        mean = target.weight.mean()
        self._target, self._weight = target.target.to(device), (target.weight / mean).to(device)
        self._perceptual = weight * pictures / float(mean)
        self._seen = [_Warped(each, colour, device) for each in seen]
        self._generator = torch.Generator(device).manual_seed(0)
        self._distance = distance
        if distance is not None:
            with torch.no_grad():
                self._before = distance.pooled(self._middles(torch.zeros_like(self._keyframe), distance))

    def sample(self, packed: Tensor) -> Tensor:
        """All squared errors, the visual distance of a random part of a random picture."""
        loss = self._squared(packed)
        if self._distance is None:
            return loss
        seen = self._seen[self._random(len(self._seen))]
        corner = [self._random(max(side - CROP, 0) + 1) for side in seen.sides]
        parts = _parts(self._distance, seen, packed - self._keyframe, corner)
        return loss + self._perceptual * self._distance.change([parts], self._before)

    def whole(self, packed: Tensor) -> float:
        """All squared errors, the visual distance of the middle of each picture."""
        with torch.no_grad():
            loss = float(self._squared(packed))
            if self._distance is None:
                return loss
            parts = self._middles(packed - self._keyframe, self._distance)
            return loss + self._perceptual * float(self._distance.change(parts, self._before))

    def _middles(self, change: Tensor, distance: VisualDistance) -> list[PictureParts]:
        return [
            _parts(distance, seen, change, [max(side - CROP, 0) // 2 for side in seen.sides]) for seen in self._seen
        ]

    def _squared(self, packed: Tensor) -> Tensor:
        return (self._weight * ((packed - self._target) / PEAK).square()).mean()

    def _random(self, count: int) -> int:
        device = self._generator.device
        return int(torch.randint(count, (), generator=self._generator, device=device))


def _parts(distance: VisualDistance, seen: _Warped, change: Tensor, corner: Sequence[int]) -> PictureParts:
    """Compare a part of a picture with its source."""
    ours, theirs = seen.part(change, *corner)
    return distance.parts(ours, distance.source(theirs))


class _Warped:
    """One picture, ready to be moved."""

    def __init__(self, seen: MappedPicture, colour: Colour, device: torch.device) -> None:
        self._decoded, self._wanted = (pack(picture, device) for picture in (seen.decoded, seen.wanted))
        self._luma, self._chroma = _grid(seen.map, device), _grid(seen.map.halved(), device)
        self._colour = colour

    @property
    def sides(self) -> tuple[int, int]:
        """Rows and columns in 2x2 luma blocks."""
        rows, columns = self._decoded.shape[-2:]
        return rows, columns

    def part(self, change: Tensor, top: int, left: int) -> tuple[Tensor, Tensor]:
        """Give a part of the picture that a changed keyframe leads to, and of the source, in RGB."""
        at = (..., slice(top, top + CROP), slice(left, left + CROP))
        doubled = (..., slice(2 * top, 2 * (top + CROP)), slice(2 * left, 2 * (left + CROP)))
        luma = _moved(F.pixel_shuffle(change[:, :4], 2), self._luma, doubled)
        moved = torch.cat((F.pixel_unshuffle(luma, 2), _moved(change[:, 4:], self._chroma, at)), 1)
        return to_rgb(self._decoded[at] + moved, self._colour), to_rgb(self._wanted[at], self._colour)


def _grid(frame_map: FrameMap, device: torch.device) -> Tensor:
    """Stack gain and positions in the units of ``grid_sample``, (1, 3, rows, columns)."""
    rows, columns = frame_map.gain.shape
    gain, x, y = (torch.from_numpy(field).to(device) for field in (frame_map.gain, frame_map.x, frame_map.y))
    return torch.stack((gain, 2 * x / max(columns - 1, 1) - 1, 2 * y / max(rows - 1, 1) - 1))[None]


def _moved(change: Tensor, grid: Tensor, at: tuple[EllipsisType, slice, slice]) -> Tensor:
    part = grid[at]
    positions = part[:, 1:].permute(0, 2, 3, 1)
    found = F.grid_sample(change, positions, mode="bilinear", padding_mode="border", align_corners=True)
    return part[:, :1] * found
