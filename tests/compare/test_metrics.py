"""Metrics: identical clips are perfect, worse ones are worse, and frames are paired by their number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ffhybrid.compare import stock
from ffhybrid.compare.clip import Clip, prepare
from ffhybrid.compare.codecs.x265 import X265
from ffhybrid.compare.metrics import find_distance, measure
from ffhybrid.errors import CorruptDataError
from ffhybrid.source.video import VideoSource
from support import clip as wheel_clip

FRAMES = 7


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Seven frames of 160x68."""
    folder = tmp_path_factory.mktemp("clip")
    return prepare(wheel_clip("bikes.mp4"), folder, frames=FRAMES, width=160, height=None)


def test_identical_clips_are_perfect(small: Clip) -> None:
    distance = find_distance(None)
    quality = measure(small, small.path, distance=distance, interval=3)
    assert quality.psnr == pytest.approx([60] * FRAMES)
    assert quality.ssim == pytest.approx([1] * FRAMES)
    assert min(quality.vmaf) > 97
    assert quality.lpips == pytest.approx([0, 0, 0] if distance else [])


def test_worse_clips_are_worse_and_psnr_is_that_of_all_samples(small: Clip, tmp_path: Path) -> None:
    codec = X265("x265", preset="ultrafast", gop_length=FRAMES, extra={})
    found = []
    for crf in (20, 45):
        coded = tmp_path / f"{crf}.mkv"
        codec.encode_at(small, coded, crf)
        found.append(measure(small, coded, distance=find_distance(None), interval=1))
    good, bad = found
    for metric in ("psnr", "ssim", "vmaf"):
        assert np.mean(getattr(good, metric)) > np.mean(getattr(bad, metric))
    assert np.sum(good.lpips) <= np.sum(bad.lpips)
    frames = range(FRAMES)
    errors = [
        np.mean(np.concatenate([((a.astype(float) - b) ** 2).ravel() for a, b in zip(x.planes, y.planes, strict=True)]))
        for x, y in zip(
            stock.pictures(coded, small.spec, frames), stock.pictures(small.path, small.spec, frames), strict=True
        )
    ]
    assert bad.psnr == pytest.approx([10 * np.log10(255**2 / error) for error in errors], abs=1e-3)


def test_another_number_of_frames_is_an_error(small: Clip) -> None:
    with pytest.raises(CorruptDataError, match="7 frames are shown, the source has 8"):
        measure(replace(small, frames=8), small.path, distance=None, interval=8)


def test_chosen_frames_are_the_samples_that_pyav_decodes(small: Clip) -> None:
    with VideoSource(small.path) as source:
        decoded = [frame.picture for frame in source.frames()]
    for indices in ([0, 4, 5], range(1, FRAMES, 2)):
        for index, picture in zip(indices, stock.pictures(small.path, small.spec, indices), strict=True):
            assert picture.same_samples(decoded[index])
    with pytest.raises(CorruptDataError, match="no frame 9"):
        list(stock.pictures(small.path, small.spec, [9]))
