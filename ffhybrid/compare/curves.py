"""Points as curves: one a codec, and what the deltas between them are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ffhybrid.compare.bjontegaard import Curve, Delta, bd_metric, bd_rate
from ffhybrid.compare.results import RatePoint
from ffhybrid.panel import METRICS

PEERS = ("x265", "x265-best")


@dataclass(frozen=True, slots=True)
class DeltaRow:
    """Of one codec against x265: by metric, rate for equal quality, and quality for equal rate."""

    codec: str
    rates: Mapping[str, Delta]
    values: Mapping[str, Delta]


def metrics_of(points: Sequence[RatePoint]) -> tuple[str, ...]:
    """Metrics that all points have."""
    return tuple(metric for metric in METRICS if not any(math.isnan(point.mean(metric)) for point in points))


def by_codec(points: Sequence[RatePoint]) -> dict[str, list[RatePoint]]:
    """Points of each codec, by rising rate."""
    found: dict[str, list[RatePoint]] = {}
    for point in sorted(points, key=lambda point: point.bitrate):
        found.setdefault(point.codec, []).append(point)
    return {codec: found[codec] for codec in dict.fromkeys(point.codec for point in points)}


def better_peer(points: Sequence[RatePoint]) -> list[RatePoint]:
    """x265 at each rate, of its defaults and its own best options whichever has the lowest LPIPS (or highest VMAF)."""
    peers = [point for point in points if point.codec in PEERS]
    metric = "lpips" if "lpips" in metrics_of(peers) else "vmaf"
    chosen = {}
    for point in sorted(peers, key=lambda point: goodness(point, metric)):
        chosen[point.bitrate] = point
    return [chosen[bitrate] for bitrate in sorted(chosen)]


def goodness(point: RatePoint, metric: str) -> float:
    """Mean of a metric, with its sign turned where lower is better."""
    return -point.mean(metric) if METRICS[metric].lower_is_better else point.mean(metric)


def at_rate(values: Mapping[float, float], rate: float) -> float:
    """Value at a rate near those of two points at least, by rate, straight over the logarithm of the rate."""
    one, other = sorted(values, key=lambda known: abs(math.log(known / rate)))[:2]
    slope = (values[other] - values[one]) / math.log(other / one)
    return values[one] + slope * math.log(rate / one)


def deltas(points: Sequence[RatePoint]) -> list[DeltaRow]:
    """Hold every codec against the best one of x265's; empty without x265."""
    reference = better_peer(points)
    metrics = metrics_of(points)
    if not reference:
        return []
    return [
        DeltaRow(
            codec,
            {metric: bd_rate(_curve(chosen, metric), _curve(reference, metric)) for metric in metrics},
            {metric: bd_metric(_curve(chosen, metric), _curve(reference, metric)) for metric in metrics},
        )
        for codec, chosen in by_codec(points).items()
    ]


def _curve(points: Sequence[RatePoint], metric: str) -> Curve:
    return Curve(tuple(point.rate for point in points), tuple(point.mean(metric) for point in points))
