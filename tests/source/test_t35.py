"""ITU-T T.35 messages are found in access units of HEVC and in temporal units of AV1."""

from __future__ import annotations

import pytest

from ffhybrid.errors import CorruptDataError
from ffhybrid.hevc import sei
from ffhybrid.source import t35

MESSAGE = bytes.fromhex("b5003c0001040180")
TEMPORAL_DELIMITER = bytes([2 << 3 | 2, 0])


def metadata(kind: int, data: bytes, *, flags: int) -> bytes:
    """Write a metadata OBU: bit 2 of the flags is an extension byte, bit 1 a size."""
    body = bytes([kind]) + data + b"\x80"
    return bytes([5 << 3 | flags]) + bytes(flags >> 2) + (bytes([len(body)]) if flags & 2 else b"") + body


@pytest.mark.parametrize("flags", [0, 2, 4, 6])
def test_metadata_obus_give_their_message_without_trailing_bits(flags: int) -> None:
    other = metadata(1, b"\x03\xe8\x01\x90", flags=2)
    assert list(t35.of_av1(TEMPORAL_DELIMITER + other + metadata(4, MESSAGE, flags=flags))) == [MESSAGE]


def test_an_access_unit_gives_the_messages_before_its_slices() -> None:
    units = [sei.write_message(4, MESSAGE), sei.write_message(137, bytes(24)), sei.write_message(4, b"\xb5other")]
    assert list(t35.of_hevc(units)) == [MESSAGE, b"\xb5other"]


@pytest.mark.parametrize("data", [bytes([5 << 3 | 2]), bytes([5 << 3 | 2, 9, 4]), bytes([5 << 3 | 2, 0x80])])
def test_obus_that_end_early_are_damage(data: bytes) -> None:
    with pytest.raises(CorruptDataError):
        list(t35.of_av1(data))
