"""The thumbnail generator: exact, within its budget, and unmoved by hostile latents."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import CorruptDataError, UnsupportedError, UsageError
from ffhybrid.filters import FitProgress, Likeness, names
from ffhybrid.filters.scaling import enlarge, reduce
from ffhybrid.restorer.generators import create
from ffhybrid.source.video import VideoSource
from support import clip, make_picture, psnr

SMALL = PictureSpec(96, 64)


def fit(picture: Picture, spec: PictureSpec, budget: int | None = None, **options: int | None) -> bytes:
    return create("thumbnail", **options).fit(Likeness(picture), spec, budget=budget, warm_start=None, progress=None)


@pytest.fixture(scope="module")
def natural() -> tuple[Picture, PictureSpec]:
    with VideoSource(clip("bikes.mp4")) as source:
        return next(source.frames(limit=1)).picture, source.info.spec


@pytest.fixture(scope="module")
def latent() -> bytes:
    return fit(make_picture("natural", 96, 64), SMALL)


@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("size", [(176, 144), (720, 406), (130, 66)], ids=str)
@pytest.mark.parametrize("scale", [2, 4])
def test_pictures_have_the_asked_size_and_depth(size: tuple[int, int], bit_depth: int, scale: int) -> None:
    spec = PictureSpec(*size, bit_depth)
    if min(size) // scale < 32:
        with pytest.raises(UsageError, match="too small"):
            fit(make_picture("natural", *size, bit_depth), spec, scale=scale)
        return
    picture = create("thumbnail").generate(fit(make_picture("natural", *size, bit_depth), spec, scale=scale), spec)
    assert tuple(plane.shape for plane in picture.planes) == spec.plane_shapes
    assert picture.y.dtype == spec.dtype


def test_generating_twice_gives_the_same_samples(latent: bytes) -> None:
    assert create("thumbnail").generate(latent, SMALL).same_samples(create("thumbnail").generate(latent, SMALL))


def test_quality_follows_qp_and_scale(natural: tuple[Picture, PictureSpec]) -> None:
    source, spec = natural
    quality = {
        (scale, qp): psnr(create("thumbnail").generate(fit(source, spec, scale=scale, qp=qp), spec), source)
        for scale in (2, 4)
        for qp in (20, 44)
    }
    assert quality[2, 20] > quality[2, 44] > 20
    assert quality[2, 20] > quality[4, 20] > quality[4, 44]


def test_a_budget_is_met_and_used(natural: tuple[Picture, PictureSpec]) -> None:
    source, spec = natural
    seen: list[FitProgress] = []
    for budget in (1000, 4000, 16000):
        latent = create("thumbnail").fit(Likeness(source), spec, budget=budget, warm_start=None, progress=seen.append)
        assert 0.7 * budget < len(latent) <= budget
    assert seen[-1].step == seen[-1].steps


def test_enlarging_beats_repeating_samples(natural: tuple[Picture, PictureSpec]) -> None:
    source = natural[0].y
    reduced = reduce(source, 255)
    repeated = np.repeat(np.repeat(reduced, 2, 0), 2, 1)
    ours = np.mean((enlarge(reduced, 255).astype(float) - source) ** 2)
    assert ours < 0.8 * np.mean((repeated.astype(float) - source) ** 2)


def test_flat_planes_stay_flat() -> None:
    for value in (0, 128, 255):
        flat = np.full((10, 14), value, np.uint8)
        assert np.all(enlarge(flat, 255) == value)
        assert np.all(reduce(flat, 255) == value)


def test_the_enlarging_filter_is_that_of_the_format_page() -> None:
    impulse = np.zeros((1, 9), np.uint8)
    impulse[0, 4] = 128
    assert enlarge(impulse, 255)[0].tolist() == [0] * 5 + [0, 0, 29, 111, 111, 29, 0, 0] + [0] * 5


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda latent: b"", "no valid scale"),
        (lambda latent: b"\3" + latent[1:], "no valid scale"),
        (lambda latent: b"\2" + latent[1:], "expected"),
        (lambda latent: latent[:-9], "damaged|decode"),
        (lambda latent: latent + b"\0\0\0\2\x40\1", "three parameter sets"),
    ],
)
def test_damaged_latents_are_refused(latent: bytes, damage: object, message: str) -> None:
    with pytest.raises(CorruptDataError, match=message):
        create("thumbnail").generate(damage(latent), SMALL)  # type: ignore[operator]


def test_a_latent_of_another_size_is_refused(latent: bytes) -> None:
    with pytest.raises(CorruptDataError, match="expected"):
        create("thumbnail").generate(latent, replace(SMALL, width=512))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 7))
def test_flipped_bits_are_refused_or_give_a_picture(position: int, bit: int) -> None:
    damaged = bytearray(fit_small())
    damaged[position % len(damaged)] ^= 1 << bit
    with contextlib.suppress(CorruptDataError, UnsupportedError):
        assert create("thumbnail").generate(bytes(damaged), SMALL).y.shape == (64, 96)


_small: list[bytes] = []


def fit_small() -> bytes:
    if not _small:
        _small.append(fit(make_picture("natural", 96, 64), SMALL))
    return _small[0]


def test_unknown_generators_and_options_are_refused() -> None:
    assert "thumbnail" in names()
    with pytest.raises(UsageError, match="thumbnail"):
        create("nonsense")
    with pytest.raises(UsageError, match="2 or 4"):
        create("thumbnail", scale=3)
    with pytest.raises(UsageError, match="quality"):
        create("thumbnail", quality=3)
