"""The integer decoder of generator `overfit`: same samples everywhere, nothing lost, nothing believed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ffhybrid._cext import lib
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import CorruptDataError, UnsupportedError
from ffhybrid.filters.overfit import codec
from ffhybrid.filters.overfit.structure import (
    MIN_LOG_SCALE,
    PARAMETER_COUNT,
    PARAMETERS,
    SCALE_STEPS,
    SCALES,
    array_shapes,
)
from golden import GOLDEN, HEAD, blocks, golden_latents, planes_md5, random_latent

SIZES = ((176, 144), (202, 118), (2, 2), (34, 66))
SMALL = PictureSpec(64, 64)
OF_OUR_PRIOR = bytes([codec.VERSION]) + codec.prior_digest()
NO_CHANGE, FINE = bytes([12] * len(PARAMETERS)), bytes([1] * len(PARAMETERS))


def in_ten_bits(picture: Picture) -> Picture:
    y, cb, cr = (plane.astype(np.uint16) << 2 for plane in picture.planes)
    return Picture(y, cb, cr, 10)


def assert_same(ours: codec.OverfitLatent, theirs: codec.OverfitLatent) -> None:
    assert (ours.classes, ours.steps) == (theirs.classes, theirs.steps)
    assert np.array_equal(ours.values, theirs.values)
    for a, b in zip(ours.grids, theirs.grids, strict=True):
        assert (a is None and b is None) or np.array_equal(a, b)


@pytest.mark.parametrize("fine", [False, True])
@pytest.mark.parametrize("changes", [0, 50])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_latent_reads_back_whole(size: tuple[int, int], changes: int, fine: bool) -> None:
    spec = PictureSpec(*size)
    latent = random_latent(spec, fine=fine, changes=changes)
    data, values = codec.write_latent(latent, spec, bytes(len(PARAMETERS)))
    assert np.array_equal(values, latent.values)
    assert_same(codec.read_latent(data, spec), latent)


def test_differences_to_the_prior_are_rounded_to_their_steps() -> None:
    spec = PictureSpec(64, 64)
    latent = random_latent(spec, changes=50)
    sizes = []
    for shift in (0, 3, 6, 12):
        data, values = codec.write_latent(latent, spec, bytes([shift] * len(PARAMETERS)))
        assert np.abs(values - latent.values).max() <= (1 << shift) // 2
        assert np.array_equal(codec.read_latent(data, spec).values, values)
        sizes.append(len(data))
    assert sizes == sorted(sizes, reverse=True)
    assert np.array_equal(values, codec.prior())


def test_extreme_latents_survive() -> None:
    spec = PictureSpec(64, 48)
    rng = np.random.default_rng(3)
    grids = tuple(rng.choice(np.array([-127, 0, 127], np.int8), shape) for shape in array_shapes(64, 48))
    latent = codec.OverfitLatent(classes=(0, 255), steps=(95, 95), values=codec.prior(), grids=grids)
    data, _ = codec.write_latent(latent, spec, NO_CHANGE)
    assert_same(codec.read_latent(data, spec), latent)
    alone, together = (codec.decode(data, blocks(spec), spec, threads=threads) for threads in (1, 3))
    assert alone.same_samples(together)


@pytest.mark.parametrize("draw", [blocks, Picture.zeros], ids=["blocks", "black"])
@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("threads", [2, 3, 64])
def test_threads_do_not_change_a_sample(threads: int, bit_depth: int, draw: Callable[[PictureSpec], Picture]) -> None:
    spec = PictureSpec(202, 118, bit_depth)
    data, _ = codec.write_latent(random_latent(spec), spec, FINE)
    alone = codec.decode(data, draw(spec), spec, threads=1)
    assert alone.y.max() < 1 << bit_depth
    assert len(np.unique(alone.y)) > 20
    assert codec.decode(data, draw(spec), spec, threads=threads).same_samples(alone)


def test_ten_bits_are_the_same_picture_more_finely() -> None:
    spec = PictureSpec(176, 144)
    data, _ = codec.write_latent(random_latent(spec), spec, FINE)
    below = blocks(spec)
    coarse = codec.decode(data, below, spec, threads=1)
    fine = codec.decode(data, in_ten_bits(below), PictureSpec(176, 144, 10), threads=1)
    for eight, ten in zip(coarse.planes, fine.planes, strict=True):
        inside = (eight > 0) & (eight < 255)
        assert np.abs(ten / 4 - eight)[inside].max() <= 0.75


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_latents_give_golden_planes(name: str) -> None:
    latent, base, spec, md5 = golden_latents()[name]
    for threads in (1, 2):
        assert planes_md5(codec.decode(latent, base, spec, threads=threads)) == md5


def test_the_table_of_scales_is_the_formula() -> None:
    from decimal import Decimal, getcontext

    getcontext().prec = 40
    for index in range(SCALES):
        scale = (Decimal(MIN_LOG_SCALE) + Decimal(index) / SCALE_STEPS).exp()
        assert lib.ffh_laplace_decay[index] == round((-1 / (32 * scale)).exp() * 2**32)


def test_steps_are_eighths_of_an_octave() -> None:
    for step in range(codec.MAX_STEP + 1):
        for level in (0, 1, 6):
            wanted = max(2 ** (step / 8 - 3 - level), 1.5)
            assert codec.real_step(step, level) == pytest.approx(wanted, rel=0.01)
        assert codec.nearest_step(2 ** (step / 8 - 3)) == step


def test_the_network_has_the_size_that_the_decoder_has() -> None:
    assert lib.FFH_PARAMETER_COUNT == PARAMETER_COUNT
    assert len(PARAMETERS) == lib.FFH_MODULES


@pytest.mark.parametrize("index", [0, PARAMETER_COUNT // 2, PARAMETER_COUNT - 1])
def test_a_network_that_could_overflow_is_refused(index: int) -> None:
    spec = PictureSpec(32, 32)
    latent = random_latent(spec)
    latent.values[index] = 1 << 21
    with pytest.raises(CorruptDataError):
        codec.write_latent(latent, spec, NO_CHANGE)


def test_many_large_weights_are_refused() -> None:
    spec = PictureSpec(32, 32)
    latent = random_latent(spec)
    latent.values[:16] = 5000
    with pytest.raises(CorruptDataError):
        codec.write_latent(latent, spec, NO_CHANGE)


@pytest.mark.parametrize("size", range(8))
def test_a_latent_that_ends_early_is_refused(size: int) -> None:
    with pytest.raises(CorruptDataError if size else UnsupportedError):
        codec.decode(OF_OUR_PRIOR[:size] + bytes(max(size - HEAD, 0)), blocks(SMALL), SMALL, threads=1)


@pytest.mark.parametrize("header", [(2, 128, 128, 60, 60), (0, 128, 128, 96, 0), (0, 128, 128, 0, 96)], ids=str)
def test_impossible_headers_are_refused(header: tuple[int, ...]) -> None:
    with pytest.raises(CorruptDataError):
        codec.decode(OF_OUR_PRIOR + bytes(header) + bytes(40), blocks(SMALL), SMALL, threads=1)


def test_another_version_of_the_latent_is_named_and_no_damage() -> None:
    for version in (0, 1, 3):
        with pytest.raises(
            UnsupportedError, match=r"^the overfit latent has a version that this program does not know$"
        ):
            codec.decode(bytes([version]) + bytes(40), blocks(SMALL), SMALL, threads=1)


@pytest.mark.parametrize("position", range(1, HEAD))
def test_another_prior_is_another_version_of_ffhybrid(position: int) -> None:
    """The prior is part of the format, and training it anew makes another one: no picture is made with it."""
    data, _ = codec.write_latent(random_latent(SMALL), SMALL, FINE)
    other = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
    with pytest.raises(UnsupportedError, match="another version of ffhybrid made it"):
        codec.decode(other, blocks(SMALL), SMALL, threads=1)
    with pytest.raises(UnsupportedError, match="another version of ffhybrid made it"):
        codec.read_latent(other, SMALL)


@pytest.mark.parametrize("size", [(16386, 64), (16384, 4098), (3, 4)])
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises((CorruptDataError, ValueError)):
        codec.read_latent(OF_OUR_PRIOR + bytes(100), PictureSpec(*size))


@settings(max_examples=300)
@given(st.binary(min_size=11, max_size=200), st.booleans())
def test_random_bytes_never_crash(data: bytes, with_header: bool) -> None:
    spec = PictureSpec(34, 18)
    if with_header:
        data = OF_OUR_PRIOR + bytes([data[0] & 1, data[1], data[2], data[3] % 96, data[4] % 96]) + data[5:]
    with contextlib.suppress(CorruptDataError, UnsupportedError):
        assert codec.decode(data, blocks(spec), spec, threads=1).y.shape == (18, 34)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_gives_another_picture_or_an_error(changes: list[tuple[int, int]]) -> None:
    spec = PictureSpec(66, 34)
    whole, _ = codec.write_latent(random_latent(spec, changes=20), spec, FINE)
    damaged = bytearray(whole)
    for position, value in changes:
        damaged[position % len(whole)] = value
    with contextlib.suppress(CorruptDataError, UnsupportedError):
        codec.decode(bytes(damaged), blocks(spec), spec, threads=2)
