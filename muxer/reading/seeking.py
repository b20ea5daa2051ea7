"""Seeking a hybrid file to a keyframe: which packets are to be read again, whatever the container lets FFmpeg find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Any

import av

from ffhybrid.errors import UnsupportedError
from ffhybrid.muxer.carriage import CarriedUnit, binding_tag

STEP = 2
"""Seconds that are sought further back, doubled each time, while no keyframe is found before the time wanted."""


@dataclass(frozen=True, slots=True)
class Sought:
    """Packets from a keyframe on; ``first`` is its own, ``keyframe`` what is in it, None where the file begins later.

    ``end`` is where the last picture ends, in the time base of the video, where that is not behind the time wanted.
    """

    packets: Iterator[av.Packet[Any]]
    first: av.Packet[Any] | None = None
    keyframe: CarriedUnit | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyframeSeeker:
    """Finds the last keyframe at or before a time in an open file.

    ``streams`` are those that are read, ``video`` and ``neural`` among them. ``demux`` reads on; ``keyframe`` takes a
    packet of ``video`` apart that begins a GOP, None where it does not, and ``payload`` one of ``neural``.
    """

    container: av.container.InputContainer
    streams: list[Any]
    video: av.VideoStream
    neural: av.VideoStream | None
    name: str
    demux: Callable[[], Iterator[av.Packet[Any]]]
    keyframe: Callable[[av.Packet[Any]], CarriedUnit | None]
    payload: Callable[[av.Packet[Any]], bytes | None]

    def seek(self, pts: int, *, lead: int = 0) -> Sought:
        """Find it; other streams are read from ``lead`` before ``pts`` on, and given from the keyframe's time on.

        Raises:
            UnsupportedError: the file cannot seek.
        """
        start = self.video.start_time or 0
        back = lead
        while True:
            try:
                self._seek_container(pts - back, start)
            except av.error.FFmpegError as error:
                raise UnsupportedError(f"{self.name}: cannot seek: {error}") from error
            packets = self.demux()
            found = self._from_keyframe(packets, pts, is_beginning=pts - back < start)
            if found is not None:
                return found
            back = max(2 * back, round(STEP / Fraction(self.video.time_base or 1)))

    def _seek_container(self, pts: int, start: int) -> None:
        try:
            self.container.seek(pts, stream=self.video)
        except av.error.FFmpegError:
            # A playlist refuses what lies before its beginning; an MPEG-TS file finds its first packet only from there.
            if pts >= start:
                raise
            self.container.seek(start, stream=self.video)

    def _from_keyframe(self, packets: Iterator[av.Packet[Any]], pts: int, *, is_beginning: bool) -> Sought | None:
        """Read on to the first picture after a time, and begin again with the last keyframe before that.

        Containers without an index seek to any picture. None where there is no such keyframe, and the file begins
        earlier.
        """
        read: list[av.Packet[Any]] = []
        first: av.Packet[Any] | None = None
        keyframe: CarriedUnit | None = None
        end = 0
        passed: set[bytes | None] = set()
        for packet in packets:
            if not packet.size or packet.pts is None:
                continue
            read.append(packet)
            if packet.stream.index != self.video.index:
                continue
            end = max(end, packet.pts + (packet.duration or 1))
            if packet.pts > pts:
                break
            unit = self.keyframe(packet) if packet.is_keyframe else None
            if unit is not None:
                if keyframe is not None and keyframe.binding:
                    passed.add(keyframe.binding)
                first, keyframe = packet, unit
                others = passed - {unit.binding}
                read = [*(before for before in read[:-1] if self._belongs(before, packet, others)), packet]
        if first is None:
            return Sought(chain(read, packets)) if is_beginning else None
        return Sought(chain(read, packets), first, keyframe, end if end <= pts else None)

    def _belongs(self, packet: av.Packet[Any], keyframe: av.Packet[Any], passed: set[bytes | None]) -> bool:
        """Whether a packet that lies before a keyframe belongs to what follows."""
        if packet.stream.index == self.video.index:
            return False
        if self.neural is not None and packet.stream.index == self.neural.index:
            payload = self.payload(packet)
            return payload is not None and binding_tag(payload) not in passed
        times = (Fraction(one.pts or 0) * Fraction(one.time_base or 1) for one in (packet, keyframe))
        return next(times) >= next(times)
