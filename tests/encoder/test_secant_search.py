"""Settings are found in few encodes, and the nearest one is kept."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from ffhybrid.encoder.secant_search import Control, Met, Probe, SecantSearch

TOLERANCE = 0.005
MOST_PROBES = 8


def crf_search() -> SecantSearch:
    return SecantSearch(
        control=Control(low=0, high=51, step=0.01, slope=-0.115), tolerance=TOLERANCE, most_probes=MOST_PROBES
    )


def meet(
    search: SecantSearch, size: Callable[[float], float], wanted: float, asked: list[float], first: float
) -> Met[float]:
    def probe(crf: float) -> Probe[float]:
        asked.append(crf)
        return Probe(size(crf), wanted, size(crf) / wanted, size(crf))

    return search.meet(probe, first=first)


@pytest.mark.parametrize("slope", [-0.07, -0.115, -0.2])
@pytest.mark.parametrize("wanted", [3_000, 50_000])
def test_a_size_is_met_in_a_few_encodes(slope: float, wanted: int) -> None:
    asked: list[float] = []
    met = meet(crf_search(), lambda crf: 1000 + (wanted - 1000) * math.exp(slope * (crf - 38)), wanted, asked, 34)
    assert met.result == pytest.approx(wanted, rel=1.01 * TOLERANCE)
    assert met.encodes == len(asked) <= 6


def test_other_sizes_of_the_same_clip_profit() -> None:
    asked: list[float] = []
    search = crf_search()
    for wanted in (4_000, 16_000):
        meet(search, lambda crf: 200_000 * math.exp(-0.1 * crf), wanted, asked, 34)
    between = meet(search, lambda crf: 200_000 * math.exp(-0.1 * crf), 8_000, asked, search.towards(8_000))
    assert between.encodes == 1


def test_of_coarse_steps_the_nearest_is_kept() -> None:
    asked: list[float] = []
    search = SecantSearch(
        control=Control(low=0, high=63, step=1, slope=-0.1), tolerance=TOLERANCE, most_probes=MOST_PROBES
    )
    met = meet(search, lambda crf: 100_000 * math.exp(-0.1 * crf), 6_000, asked, 20)
    assert met.setting == round(10 * math.log(100_000 / 6_000))
    assert len(set(asked)) == len(asked)


def test_sizes_that_waver_are_met_nevertheless() -> None:
    """x265's sizes go up and down by a per cent between neighbouring CRFs."""
    asked: list[float] = []
    met = meet(crf_search(), lambda crf: 200_000 * math.exp(-0.1 * crf + 0.01 * math.sin(997 * crf)), 9_000, asked, 34)
    assert met.result == pytest.approx(9_000, rel=0.01)
    assert len(asked) <= MOST_PROBES


def test_sizes_that_rise_before_they_fall_are_met() -> None:
    """As x265's do towards its highest CRF."""
    asked: list[float] = []
    search = SecantSearch(control=Control(low=1, high=55, step=0.02, slope=-0.115), tolerance=0.01, most_probes=7)
    met = meet(search, lambda crf: 9_000 if crf < 50 else 9_300 * math.exp(-0.12 * (crf - 51)), 7_640, asked, 48.5)
    assert met.result == pytest.approx(7_640, rel=0.01)


def test_a_size_beyond_reach_gives_the_nearest() -> None:
    asked: list[float] = []
    met = meet(crf_search(), lambda crf: 1e6 - crf, 500, asked, 34)
    assert met.setting == 51
    assert len(asked) <= 3
