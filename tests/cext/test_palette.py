"""Grids of colours: what is read is what was written, and like neighbours save bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ffhybrid.filters.codes import MAX_INDICES, decode_indices, encode_indices, encode_tokens


def round_trip(indices: np.ndarray, depth: int) -> int:
    data = encode_indices(indices, depth)
    assert np.array_equal(decode_indices(data, indices.shape, depth), indices)
    return len(data)


@settings(max_examples=60)
@given(st.data(), st.integers(1, 12), st.integers(1, 12), st.integers(1, 8))
def test_every_grid_comes_back(data: st.DataObject, rows: int, columns: int, depth: int) -> None:
    one = st.integers(0, (1 << depth) - 1)
    values = data.draw(st.lists(one, min_size=rows * columns, max_size=rows * columns))
    round_trip(np.array(values, np.uint8).reshape(rows, columns), depth)


@pytest.mark.parametrize("depth", [4, 8])
def test_noise_costs_little_more_than_its_bits(depth: int) -> None:
    noise = np.random.default_rng(1).integers(0, 1 << depth, (90, 160), dtype=np.uint8)
    assert round_trip(noise, depth) < 1.06 * noise.size * depth / 8


def test_pictures_of_few_colours_take_a_fraction_of_their_bits() -> None:
    """Waves and edges in 64 shades: a seventh of six bits a pixel, and two thirds of what the coder of tokens takes."""
    y, x = np.mgrid[:90, :160]
    shades = 30 + 20 * np.sin(x / 31) * np.cos(y / 23) + 10 * ((x // 40 + y // 30) % 2)
    shades += np.random.default_rng(2).normal(0, 0.3, shades.shape)
    indices = np.clip(shades, 0, 63).astype(np.uint8)
    size = round_trip(indices, 6)
    assert size < indices.size * 6 / 8 / 3
    assert size < 0.75 * len(encode_tokens(indices.astype(np.uint16), 64))
    assert round_trip(np.full((90, 160), 9, np.uint8), 6) < 60


@settings(max_examples=60)
@given(st.binary(max_size=100), st.integers(1, 8))
def test_any_bytes_are_some_grid(data: bytes, depth: int) -> None:
    assert decode_indices(data, (6, 7), depth).max() < 1 << depth


def test_what_the_format_has_no_room_for_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond"):
        encode_indices(np.full((2, 2), 16, np.uint8), 4)
    for shape, depth in (((0, 4), 4), ((2, MAX_INDICES), 4), ((2, 2), 9), ((2, 2), 0)):
        with pytest.raises(ValueError, match="beyond"):
            decode_indices(b"", shape, depth)
