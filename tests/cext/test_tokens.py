"""Grids of tokens: what is read is what was written; repetition and neighbourhood save bytes, novelty costs little."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ffhybrid.errors import CorruptDataError
from ffhybrid.filters.codes import MAX_TOKENS, decode_tokens, encode_tokens


def round_trip(tokens: np.ndarray, kinds: int) -> int:
    data = encode_tokens(tokens, kinds)
    assert np.array_equal(decode_tokens(data, tokens.shape, kinds), tokens)
    return len(data)


@settings(max_examples=100)
@given(st.data(), st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 2, 3, 255, 256, 257, 32768]))
def test_every_grid_comes_back(data: st.DataObject, rows: int, columns: int, kinds: int) -> None:
    few = st.integers(0, kinds - 1)
    values = data.draw(st.lists(few, min_size=rows * columns, max_size=rows * columns))
    round_trip(np.array(values, np.uint16).reshape(rows, columns), kinds)


def test_counts_are_halved_in_long_grids() -> None:
    tokens = np.random.default_rng(0).integers(0, 5, (220, 300), dtype=np.uint16)
    assert round_trip(tokens, 5) < 1.3 * tokens.size * math.log2(5) / 8


@pytest.mark.parametrize("kinds", [256, 16384])
def test_unrelated_tokens_cost_little_more_than_their_bits(kinds: int) -> None:
    tokens = np.random.default_rng(1).integers(0, kinds, (45, 80), dtype=np.uint16)
    assert round_trip(tokens, kinds) < 1.06 * tokens.size * math.log2(kinds) / 8


def test_regions_and_repetition_are_cheap() -> None:
    y, x = np.mgrid[:45, :80]
    regions = ((x // 9 + 5 * (y // 7)) % 40).astype(np.uint16)
    assert round_trip(regions, 1024) < 0.2 * regions.size * math.log2(40) / 8
    assert round_trip(np.zeros((45, 80), np.uint16), 16384) < 120


@settings(max_examples=100)
@given(st.binary(max_size=100), st.sampled_from([1, 3, 1000, 32768]))
def test_damaged_bytes_are_refused_or_give_a_grid(data: bytes, kinds: int) -> None:
    with contextlib.suppress(CorruptDataError):
        assert decode_tokens(data, (6, 7), kinds).max() < kinds


def test_what_the_format_has_no_room_for_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond"):
        encode_tokens(np.full((2, 2), 9, np.uint16), 9)
    for shape, kinds in (((0, 4), 4), ((2, MAX_TOKENS), 4), ((2, 2), 1 << 17), ((2, 2), 0)):
        with pytest.raises(ValueError, match="beyond"):
            decode_tokens(b"", shape, kinds)
