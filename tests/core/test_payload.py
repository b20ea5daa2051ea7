"""A payload comes back as it was, and every change of a byte is noticed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffhybrid import hevc
from ffhybrid.core.buffers import crc32c
from ffhybrid.core.payload import MAX_SIZE, Anchor, Payload
from ffhybrid.core.picture import Colour, PictureSpec
from ffhybrid.errors import CorruptDataError, GeometryError, UnsupportedError
from ffhybrid.restorer.splice import check_stream
from support import parameter_sets

PAYLOAD = Payload(
    generator="thumbnail",
    spec=PictureSpec(720, 406, 10, Colour(9, 16, 9, True)),
    coded_width=720,
    coded_height=408,
    pictures=120,
    parameter_sets=0xFEDCBA9876543210,
    base_md5=b"B" * 16,
    latent=b"latent\0\0\1",
    fixups=b"\5\2",
    picture_md5=b"M" * 16,
)
HEADER = 6 + len("thumbnail")
ANCHORS = (
    Anchor(place=30, latent=b"\x10\x10\0", fixups=b"", picture_md5=b"first***"),
    Anchor(place=119, latent=b"", fixups=b"\5\2", picture_md5=b"second**"),
)


def resealed(data: bytes) -> bytes:
    """Give changed bytes a matching CRC."""
    return data[:-4] + crc32c(data[:-4]).to_bytes(4, "big")


@given(st.binary(max_size=300), st.binary(max_size=50), st.none() | st.binary(min_size=16, max_size=16))
def test_every_field_comes_back(latent: bytes, fixups: bytes, base_md5: bytes | None) -> None:
    payload = replace(PAYLOAD, latent=latent, fixups=fixups, base_md5=base_md5)
    assert Payload.from_bytes(payload.to_bytes()) == payload


def test_the_layout_is_that_of_the_format_page() -> None:
    data = PAYLOAD.to_bytes()
    assert data[:6] == b"FFHK\2\x09"
    assert data[6:HEADER] == b"thumbnail"
    assert data[HEADER : HEADER + 8] == bytes.fromhex("02d0 0196 02d0 0198")
    assert data[HEADER + 8 : HEADER + 14] == bytes([1, 10, 9, 16, 9, 1])
    assert data[HEADER + 22 : HEADER + 40] == bytes([120, 1]) + b"B" * 16
    assert len(data) == HEADER + 8 + 6 + 8 + 1 + 1 + 16 + 1 + 9 + 1 + 2 + 16 + 4


def test_anchors_follow_the_keyframe_and_make_it_another_version() -> None:
    data = replace(PAYLOAD, anchors=ANCHORS).to_bytes()
    assert data[4] == 3
    assert data[len(PAYLOAD.to_bytes()) - 4 : -4] == (b"\2" + b"\x1e\3\x10\x10\0\0first***" + b"\x59\0\2\5\2second**")
    assert Payload.from_bytes(data) == replace(PAYLOAD, anchors=ANCHORS)


@pytest.mark.parametrize(
    ("anchors", "pictures"), [((ANCHORS[0], ANCHORS[0]), 120), ((replace(ANCHORS[0], place=0),), 120), (ANCHORS, 119)]
)
def test_anchors_lie_behind_each_other_in_their_gop(anchors: tuple[Anchor, ...], pictures: int) -> None:
    data = replace(PAYLOAD, anchors=anchors, pictures=pictures).to_bytes()
    with pytest.raises(CorruptDataError, match="an anchor outside its GOP"):
        Payload.from_bytes(data)


@pytest.mark.parametrize("count", [0, 3, 127])
def test_anchors_are_as_many_as_there_is_room_for(count: int) -> None:
    data = bytearray(replace(PAYLOAD, anchors=ANCHORS).to_bytes())
    data[len(PAYLOAD.to_bytes()) - 4] = count
    with pytest.raises(CorruptDataError, match=f"announces {count} anchors where"):
        Payload.from_bytes(resealed(bytes(data)))


def test_where_there_is_no_base_picture_one_byte_says_so() -> None:
    data = replace(PAYLOAD, base_md5=None).to_bytes()
    assert data[HEADER + 22 : HEADER + 26] == bytes([120, 0, 9]) + b"l"


def test_there_is_a_base_picture_or_there_is_none() -> None:
    data = bytearray(PAYLOAD.to_bytes())
    data[HEADER + 23] = 2
    with pytest.raises(CorruptDataError, match="base picture"):
        Payload.from_bytes(resealed(bytes(data)))


def test_every_flipped_bit_is_refused() -> None:
    data = PAYLOAD.to_bytes()
    for position in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises((CorruptDataError, UnsupportedError)):
            Payload.from_bytes(bytes(damaged))


def test_every_truncation_and_every_extra_byte_is_refused() -> None:
    data = PAYLOAD.to_bytes()
    for size in range(len(data)):
        with pytest.raises(CorruptDataError):
            Payload.from_bytes(data[:size])
    with pytest.raises(CorruptDataError, match="behind its end"):
        Payload.from_bytes(data + b"\0")


@given(st.binary(max_size=400))
def test_random_bytes_are_refused(data: bytes) -> None:
    for candidate in (data, b"FFHK\2" + data):
        with pytest.raises((CorruptDataError, UnsupportedError)):
            Payload.from_bytes(candidate)


@pytest.mark.parametrize("version", [1, 4])
def test_another_version_is_named_and_no_damage(version: int) -> None:
    data = bytearray(PAYLOAD.to_bytes())
    data[4] = version
    with pytest.raises(
        UnsupportedError, match=f"^the payload has version {version}; this program reads versions 2 and 3$"
    ):
        Payload.from_bytes(resealed(bytes(data)))


@pytest.mark.parametrize(("offset", "value"), [(0, 0), (1, 0xD1), (4, 0xFF), (9, 9)])
def test_impossible_geometry_is_refused_even_with_a_right_crc(offset: int, value: int) -> None:
    data = bytearray(PAYLOAD.to_bytes())
    data[HEADER + offset] = value
    with pytest.raises(CorruptDataError, match="impossible"):
        Payload.from_bytes(resealed(bytes(data)))


def test_a_payload_beyond_the_limit_is_not_written() -> None:
    with pytest.raises(UnsupportedError, match="limit"):
        replace(PAYLOAD, latent=bytes(MAX_SIZE)).to_bytes()


def test_a_payload_knows_its_stream() -> None:
    ours, theirs = parameter_sets(720, 406, 10), parameter_sets(640, 360, 10)
    payload = replace(PAYLOAD, parameter_sets=hevc.parameter_set_digest(ours))
    check_stream(payload, ours)
    with pytest.raises(GeometryError, match="720x406 .* 640x360"):
        check_stream(payload, theirs)
