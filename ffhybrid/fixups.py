"""The fix-up list: the few samples in which the encoder's reference differs from the generated picture.

Form: for each sample in raster order over Y, Cb, Cr (coded size, planes one after the other) an unsigned LEB128
gap to the previous one (from -1 at first, so every gap is at least 1) and a zigzag LEB128 difference.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ffhybrid import leb128
from ffhybrid.errors import CorruptDataError
from ffhybrid.picture import Picture


def difference(generated: Picture, locked: Picture) -> bytes:
    """Encode ``locked - generated``; both pictures have the same size and bit depth."""
    before, after = generated.samples(), locked.samples()
    positions = np.flatnonzero(before != after)
    gaps = np.diff(positions, prepend=-1)
    deltas = after[positions].astype(np.int64) - before[positions]
    return b"".join(
        leb128.encode(int(gap)) + leb128.encode(_zigzag(int(delta))) for gap, delta in zip(gaps, deltas, strict=True)
    )


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
    position = -1
    for gap, delta in _entries(data):
        position += gap
        if position >= samples.size:
            raise CorruptDataError("a fix-up lies outside the picture")
        value = int(samples[position]) + delta
        if not 0 <= value <= maximum:
            raise CorruptDataError("a fix-up leaves the range of samples")
        samples[position] = value
    return picture.with_samples(samples)


def _zigzag(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _unzigzag(code: int) -> int:
    return code >> 1 if code % 2 == 0 else -((code + 1) >> 1)


def _entries(data: bytes) -> Iterator[tuple[int, int]]:
    pos = 0
    while pos < len(data):
        gap, pos = leb128.decode(data, pos)
        code, pos = leb128.decode(data, pos)
        if gap == 0 or code == 0:
            raise CorruptDataError("a fix-up has no gap or no difference")
        yield gap, _unzigzag(code)
