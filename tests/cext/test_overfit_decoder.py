"""The integer decoder of generator `overfit`: same samples everywhere, nothing lost, nothing believed."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ffhybrid._cext import lib
from ffhybrid.core.picture import PictureSpec
from ffhybrid.errors import CorruptDataError, FFHybridError, UnsupportedError
from ffhybrid.filters.overfit import base, codec
from ffhybrid.filters.overfit.structure import (
    MIN_LOG_SCALE,
    PARAMETER_COUNT,
    PARAMETERS,
    SCALE_STEPS,
    SCALES,
    array_shapes,
)
from golden import GOLDEN, golden_latents, planes_md5, random_latent, random_picture

SIZES = ((176, 144), (202, 118), (2, 2), (34, 66))
NO_CHANGE, FINE = bytes([12] * len(PARAMETERS)), bytes([1] * len(PARAMETERS))


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
    latent = codec.OverfitLatent(base=b"", classes=(0, 255), steps=(95, 95), values=codec.prior(), grids=grids)
    data, _ = codec.write_latent(latent, spec, NO_CHANGE)
    assert_same(codec.read_latent(data, spec), latent)
    assert codec.decode(data, spec, threads=1).same_samples(codec.decode(data, spec, threads=3))


@pytest.mark.parametrize("with_base", [False, True])
@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("threads", [2, 3, 64])
def test_threads_do_not_change_a_sample(threads: int, bit_depth: int, with_base: bool) -> None:
    spec = PictureSpec(202, 118, bit_depth)
    below = base.encode(random_picture(spec), crf=40, effort=6) if with_base else b""
    data, _ = codec.write_latent(random_latent(spec, below=below), spec, FINE)
    alone = codec.decode(data, spec, threads=1)
    assert alone.y.max() < 1 << bit_depth
    assert len(np.unique(alone.y)) > 20
    assert codec.decode(data, spec, threads=threads).same_samples(alone)


def test_ten_bits_are_the_same_picture_more_finely() -> None:
    spec = PictureSpec(176, 144)
    data, _ = codec.write_latent(random_latent(spec), spec, FINE)
    coarse = codec.decode(data, spec, threads=1)
    fine = codec.decode(data, PictureSpec(176, 144, 10), threads=1)
    for eight, ten in zip(coarse.planes, fine.planes, strict=True):
        inside = (eight > 0) & (eight < 255)
        assert np.abs(ten / 4 - eight)[inside].max() <= 0.75


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_latents_give_golden_planes(name: str) -> None:
    data, spec, md5 = golden_latents()[name]
    for threads in (1, 2):
        assert planes_md5(codec.decode(data, spec, threads=threads)) == md5


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


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", UnsupportedError),
        (b"\1", CorruptDataError),
        (b"\1\0" + bytes(4), CorruptDataError),
        (b"\2" + bytes(40), UnsupportedError),
        (b"\1\0\2" + bytes(40), CorruptDataError),
        (b"\1\0\0" + bytes([128, 128, 96, 0]) + bytes(40), CorruptDataError),
        (b"\1\0\0" + bytes([128, 128, 0, 96]) + bytes(40), CorruptDataError),
        (b"\1\x29" + bytes(40), CorruptDataError),
        (b"\1\x20" + bytes(80), CorruptDataError),
        (b"\1\xff\xff\xff\xff\xff\1" + bytes(40), CorruptDataError),
    ],
)
def test_impossible_headers_are_refused(data: bytes, error: type[FFHybridError]) -> None:
    with pytest.raises(error):
        codec.decode(data, PictureSpec(64, 64), threads=1)


@pytest.mark.parametrize("size", [(16386, 64), (16384, 4098), (3, 4)])
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises((CorruptDataError, ValueError)):
        codec.read_latent(b"\1" + bytes(100), PictureSpec(*size))


@settings(max_examples=300)
@given(st.binary(min_size=11, max_size=200), st.booleans())
def test_random_bytes_never_crash(data: bytes, with_header: bool) -> None:
    spec = PictureSpec(34, 18)
    if with_header:
        data = bytes([1, 0, data[0] & 1, data[1], data[2], data[3] % 96, data[4] % 96]) + data[5:]
    with contextlib.suppress(CorruptDataError, UnsupportedError):
        assert codec.decode(data, spec, threads=1).y.shape == (18, 34)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_gives_another_picture_or_an_error(changes: list[tuple[int, int]]) -> None:
    spec = PictureSpec(66, 34)
    below = base.encode(random_picture(spec), crf=50, effort=6)
    whole, _ = codec.write_latent(random_latent(spec, below=below, changes=20), spec, FINE)
    damaged = bytearray(whole)
    for position, value in changes:
        damaged[position % len(whole)] = value
    with contextlib.suppress(CorruptDataError, UnsupportedError):
        codec.decode(bytes(damaged), spec, threads=2)
