"""Damage that demultiplexers pass over in silence: Matroska files that end early, clusters whose CRC-32 is wrong.

Walks the top of a file element by element with bounded reads (RFC 8794 sections 4 to 6, RFC 9559 section 4.5).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ffhybrid.errors import CorruptDataError, TruncatedError
from ffhybrid.muxer import top_level
from ffhybrid.muxer.ebml import CRC32, MAX_ID_BYTES, MAX_VINT_BYTES, VOID, Element, read_header

_TIMESTAMP = 0xE7
_LEVEL_1 = frozenset(
    {
        top_level.SEEK_HEAD,
        top_level.INFO,
        top_level.TRACKS,
        top_level.CLUSTER,
        top_level.CUES,
        top_level.TAGS,
        top_level.CHAPTERS,
        top_level.ATTACHMENTS,
        VOID,
        CRC32,
    }
)
_IN_CLUSTER = frozenset({_TIMESTAMP, 0x5854, 0xA7, 0xAB, 0xA3, 0xA0, 0xAF})
"""What stands among the level 1 elements where a cluster has no size (RFC 9559 section 5.1.3)."""
_TIMESTAMP_REACH = 32
"""Bytes into a cluster in which its timestamp is looked for."""
_CRC_ELEMENT_SIZE = 6
_READ_SIZE = 1 << 20
_TICKS = 1000


def is_matroska(path: Path) -> bool:
    """Whether there is a file of this name, and it begins with an EBML header."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == top_level.EBML.to_bytes(4, "big")


def check_matroska(path: Path, *, check_crcs: bool) -> int:
    """Walk the segment; return how many clusters have a CRC-32, checked if ``check_crcs`` says so.

    Raises:
        TruncatedError: an element announces more bytes than the file has.
        CorruptDataError: no EBML structure, an element that a segment cannot have, or a cluster that does not match
            its CRC-32 or lacks it where others have it.
    """
    with path.open("rb") as file:
        return _Walk(file, path, path.stat().st_size, check_crcs).clusters_with_crc()


class _Walk:
    """One pass over the top of a file."""

    def __init__(self, file: BinaryIO, path: Path, end: int, check_crcs: bool) -> None:
        self._file, self._path, self._end, self._check_crcs = file, path, end, check_crcs
        self._time: float | None = None
        """Seconds of the cluster reached."""

    def clusters_with_crc(self) -> int:
        segment = self._find_segment()
        limit = self._end if segment.size is None else min(self._end, segment.data + segment.size)
        clusters = with_crc = 0
        for element in self._elements(segment.data, limit):
            if element.identifier == top_level.CLUSTER:
                self._time = _cluster_time(self._file, element)
            self._check_inside(element)
            self._check_known(element, segment)
            if element.identifier == top_level.CLUSTER and element.size is not None:
                clusters += 1
                with_crc += self._cluster_has_crc(element)
        self._check_inside(segment)
        if with_crc not in (0, clusters):
            raise CorruptDataError(f"{self._path}: {clusters - with_crc} of {clusters} clusters have lost their CRC-32")
        return with_crc

    def _find_segment(self) -> Element:
        for element in self._elements(0, self._end):
            if element.identifier == top_level.SEGMENT:
                return element
            self._check_inside(element)
        raise CorruptDataError(f"{self._path}: there is no Matroska segment")

    def _elements(self, position: int, end: int) -> Iterator[Element]:
        """Elements from ``position`` on; one of unknown size is entered, not skipped."""
        while position < end:
            element = read_header(self._file, position)
            if element is None:
                raise self._broken_header(position)
            yield element
            position = element.data + (element.size or 0)

    def _broken_header(self, position: int) -> CorruptDataError | TruncatedError:
        self._file.seek(position)
        if self._end - position < MAX_ID_BYTES + MAX_VINT_BYTES and self._file.read(1) != b"\0":
            return TruncatedError(f"{self._path}: the file ends inside the header of an element{self._where()}")
        return CorruptDataError(f"{self._path}: there is no EBML element at byte {position}{self._where()}")

    def _check_inside(self, element: Element) -> None:
        if element.size is None or element.data + element.size <= self._end:
            return
        missing = element.data + element.size - self._end
        raise TruncatedError(f"{self._path}: the file ends {missing} bytes early{self._where()}")

    def _check_known(self, element: Element, segment: Element) -> None:
        if element.identifier in _LEVEL_1 or element.identifier in _IN_CLUSTER:
            return
        if segment.size is None and element.identifier in (top_level.EBML, top_level.SEGMENT):
            return
        name = f"{element.identifier:X}"
        raise CorruptDataError(f"{self._path}: a segment cannot have an element {name}{self._where()}")

    def _where(self) -> str:
        return "" if self._time is None else f", in or after the cluster at {self._time:.3f} s"

    def _cluster_has_crc(self, cluster: Element) -> bool:
        first = read_header(self._file, cluster.data)
        size = cluster.size or 0
        if first is None or first.identifier != CRC32 or first.size != 4 or size < _CRC_ELEMENT_SIZE:
            return False
        if not self._check_crcs:
            return True
        self._file.seek(first.data)
        stored = int.from_bytes(self._file.read(4), "little")
        if stored != _crc32(self._file, cluster.data + size - first.data - 4):
            where = "a cluster" if self._time is None else f"the cluster at {self._time:.3f} s"
            raise CorruptDataError(f"{self._path}: {where} does not match its CRC-32")
        return True


def _cluster_time(file: BinaryIO, cluster: Element) -> float | None:
    """Seconds, from the first elements of a cluster."""
    position, end = cluster.data, cluster.data + _TIMESTAMP_REACH
    while position < end:
        element = read_header(file, position)
        if element is None or element.size is None:
            return None
        if element.identifier == _TIMESTAMP and element.size <= MAX_VINT_BYTES:
            file.seek(element.data)
            return int.from_bytes(file.read(element.size), "big") / _TICKS
        position = element.data + element.size
    return None


def _crc32(file: BinaryIO, size: int) -> int:
    crc = 0
    while size > 0:
        data = file.read(min(size, _READ_SIZE))
        if not data:
            return -1
        crc = zlib.crc32(data, crc)
        size -= len(data)
    return crc
