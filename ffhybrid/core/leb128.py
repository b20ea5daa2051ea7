"""LEB128 numbers, as the hybrid format has them: at most five bytes, signed ones zigzag coded."""

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


def decode_all(data: bytes, position: int, count: int) -> tuple[list[int], int]:
    """Read ``count`` numbers; returns them and the position behind them.

    Raises:
        CorruptDataError: as :func:`decode`.
    """
    values = []
    for _ in range(count):
        value, position = decode(data, position)
        values.append(value)
    return values, position


def zigzag(value: int) -> int:
    """Make unsigned numbers of signed ones: 0, -1, 1, -2 ... are 0, 1, 2, 3 ..."""
    return 2 * value if value >= 0 else -2 * value - 1


def unzigzag(code: int) -> int:
    """Undo :func:`zigzag`."""
    return code >> 1 if code % 2 == 0 else -((code + 1) >> 1)
