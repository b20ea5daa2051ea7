"""Finding the CRF that gives a GOP a wanted size or quality."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ffhybrid.encoder.coded_gop import CodedGop
from ffhybrid.encoder.secant_search import Control, Probe, SecantSearch
from ffhybrid.x265.options import HIGHEST_CRF

LOWEST_CRF, CRF_STEP = 1.0, 0.02
"""CRFs a step apart give sizes within half a per cent, but pictures as different as any."""
TOLERANCE = 0.01
MOST_PROBES = 7


def crf_control(slope: float) -> Control:
    """Make the control of a value whose natural logarithm changes by about ``slope`` from a CRF to the next."""
    return Control(low=LOWEST_CRF, high=HIGHEST_CRF, step=CRF_STEP, slope=slope)


SIZE = crf_control(-0.13)


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """How near a search comes to its target: within so many tolerances, or after so many encodes at most."""

    tolerances: float = 1.0
    most_probes: int = MOST_PROBES

    @property
    def of_sizes(self) -> float:
        """The part of a size by which it may be missed."""
        return self.tolerances * TOLERANCE


EXACT = Precision()

Result = TypeVar("Result")


def meet_size(
    encode: Callable[[float], CodedGop], wanted: int, *, first_crf: float, precision: Precision = EXACT
) -> CodedGop:
    """Find the CRF whose encode has ``wanted`` bytes; of all probed, the one that comes nearest.

    ``encode`` codes a GOP at a CRF. Whatever of its size does not depend on the CRF is measured on the way.
    """

    def probe(crf: float) -> Probe[CodedGop]:
        gop = encode(crf)
        governed = max(gop.governed_size, 1)
        left = max(wanted - (gop.size - governed), 1)
        return Probe(governed, left, gop.size / wanted, gop)

    return search_crf(probe, SIZE, first_crf=first_crf, tolerance=precision.of_sizes, most_probes=precision.most_probes)


def search_crf(
    probe: Callable[[float], Probe[Result]], control: Control, *, first_crf: float, tolerance: float, most_probes: int
) -> Result:
    """Probe CRFs until one meets the target to a part of it; of all probed, the one that comes nearest."""
    search = SecantSearch(control=control, tolerance=tolerance, most_probes=most_probes)
    return search.meet(probe, first=first_crf).result


def crf_at_size(gop: CodedGop, wanted: int) -> float:
    """Estimate the CRF at which a GOP would have ``wanted`` bytes."""
    governed = max(gop.governed_size, 1)
    return SIZE.moved(gop.crf, ratio=max(wanted - (gop.size - governed), 1) / governed)


def neighbours(gop: CodedGop, wanted: int, *, count: int) -> list[float]:
    """CRFs around the one that would give exactly ``wanted`` bytes, the nearest first, without that of the GOP."""
    return SIZE.neighbours(gop.crf, ratio=wanted / gop.size, count=count)
