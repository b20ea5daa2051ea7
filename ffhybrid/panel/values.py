"""What the panel says of a clip: a value a picture, and figures of the whole: means, and means of the worst."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from typing import Generic, TypeVar

from ffhybrid.core.picture import PictureSpec
from ffhybrid.panel.metrics import METRICS

WORST_PART = 20
"""The worst values are one in so many, 5 %, one at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What files are compared with: ``frames`` pictures in a lossless file, shown at a constant rate from 0 on."""

    path: Path
    spec: PictureSpec
    frame_rate: Fraction
    frames: int


MOST_KEPT = 3 << 29
"""Bytes of what is kept of a source from encode to encode."""
VGG_METRICS, VGG_BYTES, FEW_BYTES = ("lpips_vgg", "dists"), 500, 100
"""About what a metric keeps for every luma sample, with VGG16 and without."""
Look = TypeVar("Look")


@dataclass(slots=True)
class SeenSource(Generic[Look]):
    """What metrics of pictures know of one source: as far as there is room it is looked at once for many encodes."""

    _looks: dict[tuple[str, int], Look] = field(default_factory=dict)
    _bytes: int = 0

    def look(self, metric: str, number: int, prepare: Callable[[], Look], *, samples: int) -> Look:
        """Give what a metric compares with a picture of so many luma samples; it is made where it is not known."""
        if (metric, number) in self._looks:
            return self._looks[metric, number]
        look = prepare()
        size = samples * (VGG_BYTES if metric in VGG_METRICS else FEW_BYTES)
        if self._bytes + size <= MOST_KEPT:
            self._looks[metric, number] = look
            self._bytes += size
        return look


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values of one metric in order of presentation.

    ``places`` are those of all places of all pictures that were looked at; ``whole`` is the metric's own figure of the
    clip where that is not the mean of ``values``.
    """

    values: tuple[float, ...]
    places: tuple[float, ...] = ()
    whole: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """One metric over a clip: its mean, and the means of the worst 5 % of pictures and of places of 64x64 samples."""

    mean: float
    worst_pictures: float
    worst_places: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Metrics of a clip by name: ``series`` have a value a picture, or one every ``interval`` pictures from the first.

    What was not installed, or cannot see pictures as small as these, is in neither mapping.
    """

    interval: int
    series: Mapping[str, tuple[float, ...]]
    pooled: Mapping[str, Pooled]

    @classmethod
    def of(cls, found: Mapping[str, Series], *, interval: int) -> Panel:
        """Pool values."""
        return cls(
            interval=interval,
            series={name: series.values for name, series in found.items()},
            pooled={name: _pool(name, series) for name, series in found.items()},
        )

    def mean(self, metric: str) -> float:
        """Mean over the pictures that were looked at, for ``cvvdp`` its own figure; ``nan`` where there is none."""
        return self.pooled[metric].mean if metric in self.pooled else math.nan

    def worst_pictures(self, metric: str) -> float:
        """Mean of the worst 5 % of the pictures that were looked at; ``nan`` where there are none."""
        return self.pooled[metric].worst_pictures if metric in self.pooled else math.nan

    def worst_places(self, metric: str) -> float:
        """Mean of the worst 5 % of places, each counting once a picture; ``nan`` for metrics that have none."""
        value = self.pooled[metric].worst_places if metric in self.pooled else None
        return math.nan if value is None else value


def _pool(name: str, series: Series) -> Pooled:
    lower_is_better = METRICS[name].lower_is_better
    return Pooled(
        mean=fmean(series.values) if series.whole is None else series.whole,
        worst_pictures=worst(series.values, lower_is_better=lower_is_better),
        worst_places=worst(series.places, lower_is_better=lower_is_better) if series.places else None,
    )


def worst(values: Sequence[float], *, lower_is_better: bool) -> float:
    """Mean of the worst twentieth of values, rounded up."""
    ordered = sorted(values, reverse=lower_is_better)
    return fmean(ordered[: math.ceil(len(ordered) / WORST_PART)])
