"""The first GOP of a clip, as encodes of it see it, and their values at given rates."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from clips import EIGHT_BITS
from ffhybrid import GopLimits
from ffhybrid.compare.clip import prepare
from ffhybrid.gop_encoding import CodedGop
from ffhybrid.planner import SourceGop, plan_gops
from ffhybrid.source import VideoSource

POINTS = (0.0032, 0.0064, 0.0096, 0.019)
"""Bits per pixel: 200 to 1200 kbit/s at 1080p30."""


@contextmanager
def first_gop(path: Path, *, frames: int, width: int) -> Iterator[SourceGop]:
    """Read so many frames, reduced to a width, as one GOP."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = prepare(path, folder, frames=frames, width=width, height=None, options=EIGHT_BITS)
        with VideoSource(clip.path) as source:
            limits = GopLimits(length=frames, scene_threshold=0)
            gop = next(plan_gops(source.frames(limit=None), source.info, folder, limits=limits))
        yield gop


def bits_per_pixel(coded: CodedGop, gop: SourceGop) -> float:
    """Rate of the elementary streams."""
    return 8 * coded.size / (gop.spec.width * gop.spec.height * len(gop))


def at_points(rates: Sequence[float], values: Sequence[float]) -> np.ndarray:
    """Values at :data:`POINTS`, straight over the logarithm of the rate; ``nan`` where encodes do not reach."""
    order = np.argsort(rates)
    known = np.log(np.array(rates)[order])
    return np.interp(np.log(POINTS), known, np.array(values)[order], left=np.nan, right=np.nan)
