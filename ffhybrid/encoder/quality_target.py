"""``-target``: the metric, and the value of it that every GOP is to have, on average or in its worst pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ffhybrid.core.suggestions import did_you_mean
from ffhybrid.errors import UsageError
from ffhybrid.panel.metrics import METRICS, Metric
from ffhybrid.panel.values import worst

LOW = "low"
LOW_TOLERANCES = 2
LEAST_DISTANCE = 0.01
"""The least distance from perfect that is told from others, in tolerances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Values of a metric that may be asked for, and how they change with a CRF.

    Args:
        least: below all values that may be asked for.
        most: above all of them.
        perfect: what no pictures exceed. The distance from it is nearly exponential in a CRF.
        slope: a guess of how much the distance's natural logarithm rises from a CRF to the next.
        tolerance: a GOP whose mean is so near to the one asked for has it. Values waver by as much between CRFs that
            differ by hundredths, those of the worst pictures more: :data:`LOW_TOLERANCES` count for them.
    """

    least: float
    most: float
    perfect: float
    slope: float
    tolerance: float


_VMAF = Scale(least=0, most=100, perfect=100, slope=0.1, tolerance=0.5)
SCALES = {
    "ssimulacra2": Scale(least=-100, most=100, perfect=100, slope=0.06, tolerance=1),
    "vmaf": _VMAF,
    "vmaf_neg": _VMAF,
    "lpips": Scale(least=0, most=1, perfect=0, slope=0.1, tolerance=0.003),
}
"""By the metrics' names; slopes are those of three clips at CRF 16 to 46 (``benchmarks/quality/target_search.py``)."""


@dataclass(frozen=True, slots=True)
class QualityTarget:
    """A value of a metric that every GOP is to have; with ``low`` not its mean, but that of the worst 5 % of pictures.

    Raises:
        UsageError: a metric that is none of :data:`SCALES`, or a value that it does not have.
    """

    metric: str
    value: float
    low: bool = False

    def __post_init__(self) -> None:
        if self.metric not in SCALES:
            known = f"; known are {', '.join(SCALES)}"
            raise UsageError(f"-target {self.metric}: no such metric{did_you_mean(self.metric, SCALES) or known}")
        if not self.scale.least < self.value < self.scale.most:
            bounds = f"between {self.scale.least:g} and {self.scale.most:g}"
            raise UsageError(f"-target {self}: {self.panel_metric.title} is asked for {bounds}")

    @classmethod
    def parse(cls, text: str) -> QualityTarget:
        """Parse ``vmaf=90`` or ``vmaf=90:low``.

        Raises:
            UsageError: it is written otherwise, or as for the class.
        """
        metric, separator, rest = text.partition("=")
        number, colon, pool = rest.partition(":")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not separator or math.isnan(value) or (colon and pool != LOW):
            raise UsageError(f"-target {text}: write METRIC=VALUE or METRIC=VALUE:{LOW}, as vmaf=90 or vmaf=90:{LOW}")
        return cls(metric, value, bool(colon))

    def __str__(self) -> str:
        """Write it as :meth:`parse` reads it."""
        return f"{self.metric}={self.value:g}" + f":{LOW}" * self.low

    @property
    def scale(self) -> Scale:
        """Of the metric."""
        return SCALES[self.metric]

    @property
    def panel_metric(self) -> Metric:
        """What the panel knows of it."""
        return METRICS[self.metric]

    @property
    def tolerance(self) -> float:
        """In the unit of the metric."""
        return self.scale.tolerance * (LOW_TOLERANCES if self.low else 1)

    def text(self, value: float) -> str:
        """Write a value that was reached."""
        return f"{self.panel_metric.title}{f' ({LOW})' * self.low} {self.panel_metric.text(value)}"

    def pooled(self, values: Sequence[float]) -> float:
        """Take the mean of a GOP's values, or of the worst twentieth of them, one at least."""
        return worst(values, lower_is_better=self.panel_metric.lower_is_better) if self.low else fmean(values)

    def excess(self, value: float) -> float:
        """By how many tolerances a value is worse than the one asked for; below 0 where it is better."""
        return (self._distance(value) - self._distance(self.value)) / self.tolerance

    def ratio(self, value: float) -> float:
        """How many times as far from perfect a value is as the one asked for."""
        return self._distance(value) / self._distance(self.value)

    @property
    def log_tolerance(self) -> float:
        """The tolerance as a difference of natural logarithms of distances from perfect."""
        return math.log1p(self.tolerance / self._distance(self.value))

    def _distance(self, value: float) -> float:
        return max(abs(self.scale.perfect - value), LEAST_DISTANCE * self.scale.tolerance)
