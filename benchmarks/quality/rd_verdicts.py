"""Won, lost or equal: hybrid files beside those of one other codec, at equal bytes, metric by metric.

Where the other codec has other points of the clip, its value is taken between them at the bytes of the hybrid file, as
files of a wanted size are off it by up to a per cent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from ffhybrid.compare.curves import at_rate
from ffhybrid.panel import METRICS
from quality.rd_results import Figures, Row, Wavering

OURS = "hybrid"
THRESHOLDS = {
    "lpips": 0.02,
    "lpips_vgg": 0.02,
    "dists": 0.02,
    "ssimulacra2": 0.5,
    "cvvdp": 0.03,
    "vmaf_neg": 0.5,
}
"""From which difference on a metric is won or lost: a part of the other's value where less is better, else points."""
OTHER_THRESHOLDS = {"oklab": 0.02}
"""The same of metrics that are judged by their worst places alone."""

Pool = Callable[[Figures], float | None]
"""Takes one figure of a metric."""


class Verdict(StrEnum):
    """What becomes of a comparison."""

    WON = "won"
    LOST = "lost"
    EQUAL = "equal"


@dataclass(frozen=True, slots=True)
class Pair:
    """A hybrid file, and another codec's of the same pictures and wanted size, with that codec's points of the clip."""

    ours: Row
    theirs: Row
    curve: Sequence[Row]

    def values(self, metric: str, pool: Pool) -> tuple[float, float] | None:
        """Give the figures of both at the bytes of the hybrid file; None where one is missing."""
        known = {row.bytes: figure(row, metric, pool) for row in self.curve}
        ours, theirs = figure(self.ours, metric, pool), known[self.theirs.bytes]
        if math.isnan(ours) or any(map(math.isnan, known.values())):
            return None
        return ours, at_rate(known, self.ours.bytes) if len(known) > 1 else theirs


@dataclass(frozen=True, slots=True)
class Duel:
    """One metric over clips: averages of both codecs, and the verdict of each clip."""

    metric: str
    ours: float
    theirs: float
    clips: Sequence[Verdict]

    @property
    def difference(self) -> float:
        """In the unit of the threshold."""
        return difference(self.metric, self.ours, self.theirs)

    @property
    def verdict(self) -> Verdict:
        """Of the averages."""
        return verdict(self.metric, self.ours, self.theirs)

    def count(self, verdict: Verdict) -> int:
        """How many clips have this verdict."""
        return sum(one is verdict for one in self.clips)


def figure(row: Row, metric: str, pool: Pool) -> float:
    """Figure of a row; ``nan`` where it is missing."""
    value = pool(row.metrics[metric]) if metric in row.metrics else None
    return math.nan if value is None else value


def difference(metric: str, ours: float, theirs: float) -> float:
    """How much more ours is: a part of theirs for metrics of which less is better, else the difference."""
    return ours / theirs - 1 if METRICS[metric].lower_is_better else ours - theirs


def verdict(metric: str, ours: float, theirs: float) -> Verdict:
    """Judge by the threshold of the metric."""
    gain = difference(metric, ours, theirs) * (-1 if METRICS[metric].lower_is_better else 1)
    threshold = {**THRESHOLDS, **OTHER_THRESHOLDS}[metric]
    # Figures are rounded, and so may be a difference that is the threshold.
    if abs(gain) < threshold * (1 - 1e-9):
        return Verdict.EQUAL
    return Verdict.WON if gain > 0 else Verdict.LOST


def pairs(rows: Sequence[Row], peer: str, point: float) -> list[Pair]:
    """Pair files of one point by clip; those of other pictures (another cut of the clip) are left out."""
    theirs = [row for row in rows if row.codec == peer]
    found = []
    for ours in rows:
        if ours.codec == OURS and ours.point == point:
            curve = [row for row in theirs if row.clip == ours.clip and row.md5 == ours.md5]
            found += [Pair(ours, row, curve) for row in curve if row.point == point]
    return found


def duel(metric: str, found: Sequence[Pair], pool: Pool) -> Duel | None:
    """Hold hybrid files against another codec's; None without figures."""
    values = [value for pair in found if (value := pair.values(metric, pool))]
    if not values:
        return None
    ours, theirs = (fmean(side) for side in zip(*values, strict=True))
    return Duel(metric, ours, theirs, [verdict(metric, *value) for value in values])


def wavers(wavering: Sequence[Wavering], metric: str, pool: Pool, *, point: float) -> float | None:
    """Give the standard deviation of one file's figure, root mean square over clips and codecs; None if unknown."""
    known = [pool(one.metrics[metric]) for one in wavering if one.point == point and metric in one.metrics]
    squares = [value**2 for value in known if value is not None]
    return math.sqrt(fmean(squares)) if squares else None
