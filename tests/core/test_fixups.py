"""A fix-up list turns one picture into another exactly, and hostile lists are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffhybrid.core import fixups
from ffhybrid.core.picture import Picture
from ffhybrid.errors import CorruptDataError
from support import make_picture


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 15), st.integers(0, 7), st.integers(0, 1023)), max_size=30))
def test_applying_the_difference_gives_the_other_picture(changes: list[tuple[int, int, int, int]]) -> None:
    generated = make_picture("noise", 32, 16, 10)
    locked = Picture(generated.y.copy(), generated.cb.copy(), generated.cr.copy(), 10)
    for plane, column, row, value in changes:
        locked.planes[plane][row, column] = value
    differing = sum(int(np.sum(a != b)) for a, b in zip(generated.planes, locked.planes, strict=True))
    data = fixups.difference(generated, locked)
    assert fixups.apply(generated, data).same_samples(locked)
    assert fixups.count(data) == differing


def test_no_difference_costs_nothing() -> None:
    picture = make_picture("natural", 32, 16)
    assert fixups.difference(picture, picture) == b""


def test_the_source_picture_is_left_alone() -> None:
    picture = Picture(*(np.zeros(shape, np.uint8) for shape in ((4, 4), (2, 2), (2, 2))))
    fixed = fixups.apply(picture, b"\x01\x02")
    assert (int(fixed.y[0, 0]), int(picture.y[0, 0])) == (1, 0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x19\x02", "outside"),
        (b"\x01\x01", "range"),
        (b"\x00\x02", "no gap"),
        (b"\x01\x00", "no gap or no difference"),
        (b"\x81", "does not end"),
        (b"\xff\xff\xff\xff\xff\x01\x02", "too long"),
    ],
)
def test_hostile_lists_are_refused(data: bytes, message: str) -> None:
    picture = Picture(*(np.zeros(shape, np.uint8) for shape in ((4, 4), (2, 2), (2, 2))))
    with pytest.raises(CorruptDataError, match=message):
        fixups.apply(picture, data)
