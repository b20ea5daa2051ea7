"""Digest of the frames of a GOP, by which whoever runs a job knows that it decoded what was planned."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from fractions import Fraction

from ffhybrid.farm.jobs import GopRange
from ffhybrid.source.video import SourceFrame


class FrameDigest:
    """SHA-256 of the planes and SEI NAL units of frames, and their times, while they pass by."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._pts: list[int] = []
        self._durations: list[int] = []

    def passing(self, frames: Iterable[SourceFrame]) -> Iterator[SourceFrame]:
        """Give the frames as they come."""
        for frame in frames:
            for plane in frame.picture.planes:
                self._hash.update(plane.data)
            for nal in frame.sei:
                self._hash.update(nal)
            self._pts.append(frame.pts)
            self._durations.append(frame.duration)
            yield frame

    def range(self, *, index: int, first_frame: int, time_base: Fraction) -> GopRange:
        """Describe the frames that passed."""
        return GopRange(
            index=index,
            first_frame=first_frame,
            time_base=time_base,
            pts=tuple(self._pts),
            durations=tuple(self._durations),
            sha256=self._hash.hexdigest(),
        )
