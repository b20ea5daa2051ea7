"""Unsigned LEB128 numbers, as the hybrid format has them: at most five bytes."""

from __future__ import annotations

from ffhybrid.errors import CorruptDataError

MAX_BYTES = 5


def encode(value: int) -> bytes:
    """Seven bits a byte, the lowest first; all bytes but the last have their top bit set."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def decode(data: bytes, position: int) -> tuple[int, int]:
    """Read a number; returns it and the position behind it.

    Raises:
        CorruptDataError: the data end inside the number, or it is too long.
    """
    value = 0
    for index, byte in enumerate(data[position : position + MAX_BYTES]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, position + index + 1
    raise CorruptDataError("a number does not end, or is too long")
