"""Making a file of a wanted size: an encoder's one control is searched by the bytes of whole files."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger(__name__)

TOLERANCE = 0.005
MOST_PROBES = 8


@dataclass(frozen=True, slots=True)
class Probe:
    """One encode: the control's value, and bytes of the file."""

    value: float
    size: int


@dataclass(frozen=True, slots=True)
class Met:
    """What was found, and after how many encodes."""

    value: float
    encodes: int


@dataclass(slots=True, kw_only=True)
class SizeSearch:
    """Searches one control, and remembers what it saw for other sizes of the same clip.

    Args:
        low: least value.
        high: greatest value.
        step: values are multiples of it.
        slope: of the logarithm of bytes by the value, as a first guess.
    """

    low: float
    high: float
    step: float
    slope: float
    _known: list[Probe] = field(default_factory=list)

    def meet(self, encode: Callable[[float, Path], None], target: Path, wanted: int, *, first: float) -> Met:
        """Leave at ``target`` the file that comes nearest to ``wanted`` bytes; ``encode(value, path)`` makes one.

        The search begins at ``first``, or where earlier ones lead.
        """
        trial = target.with_name(f"trial-{target.name}")
        try:
            return self._search(encode, trial, target, wanted, first)
        finally:
            trial.unlink(missing_ok=True)

    def _search(
        self, encode: Callable[[float, Path], None], trial: Path, target: Path, wanted: int, first: float
    ) -> Met:
        tried: dict[float, int] = {}
        kept = math.nan
        value: float | None = self._next(wanted) if self._known else self._rounded(first)
        while value is not None and len(tried) < MOST_PROBES:
            encode(value, trial)
            tried[value] = trial.stat().st_size
            self._known.append(Probe(value, tried[value]))
            if math.isnan(kept) or _distance(tried[value], wanted) < _distance(tried[kept], wanted):
                trial.replace(target)
                kept = value
            if _distance(tried[kept], wanted) <= TOLERANCE or self._is_beyond(value, tried[value], wanted):
                break
            value = self._untried(self._next(wanted), tried, wanted)
        logger.debug("%s: %d bytes wanted, kept %g of %s", target.name, wanted, kept, tried)
        return Met(kept, len(tried))

    def _next(self, wanted: int) -> float:
        """Interpolate between the nearest probes on both sides, or go on along the slope."""
        low, high = _neighbours(self._known, wanted)
        slope = self.slope
        if low.value != high.value and low.size != high.size:
            slope = math.log(low.size / high.size) / (low.value - high.value)
        near = min((low, high), key=lambda probe: _distance(probe.size, wanted))
        if slope * self.slope <= 0:
            slope = self.slope
        value = near.value + math.log(wanted / near.size) / slope
        return self._rounded(value)

    def _untried(self, value: float, tried: Mapping[float, int], wanted: int) -> float | None:
        """Step aside from a value that was tried, towards the wanted size; None where that was tried too.

        Sizes waver by a per cent or two between neighbouring values, so that the curve may lead back to where it was,
        while a neighbour is nearer. Coarse steps do not waver by more than a step.
        """
        if value not in tried:
            return value
        aside = max(round(TOLERANCE / abs(self.slope) / self.step), 1) * self.step
        towards = math.copysign(aside, math.log(wanted / tried[value]) / self.slope)
        most = 1 if aside == self.step else MOST_PROBES
        neighbours = (self._rounded(value + towards * 2**doubling) for doubling in range(most))
        return next((neighbour for neighbour in neighbours if neighbour not in tried), None)

    def _is_beyond(self, value: float, size: int, wanted: int) -> bool:
        """Whether a size would take values that the control does not have."""
        end = self.low if (size < wanted) == (self.slope < 0) else self.high
        return value == end

    def _rounded(self, value: float) -> float:
        return round(round(min(max(value, self.low), self.high) / self.step) * self.step, 6)


def _neighbours(known: Sequence[Probe], wanted: int) -> tuple[Probe, Probe]:
    larger = [probe for probe in known if probe.size > wanted]
    smaller = [probe for probe in known if probe.size <= wanted]
    if larger and smaller:
        return min(larger, key=lambda probe: probe.size), max(smaller, key=lambda probe: probe.size)
    nearest = sorted(known, key=lambda probe: _distance(probe.size, wanted))
    return nearest[0], nearest[-1]


def _distance(size: int, wanted: int) -> float:
    return abs(math.log(size / wanted))
