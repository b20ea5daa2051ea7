"""Damage that demultiplexers pass over in silence: Matroska files that end early, elements whose CRC-32 is wrong.

Walks the top of a file element by element with bounded reads (RFC 8794 sections 4 to 6, RFC 9559 section 4.5), and goes
on behind what is damaged.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from ffhybrid.errors import CorruptDataError, TruncatedError
from ffhybrid.muxer.matroska import elements
from ffhybrid.muxer.matroska.damaged_range import DamagedRange
from ffhybrid.muxer.matroska.ebml import CRC32, MAX_ID_BYTES, MAX_VINT_BYTES, VOID, Element, element_id, read_header

MAX_DAMAGED = 10_000
_TIMESTAMP = 0xE7
_MASTERS = {
    elements.SEEK_HEAD: "SeekHead",
    elements.INFO: "Info",
    elements.TRACKS: "Tracks",
    elements.CLUSTER: "Cluster",
    elements.CUES: "Cues",
    elements.TAGS: "Tags",
    elements.CHAPTERS: "Chapters",
    elements.ATTACHMENTS: "Attachments",
}
"""Level 1 elements and their names; all of them may begin with a CRC-32."""
_BEGINNINGS = re.compile(b"|".join(re.escape(element_id(identifier)) for identifier in _MASTERS))
_LEVEL_1 = frozenset({*_MASTERS, VOID, CRC32})
_IN_CLUSTER = frozenset({_TIMESTAMP, 0x5854, 0xA7, 0xAB, 0xA3, 0xA0, 0xAF})
"""Elements that stand among those of level 1 where a cluster has no size (RFC 9559 section 5.1.3)."""
_TIMESTAMP_REACH = 32
"""Bytes into a cluster in which its timestamp is looked for."""
_CRC_SIZE, _CRC_ELEMENT_SIZE = 4, 6
_READ_SIZE = 1 << 20
_TICKS = 1000


def is_matroska(path: Path) -> bool:
    """Whether there is a file of this name, and it begins with an EBML header."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == elements.EBML.to_bytes(4, "big")


def check_matroska(path: Path, *, check_crcs: bool) -> int:
    """Walk the segment; return how many clusters have a CRC-32, checked if ``check_crcs`` says so.

    Raises:
        TruncatedError: an element announces more bytes than the file has.
        CorruptDataError: no EBML structure, an element that a segment cannot have, or one that does not match its
            CRC-32, or a cluster that lacks it where others have it.
    """
    with path.open("rb") as file:
        walk = _Walk(file, path, check_crcs)
        for damage in walk.damage():
            raise damage.error
        return walk.clusters_with_crc


def damaged_ranges(path: Path) -> list[DamagedRange]:
    """Find all that :func:`check_matroska` would raise, in the order of the file.

    Raises:
        CorruptDataError: there is no Matroska segment, or more damage than can be kept.
    """
    with path.open("rb") as file:
        found = list(islice(_Walk(file, path, check_crcs=True).damage(), MAX_DAMAGED + 1))
    if len(found) > MAX_DAMAGED:
        raise CorruptDataError(f"{path}: it is damaged in more than {MAX_DAMAGED} places")
    return sorted(found, key=lambda damage: damage.start)


