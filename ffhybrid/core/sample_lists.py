"""Lists of the few samples of a picture that something is said of: a place and a number each.

Form: for each sample in raster order over Y, Cb, Cr (planes one after the other) an unsigned LEB128 gap to the one
before (from -1 at first, so every gap is at least 1), and the number as LEB128.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ffhybrid.core import leb128
from ffhybrid.errors import CorruptDataError


def write_list(places: NDArray[np.intp], numbers: Iterable[int]) -> bytes:
    """Serialise; places rise."""
    gaps = np.diff(places, prepend=-1)
    return b"".join(
        leb128.encode(int(gap)) + leb128.encode(int(number)) for gap, number in zip(gaps, numbers, strict=True)
    )


def read_list(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield places and numbers; whether the picture has such places is for the caller to see.

    Raises:
        CorruptDataError: the list ends inside a number, or a sample has no gap.
    """
    place, position = -1, 0
    while position < len(data):
        (gap, number), position = leb128.decode_all(data, position, 2)
        if gap == 0:
            raise CorruptDataError("a listed sample has no gap to the one before, or lies outside the picture")
        place += gap
        yield place, number
