"""Making a file of a wanted size: an encoder's one control is searched by the bytes of whole files."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
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
        tried: dict[float, int] = {}
        kept = math.nan
        value = self._next(wanted) if self._known else self._rounded(first)
        while value not in tried and len(tried) < MOST_PROBES:
            encode(value, trial)
            tried[value] = trial.stat().st_size
            self._known.append(Probe(value, tried[value]))
            if math.isnan(kept) or _distance(tried[value], wanted) < _distance(tried[kept], wanted):
                trial.replace(target)
                kept = value
            if _distance(tried[kept], wanted) <= TOLERANCE:
                break
            value = self._next(wanted)
        trial.unlink(missing_ok=True)
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
