"""Who is best by what: the tables codec x metric that the report leads with, one a way of pooling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from ffhybrid.compare.results import RatePoint
from ffhybrid.panel import METRICS, Metric, Panel

NOTHING = "\N{EN DASH}"
"""What stands where a metric was not taken."""


@dataclass(frozen=True, slots=True)
class Pooling:
    """One way of making a figure of a clip; ``figure`` takes the panel of a point and the name of a metric."""

    name: str
    title: str
    figure: Callable[[Panel, str], float]


POOLINGS = (
    Pooling("mean", "mean", Panel.mean),
    Pooling("worst-frames", "worst 5 % of frames", Panel.worst_pictures),
    Pooling("worst-places", "worst 5 % of 64x64 places", Panel.worst_places),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure as it is written, and whether no other codec's at that rate is better as written."""

    text: str
    is_best: bool


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one point, in the order of the table's metrics."""

    point: RatePoint
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Standings:
    """All points pooled one way: by rate, then by codec."""

    pooling: Pooling
    metrics: tuple[Metric, ...]
    rates: tuple[tuple[Row, ...], ...]


def standings(points: Sequence[RatePoint]) -> list[Standings]:
    """Make the tables: by all metrics that any of the points has; a way of pooling that none has is left out."""
    return [table for pooling in POOLINGS if (table := _pooled(points, pooling)).metrics]


def by_rate(points: Sequence[RatePoint]) -> list[list[RatePoint]]:
    """Points at each wanted rate, from the lowest on, codecs in their order."""
    ordered = sorted(points, key=lambda point: point.bitrate)
    return [list(group) for _, group in groupby(ordered, key=lambda point: point.bitrate)]


def _pooled(points: Sequence[RatePoint], pooling: Pooling) -> Standings:
    def is_known(name: str) -> bool:
        return any(not math.isnan(pooling.figure(point.panel, name)) for point in points)

    metrics = tuple(metric for metric in METRICS.values() if is_known(metric.name))
    return Standings(pooling, metrics, tuple(_rows(group, metrics, pooling) for group in by_rate(points)))


def _rows(points: Sequence[RatePoint], metrics: Sequence[Metric], pooling: Pooling) -> tuple[Row, ...]:
    columns = [_column(points, metric, pooling) for metric in metrics]
    return tuple(Row(point, tuple(column[index] for column in columns)) for index, point in enumerate(points))


def _column(points: Sequence[RatePoint], metric: Metric, pooling: Pooling) -> list[Cell]:
    """Write figures of one metric; nobody is best alone, nor where somebody's figure is not known."""
    figures = [pooling.figure(point.panel, metric.name) for point in points]
    texts = [NOTHING if math.isnan(figure) else metric.text(figure) for figure in figures]
    if len(points) < 2 or NOTHING in texts:
        return [Cell(text, is_best=False) for text in texts]
    best = metric.text((min if metric.lower_is_better else max)(figures))
    return [Cell(text, is_best=text == best) for text in texts]
