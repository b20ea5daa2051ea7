"""Decoding times increase strictly and never come after the time of presentation."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffhybrid.errors import UnsupportedError
from ffhybrid.muxer.libav.decode_times import DecodeTimes


def test_a_reordered_first_gop_is_decoded_early_enough() -> None:
    assert DecodeTimes().of([0, 4, 2, 1, 3]) == [-2, -1, 0, 1, 2]


def test_a_later_gop_that_reorders_more_is_squeezed_in() -> None:
    times = DecodeTimes()
    assert times.of([0, 40, 80]) == [0, 40, 80]
    assert times.of([120, 280, 200, 160, 240]) == [120, 158, 159, 160, 240]


def test_a_coarse_time_base_without_room_is_refused() -> None:
    times = DecodeTimes()
    times.of([0, 1, 2])
    with pytest.raises(UnsupportedError, match="reorders"):
        times.of([3, 7, 5, 4, 6])


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 4)), min_size=1, max_size=6), st.randoms())
def test_any_order_of_a_fine_time_base_works(shapes: list[tuple[int, int]], rng: random.Random) -> None:
    times, start = DecodeTimes(), 0
    everything: list[int] = []
    for length, reach in shapes:
        rest = sorted(range(1, length), key=lambda index, reach=reach: index + rng.uniform(0, reach))
        shown = [400 * (start + index) for index in (0, *rest)]
        decoded = times.of(shown)
        assert all(time <= pts for time, pts in zip(decoded, shown, strict=True))
        everything += decoded
        start += length
    assert all(earlier < later for earlier, later in pairwise(everything))
