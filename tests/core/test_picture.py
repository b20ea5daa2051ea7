"""Pictures: reduced to half of their size, samples are rounded means."""

from __future__ import annotations

import numpy as np
import pytest

from ffhybrid.core.picture import Picture, PictureSpec


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize(("width", "height", "half"), [(8, 8, (4, 4)), (10, 14, (4, 6)), (66, 64, (32, 32))])
def test_halved_samples_are_means_of_four(width: int, height: int, half: tuple[int, int], depth: int) -> None:
    spec = PictureSpec(width, height, depth)
    samples = np.random.default_rng(1).integers(0, 1 << depth, spec.samples).astype(spec.dtype)
    picture = Picture.from_samples(samples, spec)
    reduced = picture.halved()
    assert (spec.halved().width, spec.halved().height) == half
    assert [plane.shape for plane in reduced.planes] == list(spec.halved().plane_shapes)
    assert reduced.y.dtype == spec.dtype
    for whole, plane in zip(picture.planes, reduced.planes, strict=True):
        rows, columns = plane.shape
        blocks = whole[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).astype(int)
        assert np.array_equal(plane, (blocks.sum(axis=(1, 3)) + 2) // 4)


def test_the_brightest_stays_as_bright() -> None:
    spec = PictureSpec(8, 8)
    white = Picture.from_samples(np.full(spec.samples, 255, np.uint8), spec)
    assert white.halved().y.min() == 255
