"""Base pictures: one AV1 frame of at most the asked bytes, decoded at the picture's own size, or refused."""

from __future__ import annotations

import os

import numpy as np
import pytest

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import CorruptDataError
from ffhybrid.filters.overfit import base
from support import psnr

SMALL = PictureSpec(176, 144)


def ten_bit(picture: Picture) -> Picture:
    y, cb, cr = (plane.astype(np.uint16) << 2 for plane in picture.planes)
    return Picture(y, cb, cr, 10)


def test_a_lower_crf_gives_a_better_picture(natural: Picture) -> None:
    coded = [base.encode(natural, crf=crf, effort=6) for crf in (60, 45, 30)]
    quality = [psnr(base.decode(data, SMALL), natural) for data in coded]
    assert sorted(coded, key=len) == coded
    assert 20 < quality[0] < quality[1] < quality[2]


@pytest.mark.parametrize("size", [200, 600, 2000])
def test_the_asked_bytes_are_a_limit_that_is_used(natural: Picture, size: int) -> None:
    data = base.encode_within(natural, size, effort=4)
    assert data is not None
    assert 0.75 * size <= len(data) <= size


def test_too_few_bytes_give_no_base_picture(natural: Picture) -> None:
    assert base.encode_within(natural, 20, effort=6) is None


@pytest.mark.parametrize(("width", "height"), [(2, 2), (34, 18), (130, 66)])
def test_small_and_odd_sizes_come_back_at_their_size(natural: Picture, width: int, height: int) -> None:
    picture = natural.cropped(width, height)
    decoded = base.decode(base.encode(picture, crf=30, effort=6), PictureSpec(width, height))
    assert [plane.shape for plane in decoded.planes] == [plane.shape for plane in picture.planes]
    assert psnr(decoded, picture) > 30


def test_ten_bits_stay_ten_bits(natural: Picture) -> None:
    picture = ten_bit(natural)
    decoded = base.decode(base.encode(picture, crf=20, effort=6), PictureSpec(176, 144, 10))
    assert decoded.y.dtype == np.uint16
    assert np.abs(decoded.y.astype(int) - picture.y).mean() < 16


def test_the_encoder_says_nothing_on_standard_error(natural: Picture, capfd: pytest.CaptureFixture[str]) -> None:
    base.encode(natural, crf=50, effort=6)
    assert capfd.readouterr().err == ""


def test_another_size_or_depth_is_refused(natural: Picture) -> None:
    data = base.encode(natural, crf=50, effort=6)
    for spec in (PictureSpec(160, 144), PictureSpec(1920, 1080), PictureSpec(176, 144, 10)):
        with pytest.raises(CorruptDataError, match="base picture"):
            base.decode(data, spec)


def test_damage_is_refused_or_decodes_to_the_asked_size(natural: Picture) -> None:
    data = base.encode(natural, crf=50, effort=6)
    for position in range(len(data)):
        damaged = data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :]
        try:
            decoded = base.decode(damaged, SMALL)
        except CorruptDataError:
            continue
        assert decoded.y.shape == (144, 176)


@pytest.mark.parametrize("size", [0, 1, 10])
def test_a_truncated_base_picture_is_refused(natural: Picture, size: int) -> None:
    with pytest.raises(CorruptDataError):
        base.decode(base.encode(natural, crf=50, effort=6)[:size], SMALL)


def test_fitting_leaves_the_process_the_priority_that_it_had(natural: Picture) -> None:
    """SVT-AV1 makes the thread that calls it a real-time one where it may, and every other process waits."""
    before = os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)
    base.encode(natural, crf=50, effort=8)
    assert (os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)) == before