class _Walk:
    """One pass over the top of a file."""

    def __init__(self, file: BinaryIO, path: Path, check_crcs: bool) -> None:
        self._file, self._path, self._check_crcs = file, path, check_crcs
        self._end = path.stat().st_size
        self._time: float | None = None
        """Seconds of the cluster reached."""
        self._without_crc: list[DamagedRange] = []
        self.clusters_with_crc = 0

    def damage(self) -> Iterator[DamagedRange]:
        segment = self._find_segment()
        segment_end = self._end if segment.size is None else segment.data + segment.size
        position, ends_early = segment.data, False
        while position < self._end and position != segment_end:
            element = read_header(self._file, position)
            if element is not None and element.identifier == elements.CLUSTER:
                time = _cluster_time(self._file, element)
                self._time = self._time if time is None else time
            error = self._fault(position, element, segment)
            end = self._end_of(position, element, error)
            if error is not None:
                found = self._ranged(error, position, end, element)
                ends_early = isinstance(found.error, TruncatedError)
                yield found
            position = end
        if segment_end > self._end and not ends_early:
            yield self._ranged(self._missing(segment_end), self._end, self._end, None)
        if segment_end < position:
            error = CorruptDataError(f"{self._path}: an element crosses the end of its segment{self._where()}")
            yield self._ranged(error, segment.data, segment.data, segment)
        if self.clusters_with_crc:
            yield from self._without_crc

    def _find_segment(self) -> Element:
        position = 0
        while position < self._end:
            element = read_header(self._file, position)
            if element is None:
                raise self._broken_header(position)
            if element.identifier == elements.SEGMENT:
                return element
            position = element.data + (element.size or 0)
            if position > self._end:
                raise self._missing(position)
        raise CorruptDataError(f"{self._path}: there is no Matroska segment")

    def _fault(
        self, position: int, element: Element | None, segment: Element
    ) -> CorruptDataError | TruncatedError | None:
        """Say what is wrong with an element."""
        if element is None:
            return self._broken_header(position)
        if element.size is not None and element.data + element.size > self._end:
            return self._missing(element.data + element.size)
        if not _is_known(element, segment):
            name = f"{element.identifier:X}"
            return CorruptDataError(f"{self._path}: a segment cannot have an element {name}{self._where()}")
        if element.identifier in _MASTERS and element.size is not None:
            return self._wrong_crc(element, position)
        return None

    def _end_of(self, position: int, element: Element | None, error: Exception | None) -> int:
        """Where to go on: behind an element, or, where its size is not to be trusted, at the next that looks whole."""
        if element is None:
            return self._next_master(position + 2)
        end = element.data + (element.size or 0)
        if error is None:
            return end
        if element.identifier in _MASTERS and self._goes_on(end):
            return end
        return self._next_master(element.data if element.identifier in _MASTERS else position + 2)

    def _next_master(self, position: int) -> int:
        """Find the next level 1 element from a position on; the end of the file where there is none."""
        while position < self._end:
            self._file.seek(position)
            window = self._file.read(_READ_SIZE)
            for found in _BEGINNINGS.finditer(window):
                if self._is_master(position + found.start()):
                    return position + found.start()
            position += max(1, len(window) - MAX_ID_BYTES + 1)
        return self._end

    def _goes_on(self, position: int) -> bool:
        """Whether the file ends here, or a level 1 element begins, with or without padding before it."""
        while position < self._end:
            element = read_header(self._file, position)
            if element is None or element.identifier != VOID or element.size is None:
                return self._is_master(position)
            position = element.data + element.size
        return position == self._end

    def _is_master(self, position: int) -> bool:
        """Whether a level 1 element begins here, going by its name, its size and its first child."""
        element = read_header(self._file, position)
        if element is None or element.identifier not in _MASTERS:
            return False
        if element.size is not None and element.data + element.size > self._end:
            return False
        first = read_header(self._file, element.data)
        if first is None:
            return False
        return _is_crc(first) or (element.identifier == elements.CLUSTER and first.identifier == _TIMESTAMP)

    def _ranged(
        self, error: CorruptDataError | TruncatedError, start: int, end: int, element: Element | None
    ) -> DamagedRange:
        """Describe damage; an element is only too long for the file if nothing comes behind it any more."""
        if isinstance(error, TruncatedError) and end < self._end:
            error = CorruptDataError(f"{self._path}: an element has a wrong size{self._where()}")
        following = read_header(self._file, end) if end < self._end else None
        is_cluster = element is not None and element.identifier == elements.CLUSTER
        is_master = element is not None and element.identifier in _MASTERS
        return DamagedRange(
            error=error,
            start=start,
            end=end,
            seconds=self._time,
            has_blocks=is_cluster or not is_master,
            is_readable=element is not None and is_master and self._adds_up(element, end),
            until=_cluster_time(self._file, following) if following else None,
        )

    def _adds_up(self, master: Element, end: int) -> bool:
        """Whether the elements inside one follow each other up to its end; without Tracks nothing can be read."""
        if master.identifier != elements.CLUSTER:
            return master.identifier == elements.TRACKS
        position = master.data
        while position < end:
            element = read_header(self._file, position)
            if element is None or element.size is None or element.identifier not in _IN_CLUSTER | {VOID, CRC32}:
                return False
            position = element.data + element.size
        return position == end

    def _broken_header(self, position: int) -> CorruptDataError | TruncatedError:
        self._file.seek(position)
        if self._end - position < MAX_ID_BYTES + MAX_VINT_BYTES and self._file.read(1) != b"\0":
            return TruncatedError(f"{self._path}: the file ends inside the header of an element{self._where()}")
        return CorruptDataError(f"{self._path}: there is no EBML element at byte {position}{self._where()}")

    def _missing(self, wanted: int) -> TruncatedError:
        return TruncatedError(f"{self._path}: the file ends {wanted - self._end} bytes early{self._where()}")

    def _where(self) -> str:
        return "" if self._time is None else f", in or after the cluster at {self._time:.3f} s"

    def _wrong_crc(self, master: Element, position: int) -> CorruptDataError | None:
        """Count clusters with a CRC-32, and say which element does not match its own."""
        is_cluster = master.identifier == elements.CLUSTER
        size = master.size or 0
        name = f"the cluster at {self._time:.3f} s" if is_cluster and self._time is not None else None
        name = name or f"the element {_MASTERS[master.identifier]}"
        first = read_header(self._file, master.data)
        if first is None or not _is_crc(first) or size < _CRC_ELEMENT_SIZE:
            if is_cluster:
                error = CorruptDataError(f"{self._path}: {name} has lost its CRC-32, which others have")
                self._without_crc.append(self._ranged(error, position, master.data + size, master))
            return None
        self.clusters_with_crc += is_cluster
        if not self._check_crcs:
            return None
        self._file.seek(first.data)
        stored = int.from_bytes(self._file.read(4), "little")
        if stored == _crc32(self._file, master.data + size - first.data - 4):
            return None
        return CorruptDataError(f"{self._path}: {name} does not match its CRC-32")


def _is_crc(element: Element) -> bool:
    return element.identifier == CRC32 and element.size == _CRC_SIZE


def _is_known(element: Element, segment: Element) -> bool:
    if element.identifier in _LEVEL_1 or element.identifier in _IN_CLUSTER:
        return True
    return segment.size is None and element.identifier in (elements.EBML, elements.SEGMENT)


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
