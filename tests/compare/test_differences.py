"""Where two codecs differ most: the place, by each one's errors, and the part of the picture around it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ffhybrid.compare.clip import prepare, write_lossless
from ffhybrid.compare.differences import Spot, errors_by_place, spots
from ffhybrid.compare.stills import Window, window_around
from ffhybrid.core.picture import PictureSpec
from support import clip as wheel_clip

SPEC = PictureSpec(400, 200)
INTERVAL = 8
SHAPE = (3, 4, 7)
"""Of errors: three frames, places down and across."""


def errors(**values: float) -> np.ndarray:
    """Errors of 1, and others at places such as `f1d2a3`: position of the frame, down, across."""
    found = np.ones(SHAPE)
    for name, value in values.items():
        found[int(name[1]), int(name[3]), int(name[5])] = value
    return found


def test_the_greatest_difference_comes_first_whoever_is_better_there() -> None:
    ours, theirs = errors(f1d0a2=5, f2d3a6=2), errors(f1d0a2=2, f2d3a6=9)
    first, second = spots(ours, theirs, SPEC, INTERVAL)
    assert first == Spot(frame=16, x=336, y=136, width=64, height=64, errors=(2, 9))
    assert second == Spot(frame=8, x=128, y=0, width=64, height=64, errors=(5, 2))


def test_a_place_where_both_are_bad_is_no_difference() -> None:
    ours, theirs = errors(f0d0a0=20, f2d1a1=3), errors(f0d0a0=20.5)
    first, _ = spots(ours, theirs, SPEC, INTERVAL)
    assert (first.frame, first.x, first.y) == (16, 64, 64)


def test_the_source_is_better_everywhere_so_a_codec_beside_it_is_seen_at_its_worst() -> None:
    (only,) = spots(np.zeros(SHAPE), errors(f0d1a0=4), SPEC, INTERVAL)
    assert (only.frame, only.x, only.y, only.errors) == (0, 0, 64, (0, 4))


def test_equal_codecs_are_seen_where_both_are_worst() -> None:
    (only,) = spots(errors(f2d0a1=3), errors(f2d0a1=3), SPEC, INTERVAL)
    assert (only.frame, only.x, only.errors) == (16, 64, (3, 3))


@pytest.mark.parametrize(
    ("spec", "x", "y", "expected"),
    [
        (PictureSpec(640, 360), 256, 128, Window(128, 70, 320, 180)),
        (PictureSpec(640, 360), 0, 0, Window(0, 0, 320, 180)),
        (PictureSpec(640, 360), 576, 296, Window(320, 180, 320, 180)),
        (PictureSpec(160, 68), 96, 4, Window(0, 0, 160, 68)),
    ],
)
def test_a_still_has_the_place_in_its_middle_unless_an_edge_is_near(
    spec: PictureSpec, x: int, y: int, expected: Window
) -> None:
    assert window_around(Spot(0, x, y, 64, 64, (0, 0)), spec) == expected


def test_an_error_is_found_in_the_frame_and_the_place_that_have_it(tmp_path: Path) -> None:
    source = prepare(wheel_clip("bikes.mp4"), tmp_path, frames=5, width=160, height=None)
    damaged = []
    for index, frame in enumerate(source.video_frames()):
        samples = frame.to_ndarray()
        if index == 4:
            samples[8:24, 140:150] ^= 64
        damaged.append(type(frame).from_ndarray(samples, format=frame.format.name))
    shown = tmp_path / "damaged.mkv"
    write_lossless(shown, damaged, source.spec, source.frame_rate)
    found = errors_by_place(source, shown, 2)
    assert found.shape == (3, 2, 3)
    assert not found[:2].any()
    (spot,) = spots(np.zeros_like(found), found, source.spec, 2)
    assert (spot.frame, spot.x, spot.y) == (4, 96, 0)
