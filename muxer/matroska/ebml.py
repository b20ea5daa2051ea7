"""EBML elements as bytes (RFC 8794): identifiers, sizes, values, the CRC-32 element, and headers read back."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"
CRC32 = 0xBF
VOID = 0xEC
SIZE_FIELD = 8
"""Bytes of a size written at full width, so that it can be patched in place."""

MAX_ID_BYTES, MAX_VINT_BYTES = 4, 8


def element_id(identifier: int) -> bytes:
    """Write an identifier as it is named, marker bit included (section 5)."""
    return identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")


def vint(value: int, *, length: int | None = None) -> bytes:
    """Write a variable-size integer in the fewest bytes, or in ``length`` of them (section 4).

    Raises:
        ValueError: the value does not fit.
    """
    if value < 0:
        raise ValueError(f"{value} is negative")
    needed = 1
    while value >= (1 << 7 * needed) - 1:
        needed += 1
    length = length or needed
    if needed > length or length > MAX_VINT_BYTES:
        raise ValueError(f"{value} does not fit a variable-size integer of {length} bytes")
    return (value | 1 << 7 * length).to_bytes(length, "big")


def element(identifier: int, data: bytes) -> bytes:
    """Write an element of known size."""
    return element_id(identifier) + vint(len(data)) + data


def unsigned(identifier: int, value: int, *, length: int | None = None) -> bytes:
    """Write an unsigned integer element in the fewest bytes (section 7.2), or in ``length``."""
    return element(identifier, value.to_bytes(length or max(1, (value.bit_length() + 7) // 8), "big"))


def float64(identifier: int, value: float) -> bytes:
    """Write a float element of eight bytes (section 7.3)."""
    return element(identifier, struct.pack(">d", value))


def string(identifier: int, text: str) -> bytes:
    """Write a string or UTF-8 element (sections 7.4 and 7.5)."""
    return element(identifier, text.encode())


def master(identifier: int, *children: bytes) -> bytes:
    """Write a master element around its children."""
    return element(identifier, b"".join(children))


def checked_master(identifier: int, *children: bytes) -> bytes:
    """Write a master element that begins with the CRC-32 of the rest (section 11.3.1)."""
    data = b"".join(children)
    return element(identifier, element(CRC32, zlib.crc32(data).to_bytes(4, "little")) + data)


def void(size: int) -> bytes:
    """Write a Void element that takes ``size`` bytes in all (section 11.3.2); at least 9."""
    if size < 1 + SIZE_FIELD:
        raise ValueError("a Void element with an eight-byte size takes at least 9 bytes")
    return void_header(size) + bytes(size - 1 - SIZE_FIELD)


def void_header(size: int) -> bytes:
    """Write identifier and size of a Void element that takes ``size`` bytes in all, at least 2."""
    length = SIZE_FIELD if size > SIZE_FIELD else 1
    return element_id(VOID) + vint(size - 1 - length, length=length)


@dataclass(frozen=True, slots=True)
class Element:
    """Where the data of an element begin, and how many bytes they are, None where that is unknown."""

    identifier: int
    data: int
    size: int | None


def read_header(file: BinaryIO, position: int) -> Element | None:
    """Read identifier and size of an element, None where there is none (sections 4 and 5)."""
    file.seek(position)
    header = file.read(MAX_ID_BYTES + MAX_VINT_BYTES)
    id_bytes = _vint_bytes(header[:1], MAX_ID_BYTES)
    size_bytes = _vint_bytes(header[id_bytes : id_bytes + 1], MAX_VINT_BYTES) if id_bytes else 0
    if not id_bytes or not size_bytes or len(header) < id_bytes + size_bytes:
        return None
    identifier = int.from_bytes(header[:id_bytes], "big")
    mask = (1 << 7 * size_bytes) - 1
    size = int.from_bytes(header[id_bytes : id_bytes + size_bytes], "big") & mask
    return Element(identifier, position + id_bytes + size_bytes, None if size == mask else size)


def _vint_bytes(first: bytes, most: int) -> int:
    """Length of a variable-size integer by its first byte, 0 if it is longer than ``most``."""
    if not first or not first[0]:
        return 0
    length = 9 - first[0].bit_length()
    return length if length <= most else 0
