"""The fix-up list: the few samples in which the encoder's reference differs from the generated picture.

Form: a list of samples (:mod:`ffhybrid.core.sample_lists`) at the coded size, with differences in zigzag order.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ffhybrid.core import leb128
from ffhybrid.core.picture import Picture
from ffhybrid.core.sample_lists import read_list, write_list
from ffhybrid.errors import CorruptDataError


def difference(generated: Picture, locked: Picture) -> bytes:
    """Encode ``locked - generated``; both pictures have the same size and bit depth."""
    before, after = generated.samples(), locked.samples()
    places = np.flatnonzero(before != after)
    deltas = after[places].astype(np.int64) - before[places]
    return write_list(places, map(leb128.zigzag, deltas.tolist()))


def count(data: bytes) -> int:
    """Return how many samples a list changes."""
    return sum(1 for _ in _entries(data))


def apply(picture: Picture, data: bytes) -> Picture:
    """Add the differences to the generated picture.

    Raises:
        CorruptDataError: a position outside the picture, or a sample that leaves its range.
    """
    samples = picture.samples()
    maximum = (1 << picture.bit_depth) - 1
    for place, delta in _entries(data):
        if place >= samples.size:
            raise CorruptDataError("a fix-up lies outside the picture")
        value = int(samples[place]) + delta
        if not 0 <= value <= maximum:
            raise CorruptDataError("a fix-up leaves the range of samples")
        samples[place] = value
    return picture.with_samples(samples)


def _entries(data: bytes) -> Iterator[tuple[int, int]]:
    for place, code in read_list(data):
        if code == 0:
            raise CorruptDataError("a fix-up has no gap or no difference")
        yield place, leb128.unzigzag(code)
