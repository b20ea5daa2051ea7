"""Damage that demultiplexers pass over in silence: Matroska files that end early, clusters whose CRC-32 is wrong.

Walks the top of a file element by element with bounded reads (RFC 8794 sections 4 to 6, RFC 9559 section 4.5).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ffhybrid.errors import CorruptDataError, TruncatedError
from ffhybrid.muxer.ebml import CRC32

_EBML, _SEGMENT, _CLUSTER, _TIMESTAMP = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0xE7
_MAX_ID_BYTES, _MAX_SIZE_BYTES = 4, 8
_TIMESTAMP_REACH = 32
"""Bytes into a cluster in which its timestamp is looked for."""
_CRC_ELEMENT_SIZE = 6
_READ_SIZE = 1 << 20
_TICKS = 1000


@dataclass(frozen=True, slots=True)
class _Element:
    identifier: int
    data: int
    """Offset of the data."""
    size: int | None
    """Bytes of the data, None where the size is unknown."""


def is_matroska(path: Path) -> bool:
    """Whether a file begins with an EBML header."""
    with path.open("rb") as file:
        return file.read(4) == _EBML.to_bytes(4, "big")


def check_matroska(path: Path, *, check_crcs: bool) -> int:
    """Walk the segment; return how many clusters have a CRC-32, checked if ``check_crcs`` says so.

    Raises:
        TruncatedError: an element announces more bytes than the file has.
        CorruptDataError: no EBML structure, or a cluster that does not match its CRC-32.
    """
    end = path.stat().st_size
    with path.open("rb") as file:
        segment = _find_segment(file, path, end)
        checked = 0
        last_time: float | None = None
        limit = end if segment.size is None else segment.data + segment.size
        for element in _children(file, segment.data, min(limit, end)):
            if element.identifier == _CLUSTER:
                last_time = _cluster_time(file, element)
            _check_inside(path, element, end, last_time)
            if element.identifier == _CLUSTER and element.size is not None:
                checked += _check_cluster(file, path, element, last_time, check_crcs=check_crcs)
        _check_inside(path, segment, end, last_time)
    return checked


def _find_segment(file: BinaryIO, path: Path, end: int) -> _Element:
    for element in _children(file, 0, end):
        if element.identifier == _SEGMENT:
            return element
        _check_inside(path, element, end, None)
    raise CorruptDataError(f"{path}: there is no Matroska segment")


def _check_inside(path: Path, element: _Element, end: int, time: float | None) -> None:
    if element.size is None or element.data + element.size <= end:
        return
    missing = element.data + element.size - end
    where = "" if time is None else f", in or after the cluster at {time:.3f} s"
    raise TruncatedError(f"{path}: the file ends {missing} bytes early{where}")


def _children(file: BinaryIO, position: int, end: int) -> Iterator[_Element]:
    """Elements from ``position`` on; one of unknown size is entered, not skipped."""
    while position < end:
        element = _read_header(file, position)
        if element is None:
            return
        yield element
        position = element.data + (element.size or 0)


def _read_header(file: BinaryIO, position: int) -> _Element | None:
    file.seek(position)
    header = file.read(_MAX_ID_BYTES + _MAX_SIZE_BYTES)
    id_bytes = _vint_bytes(header[:1], _MAX_ID_BYTES)
    size_bytes = _vint_bytes(header[id_bytes : id_bytes + 1], _MAX_SIZE_BYTES) if id_bytes else 0
    if not id_bytes or not size_bytes or len(header) < id_bytes + size_bytes:
        return None
    identifier = int.from_bytes(header[:id_bytes], "big")
    mask = (1 << 7 * size_bytes) - 1
    size = int.from_bytes(header[id_bytes : id_bytes + size_bytes], "big") & mask
    return _Element(identifier, position + id_bytes + size_bytes, None if size == mask else size)


def _vint_bytes(first: bytes, most: int) -> int:
    """Length of a variable-size integer by its first byte, 0 if it is longer than ``most``."""
    if not first or not first[0]:
        return 0
    length = 9 - first[0].bit_length()
    return length if length <= most else 0


def _cluster_time(file: BinaryIO, cluster: _Element) -> float | None:
    end = cluster.data + min(_TIMESTAMP_REACH, _TIMESTAMP_REACH if cluster.size is None else cluster.size)
    for element in _children(file, cluster.data, end):
        if element.identifier == _TIMESTAMP and element.size is not None and element.size <= _MAX_SIZE_BYTES:
            file.seek(element.data)
            return int.from_bytes(file.read(element.size), "big") / _TICKS
    return None


def _check_cluster(file: BinaryIO, path: Path, cluster: _Element, time: float | None, *, check_crcs: bool) -> int:
    first = _read_header(file, cluster.data)
    size = cluster.size or 0
    if first is None or first.identifier != CRC32 or first.size != 4 or size < _CRC_ELEMENT_SIZE:
        return 0
    if not check_crcs:
        return 1
    file.seek(first.data)
    stored = int.from_bytes(file.read(4), "little")
    if stored != _crc32(file, size - _CRC_ELEMENT_SIZE):
        where = "a cluster" if time is None else f"the cluster at {time:.3f} s"
        raise CorruptDataError(f"{path}: {where} does not match its CRC-32")
    return 1


def _crc32(file: BinaryIO, size: int) -> int:
    crc = 0
    while size > 0:
        data = file.read(min(size, _READ_SIZE))
        if not data:
            return -1
        crc = zlib.crc32(data, crc)
        size -= len(data)
    return crc
