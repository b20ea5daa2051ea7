"""Reading on behind damage: what a demultiplexer is shown of a damaged file, and which of its packets can be used.

Known damage of Matroska files (:mod:`ffhybrid.muxer.matroska.integrity`) is told to GOPs when the packets behind it
come. Where its elements do not add up any more, it is covered by a Void element, so that FFmpeg finds the next cluster.
"""

from __future__ import annotations

import io
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import av

from ffhybrid.muxer.carriage import BINDING_UUID, PAYLOAD_UUID
from ffhybrid.muxer.matroska.blocks import MAX_RELATIVE
from ffhybrid.muxer.matroska.damaged_range import DamagedRange
from ffhybrid.muxer.matroska.ebml import void_header

_READ_SIZE = 1 << 20
_REACH = Fraction(MAX_RELATIVE, 1000)
"""Seconds from the first block of a cluster to the last."""
_LEAST_VOID, _MAX_HEADER = 2, 9
_MOST_LOST = 1000
"""Placeholders that are counted in one range."""


class Lost(NamedTuple):
    """How many placeholders and payloads lie in damage, by the messages that each of them has."""

    placeholders: int
    payloads: int


class CoveredFile(io.RawIOBase):
    """A file as FFmpeg is to see it, without the ranges whose elements do not add up."""

    def __init__(self, path: Path, ranges: Sequence[DamagedRange]) -> None:
        super().__init__()
        self.name = str(path)
        self._file = path.open("rb")
        self._starts = [damage.start for damage in ranges]
        self._headers = [void_header(damage.end - damage.start) for damage in ranges]

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read, with the headers of Void elements where damage begins."""
        at = self._file.tell()
        count = self._file.readinto(buffer)
        reached = slice(bisect_left(self._starts, at - _MAX_HEADER), bisect_left(self._starts, at + count))
        for start, header in zip(self._starts[reached], self._headers[reached], strict=True):
            first, last = max(start, at), min(start + len(header), at + count)
            if first < last:
                buffer[first - at : last - at] = header[first - start : last - start]
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Seek."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Position in the file."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def covered(path: Path, ranges: Sequence[DamagedRange]) -> CoveredFile | None:
    """Open a file with its unreadable ranges covered; None where there are none, and FFmpeg can read it by itself."""
    unreadable = [
        damage
        for damage in ranges
        if not damage.is_readable and not damage.is_end and damage.end - damage.start >= _LEAST_VOID
    ]
    return CoveredFile(path, unreadable) if unreadable else None


class DamageWatch:
    """Follows the packets of a file past its damage.

    ``ranges`` are what is known of it, in the order of the file ``path``; ``video`` are the indices of the streams of
    pictures and payloads.
    """

    def __init__(self, path: Path, ranges: Sequence[DamagedRange], *, video: set[int]) -> None:
        self._path, self._video = path, video
        self._ahead = deque(damage for damage in ranges if not damage.is_end)
        self._ends = [damage for damage in ranges if damage.is_end]
        self._current: DamagedRange | None = None
        self._last_position = -1
        self._last_times: dict[int, Fraction] = {}

    def before(self, packet: av.Packet[Any]) -> Iterator[tuple[DamagedRange, Lost]]:
        """Give the damage that begins before a packet, once."""
        position = -1 if packet.pos is None else packet.pos
        while self._ahead and self._ahead[0].start <= position:
            self._current = self._ahead.popleft()
            yield self._current, self._lost_in(self._current)
        self._last_position = max(self._last_position, position)

    def rest(self) -> Iterator[tuple[DamagedRange, Lost]]:
        """Give the damage behind the last packet; a cluster of which nothing came was to begin with a placeholder."""
        for damage in self._ahead:
            yield damage, self._lost_in(damage)
        for damage in self._ends:
            is_cluster = damage.has_blocks and damage.end > damage.start
            yield damage, Lost(int(is_cluster and self._last_position < damage.start), 0)

    def drops(self, packet: av.Packet[Any]) -> bool:
        """Whether a packet lies in known damage, and cannot be used.

        What plays beside the video is used if its time is possible: players get over a click.
        """
        index = packet.stream.index
        time = Fraction((packet.pts or 0) * (packet.time_base or 0))
        damage = self._current
        is_inside = damage is not None and damage.holds(packet.pos)
        if is_inside and (index in self._video or not self._is_possible(index, time)):
            return True
        self._last_times[index] = time
        return False

    def _is_possible(self, index: int, time: Fraction) -> bool:
        last = self._last_times.get(index)
        until = self._current.until if self._current else None
        end = (last or 0) + _REACH if until is None else Fraction(until)
        return (time >= 0 if last is None else time > last) and time < end

    def _lost_in(self, damage: DamagedRange) -> Lost:
        if not damage.has_blocks:
            return Lost(0, 0)
        overlap = len(BINDING_UUID) - 1
        placeholders = payloads = 0
        with self._path.open("rb") as file:
            for at in range(damage.start, damage.end, _READ_SIZE):
                data = _read(file, at, min(damage.end, at + _READ_SIZE + overlap))
                placeholders += data.count(BINDING_UUID)
                payloads += data.count(PAYLOAD_UUID)
        return Lost(min(_MOST_LOST, placeholders), min(_MOST_LOST, payloads))


def begins_gop(packet: av.Packet[Any]) -> bool:
    """Whether a packet that does not parse is, or holds, a placeholder."""
    data = bytes(packet)
    return packet.is_keyframe or BINDING_UUID in data or PAYLOAD_UUID in data


def _read(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)
