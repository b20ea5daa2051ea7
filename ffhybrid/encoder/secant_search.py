"""Searching an encoder's one control until what it governs, a size or a distance, is what was asked for.

Both change nearly exponentially with a CRF, or with the logarithm of a bitrate.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import product
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

STEEPEST = 5.0
"""Times the first guess of a slope, or a fraction of it, is what is believed of encodes at most."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Probe(Generic[Result]):
    """One encode: a value that the control governs, what that should be, and how far off all of it is.

    ``miss`` is a ratio, 1 where the target is met.
    """

    value: float
    wanted: float
    miss: float
    result: Result

    @property
    def distance(self) -> float:
        """From the target, either way."""
        return abs(math.log(self.miss))


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Settings from ``low`` to ``high`` in multiples of ``step``; ``slope`` is a guess of the value's logarithm's."""

    low: float
    high: float
    step: float
    slope: float

    def rounded(self, setting: float) -> float:
        """Give the nearest setting there is."""
        return round(round(min(max(setting, self.low), self.high) / self.step) * self.step, 6)

    def moved(self, setting: float, *, ratio: float) -> float:
        """Give the setting that has ``ratio`` times the value of another, as far as the slope tells."""
        return setting + math.log(ratio) / self.slope

    def neighbours(self, setting: float, *, ratio: float, count: int) -> list[float]:
        """Give settings around the one that has ``ratio`` times the value, the nearest first, without ``setting``."""
        centre = self.moved(setting, ratio=ratio)
        steps = sorted(range(-count, count + 1), key=abs)
        settings = dict.fromkeys(self.rounded(centre + step * self.step) for step in steps)
        return [one for one in settings if one != setting][:count]

    def slope_between(self, one: SearchPoint, other: SearchPoint) -> float:
        """Slope that two encodes show, as far as it is believed."""
        if one.setting == other.setting:
            return self.slope
        shown = math.log(one.value / other.value) / (one.setting - other.setting) / self.slope
        return self.slope * min(max(shown, 1 / STEEPEST), STEEPEST)


@dataclass(frozen=True, slots=True)
class SearchPoint:
    """What an encode showed."""

    setting: float
    value: float


@dataclass(frozen=True, slots=True)
class Met(Generic[Result]):
    """What came nearest, at which setting, and after how many encodes."""

    result: Result
    setting: float
    encodes: int


@dataclass(slots=True, kw_only=True)
class SecantSearch:
    """Searches one control, and remembers what it saw for other targets of the same pictures.

    ``tolerance`` of the target is near enough.
    """

    control: Control
    tolerance: float
    most_probes: int
    _known: list[SearchPoint] = field(default_factory=list)

    @property
    def has_begun(self) -> bool:
        """Whether anything is known."""
        return bool(self._known)

    def meet(self, probe: Callable[[float], Probe[Result]], *, first: float) -> Met[Result]:
        """Probe settings from ``first`` on until one meets the target; of all probed, the one that comes nearest."""
        setting: float | None = self.control.rounded(first)
        probed: dict[float, float] = {}
        kept: Probe[Result] | None = None
        nearest = first
        while setting is not None and len(probed) < self.most_probes:
            found = probe(setting)
            probed[setting] = round(found.miss, 4)
            self._known.append(SearchPoint(setting, found.value))
            if kept is None or found.distance < kept.distance:
                kept, nearest = found, setting
            if kept.distance <= self.tolerance or self._is_beyond(setting, found):
                break
            setting = self._unprobed(self.towards(found.wanted), probed, found)
        logger.debug("kept %g of %s", nearest, probed)
        assert kept is not None  # noqa: S101 - there is one probe at least
        return Met(kept.result, nearest, len(probed))

    def towards(self, wanted: float) -> float:
        """Interpolate between the closest settings on both sides of a value, or go on along the slope.

        Values need not fall everywhere: x265's sizes rise by some per cent before CRF 51.

        Raises:
            ValueError: nothing is known yet.
        """
        above = [point for point in self._known if point.value > wanted]
        below = [point for point in self._known if point.value <= wanted]
        if above and below:
            one, other = min(product(above, below), key=lambda pair: abs(pair[0].setting - pair[1].setting))
        else:
            nearest = _nearest(self._known, wanted)
            one, other = nearest[0], nearest[min(1, len(nearest) - 1)]
        start = _nearest([one, other], wanted)[0]
        slope = self.control.slope_between(one, other)
        return self.control.rounded(start.setting + math.log(wanted / start.value) / slope)

    def _unprobed(self, setting: float, probed: Collection[float], found: Probe[Result]) -> float | None:
        """Step aside from a setting that was probed, towards the target; None where that was probed too.

        Values waver by a per cent or two between neighbouring settings, so that the curve may lead back to where it
        was, while a neighbour is nearer. Coarse steps do not waver by more than a step.
        """
        if setting not in probed:
            return setting
        control = self.control
        aside = max(round(self.tolerance / abs(control.slope) / control.step), 1) * control.step
        towards = math.copysign(aside, math.log(found.wanted / found.value) / control.slope)
        most = 1 if aside == control.step else self.most_probes
        neighbours = (control.rounded(setting + towards * 2**doubling) for doubling in range(most))
        return next((neighbour for neighbour in neighbours if neighbour not in probed), None)

    def _is_beyond(self, setting: float, found: Probe[Result]) -> bool:
        """Whether the target would take settings that the control does not have."""
        wants_more = found.value < found.wanted
        return setting == (self.control.high if wants_more == (self.control.slope > 0) else self.control.low)


def _nearest(points: Collection[SearchPoint], wanted: float) -> list[SearchPoint]:
    return sorted(points, key=lambda point: abs(math.log(point.value / wanted)))
