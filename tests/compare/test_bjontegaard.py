"""Bjontegaard's deltas against cases whose integrals are known, and where there is nothing to say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffhybrid.compare.bjontegaard import (
    FEW_POINTS,
    NO_OVERLAP,
    NOT_MONOTONIC,
    Curve,
    bd_metric,
    bd_rate,
    integral,
    slopes,
)

RATES = (100_000.0, 200_000.0, 400_000.0, 800_000.0)
LPIPS = (0.5, 0.35, 0.2, 0.15)


def test_a_curve_is_no_different_from_itself() -> None:
    assert bd_rate(Curve(RATES, LPIPS), Curve(RATES, LPIPS)).value == 0
    assert bd_metric(Curve(RATES, LPIPS), Curve(RATES, LPIPS)).value == 0


@pytest.mark.parametrize("factor", [0.7, 0.9, 1.25])
def test_the_same_quality_for_a_part_of_the_rate_is_that_rate_saved(factor: float) -> None:
    cheaper = Curve(tuple(factor * rate for rate in RATES), LPIPS)
    assert bd_rate(cheaper, Curve(RATES, LPIPS)).value == pytest.approx(factor - 1, rel=1e-12)


def test_a_quality_that_is_higher_everywhere_is_that_gain() -> None:
    better = Curve(RATES, tuple(value - 0.04 for value in LPIPS))
    assert bd_metric(better, Curve(RATES, LPIPS)).value == pytest.approx(-0.04, rel=1e-12)


def test_straight_lines_over_what_they_share() -> None:
    """PSNR = 30 + 6 log10(rate / 1e5) from 1e5 to 1e6, against 29 + 8 log10(rate / 1e5) from 1e5.5 to 1e6.5."""
    ours = Curve((1e5, 1e6), (30, 36))
    theirs = Curve((10**5.5, 10**6.5), (33, 41))
    middle = 0.75
    assert bd_metric(ours, theirs).value == pytest.approx((30 + 6 * middle) - (29 + 8 * middle), rel=1e-12)
    shared = (33 + 36) / 2
    log_rates = ((shared - 30) / 6, (shared - 29) / 8)
    assert bd_rate(ours, theirs).value == pytest.approx(10 ** (log_rates[0] - log_rates[1]) - 1, rel=1e-12)


def test_slopes_and_integral_of_squares_by_hand() -> None:
    """Through 0, 1, 4: secants 1 and 3, slopes 0 (end), 3/2 (harmonic mean), 4 (end)."""
    x, y = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 4.0])
    assert slopes(x, y) == pytest.approx([0, 1.5, 4])
    assert integral(x, y, 0, 2) == pytest.approx(1 / 2 - 1.5 / 12 + 5 / 2 + (1.5 - 4) / 12)
    assert integral(x, y, 0, 0.5) == pytest.approx(1 / 8 * 1 - 1 / 32 + 1.5 * (1 / 64 - 1 / 24))


def test_straight_data_are_interpolated_straight() -> None:
    x = np.array([0.0, 0.5, 2.0, 3.0])
    assert slopes(x, 3 * x - 1) == pytest.approx([3, 3, 3, 3])
    assert integral(x, 3 * x - 1, 0.25, 2.75) == pytest.approx(1.5 * (2.75**2 - 0.25**2) - 2.5)


@given(
    st.lists(st.floats(0.1, 3), min_size=2, max_size=6),
    st.data(),
)
def test_an_interpolation_stays_between_its_points(steps: list[float], data: st.DataObject) -> None:
    x = np.cumsum([0.0, *steps])
    rises = data.draw(st.lists(st.floats(0, 5), min_size=len(steps), max_size=len(steps)))
    y = np.cumsum([0.0, *rises])
    for left, right, low, high in zip(x, x[1:], y, y[1:], strict=False):
        for part in range(4):
            a, b = (left + (right - left) * (part + end) / 4 for end in (0, 1))
            mean = integral(x, y, a, b) / (b - a)
            assert low - 1e-6 <= mean <= high + 1e-6


def test_curves_that_share_nothing_have_no_delta() -> None:
    low, high = Curve((1e5, 2e5), (0.5, 0.4)), Curve((4e5, 8e5), (0.3, 0.2))
    assert bd_rate(low, high) == bd_metric(low, high)
    assert bd_rate(low, high).reason == NO_OVERLAP


def test_one_point_is_no_curve() -> None:
    assert bd_rate(Curve((1e5,), (0.5,)), Curve(RATES, LPIPS)).reason == FEW_POINTS


def test_a_curve_that_turns_has_no_delta() -> None:
    turning = Curve(RATES, (0.5, 0.3, 0.35, 0.2))
    assert bd_rate(turning, Curve(RATES, LPIPS)).reason == NOT_MONOTONIC


def test_points_may_come_in_any_order() -> None:
    shuffled = Curve(RATES[::-1], LPIPS[::-1])
    assert math.isclose(bd_rate(shuffled, Curve(RATES, LPIPS)).value or 0, 0, abs_tol=1e-12)
