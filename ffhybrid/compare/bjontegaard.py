"""Differences between rate-distortion curves: Bjontegaard's deltas (VCEG-M33) with piecewise cubic interpolation.

Curves are interpolated monotonically (Fritsch and Carlson, 1980, with the end slopes of Moler's ``pchip``), as the JVET
common test conditions do since a single cubic overshoots; integrals are exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
NO_OVERLAP = "no overlap"
FEW_POINTS = "fewer than two points"
NOT_MONOTONIC = "not monotonic"


@dataclass(frozen=True, slots=True)
class Delta:
    """``value`` or, where there is none, the ``reason``."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """Rates in bits a second, and one metric at each of them."""

    rates: tuple[float, ...]
    values: tuple[float, ...]


def bd_rate(curve: Curve, reference: Curve) -> Delta:
    """How much more rate ``curve`` takes for the same values, on average: -0.1 is ten per cent less."""
    difference = _mean_difference(
        (curve.values, np.log(curve.rates)),
        (reference.values, np.log(reference.rates)),
    )
    return difference if difference.value is None else Delta(math.expm1(difference.value))


def bd_metric(curve: Curve, reference: Curve) -> Delta:
    """How much higher the metric is at the same rates, on average over the logarithm of the rate."""
    return _mean_difference((np.log(curve.rates), curve.values), (np.log(reference.rates), reference.values))


Axes: TypeAlias = tuple[Sequence[float] | Floats, Sequence[float] | Floats]


def _mean_difference(ours: Axes, theirs: Axes) -> Delta:
    """Of two functions over what their abscissae have in common."""
    if min(len(ours[0]), len(theirs[0])) < 2:
        return Delta(None, FEW_POINTS)
    curves = [_sorted(axes) for axes in (ours, theirs)]
    if any(np.any(np.diff(x) <= 0) or not _is_monotonic(y) for x, y in curves):
        return Delta(None, NOT_MONOTONIC)
    low = max(x[0] for x, _ in curves)
    high = min(x[-1] for x, _ in curves)
    if low >= high:
        return Delta(None, NO_OVERLAP)
    our_area, their_area = (integral(x, y, low, high) for x, y in curves)
    return Delta((our_area - their_area) / (high - low))


def _sorted(axes: Axes) -> tuple[Floats, Floats]:
    x, y = (np.asarray(axis, np.float64) for axis in axes)
    order = np.argsort(x)
    return x[order], y[order]


def _is_monotonic(y: Floats) -> bool:
    steps = np.diff(y)
    return bool(np.all(steps >= 0) or np.all(steps <= 0))


def slopes(x: Floats, y: Floats) -> Floats:
    """Slopes at the points, (n,): weighted harmonic means within, one-sided three-point ones at the ends."""
    h, secant = np.diff(x), np.diff(y) / np.diff(x)
    if len(x) == 2:
        return np.repeat(secant, 2)
    left, right = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    same_way = secant[:-1] * secant[1:] > 0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mean = (left + right) / (left / secant[:-1] + right / secant[1:])
    inner = np.where(same_way, mean, 0.0)
    first = _end_slope(h[0], h[1], secant[0], secant[1])
    last = _end_slope(h[-1], h[-2], secant[-1], secant[-2])
    return np.concatenate(([first], inner, [last]))


def _end_slope(h0: float, h1: float, secant0: float, secant1: float) -> float:
    slope = ((2 * h0 + h1) * secant0 - h0 * secant1) / (h0 + h1)
    if slope * secant0 <= 0:
        return 0.0
    if secant0 * secant1 < 0 and abs(slope) > 3 * abs(secant0):
        return 3 * secant0
    return slope


def integral(x: Floats, y: Floats, low: float, high: float) -> float:
    """Integral of the interpolation of increasing ``x``, (n,), from ``low`` to ``high`` within them."""
    return _antiderivative(x, y, high) - _antiderivative(x, y, low)


def _antiderivative(x: Floats, y: Floats, end: float) -> float:
    h, d = np.diff(x), slopes(x, y)
    whole = h * (y[:-1] + y[1:]) / 2 + h**2 * (d[:-1] - d[1:]) / 12
    index = min(int(np.searchsorted(x, end, side="right")) - 1, len(h) - 1)
    t = (end - x[index]) / h[index]
    of_values = y[index] * (t - t**3 + t**4 / 2) + y[index + 1] * (t**3 - t**4 / 2)
    of_slopes = d[index] * (t**2 / 2 - 2 * t**3 / 3 + t**4 / 4) + d[index + 1] * (t**4 / 4 - t**3 / 3)
    return float(whole[:index].sum() + h[index] * of_values + h[index] ** 2 * of_slopes)
