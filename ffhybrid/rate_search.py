"""Meeting a size: bytes fall nearly exponentially with x265's CRF, so that a few encodes bracket the wanted ones."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ffhybrid.gop_encoding import CodedGop

logger = logging.getLogger(__name__)

SLOPE, SLOPES = -0.115, (-0.4, -0.03)
"""Of the logarithm of bytes by CRF: first guess, and what is believed."""
LOWEST_CRF, HIGHEST_CRF = 1.0, 51.0
TOLERANCE = 0.01
MOST_PROBES = 7
LEAST_STEP = 0.02


@dataclass(frozen=True, slots=True)
class Probe:
    """One encode: its CRF, and the bytes that the CRF governs."""

    crf: float
    inter: int
    gop: CodedGop


def meet_size(encode: Callable[[float], CodedGop], wanted: int, *, first_crf: float) -> CodedGop:
    """Find the CRF whose encode has ``wanted`` bytes; of all tried, the one that comes nearest.

    ``encode`` codes a GOP at a CRF. Whatever of its size does not depend on the CRF (payload, placeholder) is measured
    on the way.
    """
    probes: list[Probe] = []
    crf = min(max(first_crf, LOWEST_CRF), HIGHEST_CRF)
    while len(probes) < MOST_PROBES:
        gop = encode(crf)
        governed = max(gop.inter_size, 1)
        probes.append(Probe(crf, governed, gop))
        if abs(gop.size / wanted - 1) <= TOLERANCE:
            break
        left = max(wanted - (gop.size - governed), 1)
        crf = _next_crf(probes, left)
        if any(abs(crf - probe.crf) < LEAST_STEP for probe in probes):
            break
    best = min(probes, key=lambda probe: abs(math.log(probe.gop.size / wanted)))
    logger.debug("%d bytes wanted: %s", wanted, [(round(p.crf, 2), p.gop.size) for p in probes])
    return best.gop


def _next_crf(probes: Sequence[Probe], wanted: int) -> float:
    """Interpolate between the nearest probes on both sides, or go on along the slope."""
    larger = [probe for probe in probes if probe.inter > wanted]
    smaller = [probe for probe in probes if probe.inter <= wanted]
    if larger and smaller:
        low, high = max(larger, key=lambda p: p.crf), min(smaller, key=lambda p: p.crf)
    else:
        nearest = sorted(probes, key=lambda probe: abs(math.log(probe.inter / wanted)))[:2]
        low, high = nearest[0], nearest[-1]
    slope = _slope(low, high)
    crf = low.crf + math.log(wanted / low.inter) / slope
    return min(max(crf, LOWEST_CRF), HIGHEST_CRF)


def _slope(one: Probe, other: Probe) -> float:
    if one.crf == other.crf:
        return SLOPE
    least, most = SLOPES
    return min(max(math.log(one.inter / other.inter) / (one.crf - other.crf), least), most)
