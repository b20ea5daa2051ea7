"""Finding the CRF that gives a wanted size or distance: both change nearly exponentially with x265's CRF."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ffhybrid.gop_encoding import CodedGop
from ffhybrid.x265_options import HIGHEST_CRF

logger = logging.getLogger(__name__)

LOWEST_CRF = 1.0
TOLERANCE = 0.01
MOST_PROBES = 7
LEAST_STEP = 0.02

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Probe(Generic[Result]):
    """One encode: its CRF, a value that the CRF governs, what that should be, and how far off all of it is.

    ``miss`` is a ratio, 1 where the goal is met.
    """

    crf: float
    value: float
    wanted: float
    miss: float
    result: Result


@dataclass(frozen=True, slots=True)
class Curve:
    """Slope of a value's logarithm by CRF: a first guess, and what is believed."""

    slope: float
    least: float
    most: float

    def between(self, one: Probe[Result], other: Probe[Result]) -> float:
        """Slope that two probes show."""
        if one.crf == other.crf:
            return self.slope
        return min(max(math.log(one.value / other.value) / (one.crf - other.crf), self.least), self.most)


SIZE = Curve(-0.115, -0.4, -0.03)
DISTANCE = Curve(0.06, 0.01, 0.3)


def meet_size(encode: Callable[[float], CodedGop], wanted: int, *, first_crf: float) -> CodedGop:
    """Find the CRF whose encode has ``wanted`` bytes; of all tried, the one that comes nearest.

    ``encode`` codes a GOP at a CRF. Whatever of its size does not depend on the CRF (payload, placeholder) is measured
    on the way.
    """

    def probe(crf: float) -> Probe[CodedGop]:
        gop = encode(crf)
        governed = max(gop.inter_size, 1)
        left = max(wanted - (gop.size - governed), 1)
        return Probe(crf, governed, left, gop.size / wanted, gop)

    return search_crf(probe, SIZE, first_crf=first_crf)


def search_crf(probe: Callable[[float], Probe[Result]], curve: Curve, *, first_crf: float) -> Result:
    """Probe CRFs until one meets the goal; of all tried, the one that comes nearest."""
    probes: list[Probe[Result]] = []
    crf = min(max(first_crf, LOWEST_CRF), HIGHEST_CRF)
    while len(probes) < MOST_PROBES:
        probes.append(probe(crf))
        if abs(probes[-1].miss - 1) <= TOLERANCE:
            break
        crf = _next_crf(probes, probes[-1].wanted, curve)
        if any(abs(crf - known.crf) < LEAST_STEP for known in probes):
            break
    logger.debug("probes: %s", [(round(known.crf, 2), round(known.value, 4), round(known.miss, 4)) for known in probes])
    return min(probes, key=lambda known: abs(math.log(known.miss))).result


def _next_crf(probes: Sequence[Probe[Result]], wanted: float, curve: Curve) -> float:
    """Interpolate between the nearest probes on both sides, or go on along the slope."""
    above = [known for known in probes if known.value > wanted]
    below = [known for known in probes if known.value <= wanted]
    if above and below:
        one, other = (min(side, key=lambda known: abs(math.log(known.value / wanted))) for side in (above, below))
    else:
        nearest = sorted(probes, key=lambda known: abs(math.log(known.value / wanted)))[:2]
        one, other = nearest[0], nearest[-1]
    crf = one.crf + math.log(wanted / one.value) / curve.between(one, other)
    return min(max(crf, LOWEST_CRF), HIGHEST_CRF)
