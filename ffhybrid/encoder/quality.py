"""Quality of a GOP against its source: the visual distance of some pictures, the mean squared error of all.

This is what rate control compares keyframes by: on the whole GOP, since a keyframe that looks well alone may be a bad
reference (HybridPrompt section 2.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ffhybrid.core.extras import naming_extra
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import CodedGop
from ffhybrid.filters import Likeness
from ffhybrid.filters.base import lpips_can_see
from ffhybrid.panel import INTERVAL

if TYPE_CHECKING:
    from torch import Tensor

    from ffhybrid.filters.visual_distance import SeenSource, VisualDistance

SAMPLING_INTERVAL, LEAST_SAMPLES = 16, 4
"""The visual distance looks at one picture of so many, and at so many at least, where there are."""
MOST_KEPT = 1 << 21
"""Luma samples of source pictures that are known from encode to encode: some 110 bytes each."""


@dataclass(frozen=True, slots=True)
class GopQuality:
    """Of a GOP: mean squared error of samples in [0, 1], and of the pictures looked at LPIPS and the visual distance.

    ``lpips`` and ``distance`` are ``nan`` where squared errors decide alone. ``stock`` is what stock players show, and
    its weight in the loss.
    """

    mse: float
    lpips: float = math.nan
    distance: float = math.nan
    stock: tuple[GopQuality, float] | None = None

    @property
    def loss(self) -> float:
        """What a GOP is chosen by; less is better."""
        loss = self.mse if math.isnan(self.distance) else self.distance
        if self.stock is None:
            return loss
        stock, weight = self.stock
        return (1 - weight) * loss + weight * stock.loss

    @property
    def psnr(self) -> float:
        """In dB, over all samples of all planes."""
        return -10 * math.log10(max(self.mse, 1e-10))


class Judge:
    """Compares the pictures of GOPs with their source; ``distance`` None means the mean squared error alone.

    It is loaded with the first pictures that it can see (:func:`visual_distance`); squared errors decide of smaller
    ones. ``stock_weight``, 0 to 1, is that of what stock players show of a hybrid file against the restored one.
    Sources are looked at once for all encodes of a GOP, the first ones of large pictures. The visual distance looks at
    one picture of ``interval``.
    """

    def __init__(
        self,
        distance: Callable[[], VisualDistance] | None,
        *,
        stock_weight: float = 0.0,
        interval: int = SAMPLING_INTERVAL,
    ) -> None:
        self._distance = distance
        self._stock_weight = stock_weight
        self._interval = interval
        self._source: SourceGop | None = None
        self._seen: dict[int, SeenSource] = {}

    def coarse(self) -> Judge:
        """Make a judge that looks at half as many pictures."""
        return Judge(self._distance, stock_weight=self._stock_weight, interval=2 * self._interval)

    @property
    def sees(self) -> bool:
        """Whether it looks at more than squared errors."""
        return self._distance is not None

    def of(self, gop: CodedGop, source: SourceGop) -> GopQuality:
        """Judge an encode of a GOP."""
        restored = self.quality(gop.pictures(), source)
        if not self._stock_weight:
            return restored
        stock = restored if gop.keyframe is None else self.quality(gop.stock_pictures(), source)
        return replace(restored, stock=(stock, self._stock_weight))

    def quality(self, pictures: Iterable[Picture], source: SourceGop) -> GopQuality:
        """Judge pictures in order of presentation."""
        peak = (1 << source.spec.bit_depth) - 1
        distance = self._distance() if self._distance and lpips_can_see(source.spec) else None
        sampled = samples(len(source), interval=self._interval) if distance else frozenset()
        errors, parts = [], []
        for index, picture in enumerate(pictures):
            errors.append(Likeness(source.picture(index)).distortion(picture) / peak**2)
            if distance and index in sampled:
                seen = self._seen_source(source, index, distance)
                parts.append(distance.parts(_rgb(picture, source, distance), seen))
        mse = sum(errors) / len(errors)
        if distance is None:
            return GopQuality(mse)
        return GopQuality(mse, float(distance.pooled(parts)["lpips"]), float(distance.distance(parts)))

    def _seen_source(self, source: SourceGop, index: int, distance: VisualDistance) -> SeenSource:
        if self._source is not source:
            self._source, self._seen = source, {}
        if index in self._seen:
            return self._seen[index]
        seen = distance.source(_rgb(source.picture(index), source, distance))
        if (len(self._seen) + 1) * source.spec.width * source.spec.height <= MOST_KEPT:
            self._seen[index] = seen
        return seen


def samples(pictures: int, *, interval: int = SAMPLING_INTERVAL) -> frozenset[int]:
    """Choose pictures of a GOP, one of so many: about the middles of equal parts of it.

    None is one that reports look at (every seventh): many candidates would find what looks well there by luck. Nor are
    there those with even numbers, which pyramids of B pictures code best.
    """
    parts = min(max(LEAST_SAMPLES, round(pictures / interval)), pictures)
    middles = ((2 * part + 1) * pictures // (2 * parts) for part in range(parts))
    odd = (middle | 1 for middle in middles)
    return frozenset(min(index + 2 * (index % INTERVAL == 0), pictures - 1) for index in odd)


def _rgb(picture: Picture, source: SourceGop, distance: VisualDistance) -> Tensor:
    from ffhybrid.panel.picture_metrics import rgb

    return rgb(picture, source.spec, distance.device)


def visual_distance(lpips: Path | None, *, device: str) -> Callable[[], VisualDistance]:
    """Say how the distance that GOPs are judged by is loaded; UsageError or ModelError where what it takes is missing.

    Args:
        lpips: AlexNet's weights where the user names them.
        device: ``auto``, ``cpu`` or ``cuda``.
    """
    return partial(_load_distance, lpips, device)


def _load_distance(lpips: Path | None, device: str) -> VisualDistance:
    with naming_extra("judging GOPs", "encode"):
        from ffhybrid.filters.devices import device_of
        from ffhybrid.filters.lpips import load_lpips
        from ffhybrid.filters.visual_distance import VisualDistance
    return VisualDistance(load_lpips(lpips, device_of(device)))
