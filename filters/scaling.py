"""Fixed integer scaling by powers of two, centre aligned, the same samples on every machine.

Enlarging interpolates at the quarter positions on both sides of a sample with a Catmull-Rom kernel in units of
1/128; reducing uses the same kernel stretched to twice its width, which keeps aliasing down.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from ffhybrid.core.picture import Plane

PRECISION = 7
QUARTER = (-9, 111, 29, -3)
"""Weights at distances -5/4, -1/4, 3/4 and 7/4 of a sample, in 1/128."""
HALVING = (-1, -5, 14, 56, 56, 14, -5, -1)
"""Weights at distances of -7/2 .. 7/2 fine samples, in 1/128."""


def enlarge(plane: Plane, maximum: int) -> Plane:
    """Double both sides of a plane; samples stay within 0..``maximum``."""
    return _narrowed(_double_columns(_double_columns(plane.astype(np.int32)).T), plane, maximum, 2)


def reduce(plane: Plane, maximum: int) -> Plane:
    """Halve both sides of a plane (odd sides rounded up)."""
    even = np.pad(plane, [(0, side % 2) for side in plane.shape], mode="edge")
    return _narrowed(_halve_columns(_halve_columns(even.astype(np.int32)).T), plane, maximum, 2)


def _narrowed(transposed: NDArray[np.int32], like: Plane, maximum: int, passes: int) -> Plane:
    shift = PRECISION * passes
    rounded = (transposed.T + (1 << (shift - 1))) >> shift
    return np.ascontiguousarray(np.clip(rounded, 0, maximum).astype(like.dtype))


def _double_columns(samples: NDArray[np.int32]) -> NDArray[np.int32]:
    width = samples.shape[1]
    padded = np.pad(samples, ((0, 0), (2, 2)), mode="edge")
    doubled = np.empty((samples.shape[0], 2 * width), np.int32)
    taps = [padded[:, tap : tap + width] for tap in range(5)]
    doubled[:, 0::2] = sum(weight * taps[3 - index] for index, weight in enumerate(QUARTER))
    doubled[:, 1::2] = sum(weight * taps[1 + index] for index, weight in enumerate(QUARTER))
    return doubled


def _halve_columns(samples: NDArray[np.int32]) -> NDArray[np.int32]:
    width = samples.shape[1] // 2
    padded = np.pad(samples, ((0, 0), (3, 3)), mode="edge")
    halved = sum(weight * padded[:, tap : tap + 2 * width : 2] for tap, weight in enumerate(HALVING))
    return cast(NDArray[np.int32], halved)
