"""Cutting streams to a part of a file: which packets and frames lie in it, and their times from where it begins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import av

from ffhybrid.core.time_range import TimeRange
from ffhybrid.muxer.streams.values import Chapter

LEAD = 1
"""Seconds that streams are read beyond the times wanted: containers interleave them, not to the packet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A part of a file in the time of its container: what begins before ``first`` and from ``end`` on is not in it.

    None of them is the beginning, or the end. ``shift`` is the time that becomes 0. ``begin`` is where the file begins.
    """

    begin: Fraction = Fraction(0)
    first: Fraction | None = None
    end: Fraction | None = None
    shift: Fraction = Fraction(0)

    @classmethod
    def of(cls, container: av.container.InputContainer, time_range: TimeRange) -> Cut:
        """Place a range in an open file, whose streams may begin at any time; that is where the range counts from."""
        begin = Fraction(container.start_time or 0, av.time_base)
        return cls(
            begin=begin,
            first=begin + time_range.start if time_range.start else None,
            end=None if time_range.end is None else begin + time_range.end,
            shift=Fraction(0) if time_range.start is None else begin + time_range.start,
        )

    def from_keyframe(self, time: Fraction) -> Cut:
        """Begin it at another time, which becomes 0; at that of the file nothing is left out."""
        return replace(self, first=time if time > self.begin else None, shift=time)

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the file, with its own times."""
        return self.first is None and self.end is None and not self.shift

    def ticks(self, base: Fraction) -> tuple[int, int, int | None]:
        """Give the shift, and with that taken away the first tick and the one behind the last, in a time base.

        They are rounded as ffmpeg rounds them.
        """
        shift = rounded(self.shift / base)
        end = None if self.end is None else rounded((self.end - self.shift) / base)
        return shift, 0 if self.first is None else rounded((self.first - self.shift) / base), end

    def takes(self, packet: av.Packet[Any]) -> bool:
        """Whether a packet begins in it; one without a time does."""
        time = _time_of(packet)
        if time is None:
            return True
        return (self.first is None or time >= self.first) and (self.end is None or time < self.end)

    def is_behind(self, packet: av.Packet[Any]) -> bool:
        """Whether a packet lies so far behind the end that no more of it will come."""
        time = _time_of(packet)
        return time is not None and self.end is not None and time >= self.end + LEAD

    def chapters(self, chapters: Iterable[Chapter]) -> tuple[Chapter, ...]:
        """Cut and move chapters; those outside are left out."""
        found = []
        for chapter in chapters:
            start = chapter.start if self.first is None else max(chapter.start, self.first)
            end = chapter.end if self.end is None else min(chapter.end, self.end)
            if start < end or self.is_whole:
                found.append(replace(chapter, start=start - self.shift, end=end - self.shift))
        return tuple(found)


def rounded(number: Fraction) -> int:
    """Round to the nearest whole number, halves away from 0, as FFmpeg rescales timestamps."""
    whole = int(abs(number) + Fraction(1, 2))
    return whole if number >= 0 else -whole


def _time_of(packet: av.Packet[Any]) -> Fraction | None:
    ticks = packet.dts if packet.pts is None else packet.pts
    return None if ticks is None else ticks * Fraction(packet.time_base or 1)
