"""SEI messages (H.265 annex D), and the MD5s of pictures that one of them carries.

NAL units are ``bytes`` as in :mod:`ffhybrid.hevc`; what breaks the syntax raises :class:`CorruptDataError`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ffhybrid._cext import ffi, lib
from ffhybrid.core.buffers import rows_of
from ffhybrid.core.picture import Picture, Plane
from ffhybrid.hevc.nal import NalType, checked, nal_type, rbsp, written

USER_DATA_T35_PAYLOAD_TYPE = 4
USER_DATA_UNREGISTERED_PAYLOAD_TYPE = 5
PICTURE_HASH_PAYLOAD_TYPE = 132
PICTURE_HASH_SIZE = 54
"""Bytes of the NAL unit with the MD5s of a picture, as :func:`write_picture_hash` writes it."""
PICTURE_MD5S_SIZE = 49
"""Bytes of its message: how pictures are hashed, and the MD5s of Y, Cb and Cr."""
UUID_SIZE = 16
_HASH_IS_MD5 = b"\0"


def read_messages(nal: bytes) -> list[tuple[int, bytes]]:
    """List (payloadType, payload) of every message in an SEI NAL unit."""
    data = rbsp(nal)
    pos, message = ffi.new("size_t *"), ffi.new("ffh_sei_message *")
    messages = []
    while checked(lib.ffh_next_sei_message(data, len(data), pos, message), "an SEI NAL unit"):
        messages.append((int(message.payload_type), data[message.offset : message.offset + message.size]))
    return messages


def read_user_data(nal: bytes) -> list[tuple[bytes, bytes]]:
    """List (uuid, data) of every user_data_unregistered message in an SEI NAL unit (H.265 clause D.2.7)."""
    return [
        (payload[:UUID_SIZE], payload[UUID_SIZE:])
        for payload_type, payload in read_messages(nal)
        if payload_type == USER_DATA_UNREGISTERED_PAYLOAD_TYPE and len(payload) >= UUID_SIZE
    ]


def read_t35(nal: bytes) -> list[bytes]:
    """List the ITU-T T.35 messages in an SEI NAL unit, country code first (H.265 clause D.2.6)."""
    return [data for payload_type, data in read_messages(nal) if payload_type == USER_DATA_T35_PAYLOAD_TYPE]


def write_t35(message: bytes) -> bytes:
    """Write a prefix SEI NAL unit with one ITU-T T.35 message."""
    return write_message(USER_DATA_T35_PAYLOAD_TYPE, message)


def write_message(payload_type: int, data: bytes, *, kind: NalType = NalType.PREFIX_SEI) -> bytes:
    """Write an SEI NAL unit with one message; ``kind`` is one of the two types of SEI NAL units."""
    return written("an SEI message", lambda buf: lib.ffh_write_sei(kind, payload_type, data, len(data), buf))


def write_user_data(uuid: bytes, data: bytes) -> bytes:
    """Write a prefix SEI NAL unit with one user_data_unregistered message; ``uuid`` has 16 bytes."""
    if len(uuid) != UUID_SIZE:
        raise ValueError("a UUID has 16 bytes")
    return write_message(USER_DATA_UNREGISTERED_PAYLOAD_TYPE, uuid + data)


def has_picture_hash(nal_units: Iterable[bytes]) -> bool:
    """Whether an access unit carries a decoded picture hash."""
    return any(map(is_picture_hash, nal_units))


def is_picture_hash(nal: bytes) -> bool:
    """Whether the NAL unit is a suffix SEI with a decoded picture hash (H.265 clause D.2.20)."""
    if nal_type(nal) != NalType.SUFFIX_SEI:
        return False
    return any(payload_type == PICTURE_HASH_PAYLOAD_TYPE for payload_type, _ in read_messages(nal))


def write_picture_hash(md5s: tuple[bytes, bytes, bytes]) -> bytes:
    """Write a suffix SEI NAL unit with the MD5s of Y, Cb and Cr."""
    return write_message(PICTURE_HASH_PAYLOAD_TYPE, _HASH_IS_MD5 + b"".join(md5s), kind=NalType.SUFFIX_SEI)


def picture_md5s(picture: Picture) -> tuple[bytes, bytes, bytes]:
    """MD5 of each plane as the decoded picture hash SEI defines it (H.265 clause D.3.20)."""
    y, cb, cr = (plane_md5(plane) for plane in picture.planes)
    return y, cb, cr


def plane_md5(plane: Plane) -> bytes:
    """MD5 of one plane: a byte a sample at 8 bits, two little-endian bytes above."""
    rows = rows_of(plane)
    digest = ffi.new("uint8_t[16]")
    lib.ffh_plane_md5(rows.pointer, plane.shape[0], plane.shape[1] * plane.itemsize, rows.stride, digest)
    return bytes(ffi.buffer(digest)[:])
