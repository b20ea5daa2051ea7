"""SEI messages survive writing and reading, garbage is refused, and the MD5s of pictures are those of their samples."""

from __future__ import annotations

import contextlib
import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffhybrid.errors import CorruptDataError
from ffhybrid.hevc import sei
from support import make_picture

UUID = bytes(range(16))
zero_rich = st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 255]), max_size=600).map(bytes)


@given(zero_rich)
def test_user_data_survives_whatever_its_bytes(data: bytes) -> None:
    nal = sei.write_user_data(UUID, data)
    assert b"\0\0\0" not in nal
    assert b"\0\0\1" not in nal
    assert sei.read_user_data(nal) == [(UUID, data)]


def test_an_sei_message_longer_than_its_nal_unit_is_refused() -> None:
    nal = bytearray(sei.write_user_data(UUID, b"payload"))
    nal[3] += 40
    with pytest.raises(CorruptDataError):
        sei.read_user_data(bytes(nal))


@given(st.binary(max_size=300))
def test_random_bytes_never_crash_the_reader(data: bytes) -> None:
    with contextlib.suppress(CorruptDataError):
        sei.read_messages(data)


def test_picture_md5_is_the_md5_of_the_samples() -> None:
    for bit_depth in (8, 10):
        picture = make_picture("noise", 66, 34, bit_depth)
        expected = tuple(hashlib.md5(plane.tobytes()).digest() for plane in picture.planes)
        assert sei.picture_md5s(picture) == expected
        assert sei.picture_md5s(picture.padded(72, 40).cropped(66, 34)) == expected


@given(st.binary(max_size=200))
def test_md5_handles_every_length(data: bytes) -> None:
    plane = np.frombuffer(data + b"x", np.uint8)[None]
    assert sei.plane_md5(plane) == hashlib.md5(plane.tobytes()).digest()
