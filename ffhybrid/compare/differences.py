"""Where two codecs differ most: the frame, and the place of 64x64 samples in it, by each one's error in Oklab.

The error in Oklab needs no weights, so it is known everywhere, and it sees what is torn, which LPIPS takes for texture.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ffhybrid.compare.clip import Clip
from ffhybrid.core import stock
from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.places import SIDE
from ffhybrid.panel.picture_metrics import look_at

METRIC = "oklab"
Errors: TypeAlias = NDArray[np.float64]
"""Of the places of the frames that were looked at: (frames, places down, places across)."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place of a frame: its first column and row, its size, and the errors of two codecs there."""

    frame: int
    x: int
    y: int
    width: int
    height: int
    errors: tuple[float, float]


def errors_by_place(clip: Clip, shown: Path, interval: int) -> Errors:
    """Look at the places of one frame of ``interval`` of a decodable file, from the first on."""
    indices = range(0, clip.frames, interval)
    ours, theirs = (stock.pictures(path, clip.spec, indices) for path in (shown, clip.path))
    (by_metric,) = look_at([ours], theirs, clip.spec, (METRIC,), lpips=None)
    found = by_metric[METRIC]
    down, across = (_places(side) for side in (clip.spec.height, clip.spec.width))
    return np.reshape(found.places, (len(indices), down, across))


def spots(one: Errors, other: Errors, spec: PictureSpec, interval: int) -> list[Spot]:
    """Find where each of two codecs is better than the other by most; the greater difference comes first.

    One that is better nowhere has no such place; two that are equal everywhere are shown where both are worst.
    """
    gains = other - one
    chosen = [int(gain.argmax()) for gain in (gains, -gains) if gain.max() > 0]
    chosen.sort(key=lambda index: -abs(gains.flat[index]))
    return [_spot(index, one, other, spec, interval) for index in chosen or [int(one.argmax())]]


def _spot(index: int, one: Errors, other: Errors, spec: PictureSpec, interval: int) -> Spot:
    position, down, across = (int(part) for part in np.unravel_index(index, one.shape))
    return Spot(
        frame=position * interval,
        x=_start(across, spec.width),
        y=_start(down, spec.height),
        width=min(SIDE, spec.width),
        height=min(SIDE, spec.height),
        errors=(float(one.flat[index]), float(other.flat[index])),
    )


def _places(side: int) -> int:
    """How many places cover a side, of which the last ends with it."""
    return max(-(-side // SIDE), 1)


def _start(number: int, side: int) -> int:
    return min(number * SIDE, max(side - SIDE, 0))
