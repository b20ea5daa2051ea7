"""Arrays of integers: what is read is what was written, in fewer bytes than their distribution alone would take."""

from __future__ import annotations

import contextlib
import lzma

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ffhybrid.errors import CorruptDataError
from ffhybrid.filters.codes import MAX_COUNT, decode_codes, encode_codes

SHAPE = (4, 23, 40)


def latents(spread: float) -> np.ndarray:
    """Smooth fields with edges, channels that look alike: as latents of autoencoders are."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]]
    field = np.sin(x / 6) + np.cos(y / 4) + (x > y + 5)
    channels = [field * (1 - 0.2 * c) + rng.normal(0, 0.15, field.shape) for c in range(SHAPE[0])]
    return np.rint(spread * np.stack(channels)).astype(np.int8)


def order_zero_size(codes: np.ndarray) -> float:
    """Bytes at the entropy of every channel's values."""
    total = 0.0
    for channel in codes:
        counts = np.unique(channel, return_counts=True)[1]
        total -= float(np.sum(counts * np.log2(counts / counts.sum())))
    return total / 8


@settings(max_examples=100)
@given(arrays.arrays(np.int8, arrays.array_shapes(min_dims=3, max_dims=3, max_side=9), elements=st.integers(-127, 127)))
def test_every_array_comes_back(codes: np.ndarray) -> None:
    assert np.array_equal(decode_codes(encode_codes(codes), codes.shape), codes)


@pytest.mark.parametrize("first", range(-127, 128))
def test_a_stream_may_begin_with_any_byte(first: int) -> None:
    """A first byte of 255 has nothing before it that a carry could go to."""
    codes = np.full((1, 3, 3), first, np.int8)
    assert np.array_equal(decode_codes(encode_codes(codes), codes.shape), codes)


@pytest.mark.parametrize("spread", [1.5, 6.0, 25.0])
def test_neighbours_and_other_channels_save_bytes(spread: float) -> None:
    codes = latents(spread)
    size = len(encode_codes(codes))
    assert size < 0.8 * order_zero_size(codes)
    assert size < 0.85 * len(lzma.compress(codes.tobytes()))


def test_zeros_cost_next_to_nothing() -> None:
    assert len(encode_codes(np.zeros((4, 90, 160), np.int8))) < 60


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_damaged_bytes_are_refused_or_give_an_array(data: bytes) -> None:
    with contextlib.suppress(CorruptDataError):
        assert decode_codes(data, (3, 7, 5)).shape == (3, 7, 5)


def test_what_the_format_has_no_room_for_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond"):
        encode_codes(np.full((1, 2, 2), -128, np.int8))
    for shape in ((1, MAX_COUNT, 2), (0, 4, 4), (65, 4, 4)):
        with pytest.raises(ValueError, match="beyond"):
            decode_codes(b"", shape)
