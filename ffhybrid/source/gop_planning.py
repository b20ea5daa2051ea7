"""Cutting the source into closed GOPs: at scene cuts, after ``-g`` frames, and before 30 seconds are over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from ffhybrid.core.source_gop import SourceGop, write_planes
from ffhybrid.muxer.matroska.blocks import MAX_GOP_SECONDS
from ffhybrid.source.video import SourceFrame, SourceInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class GopLimits:
    """``length`` and ``minimum`` count frames; ``scene_threshold`` is a score of 0 to 100, 0 for no scene cuts."""

    length: int = 120
    minimum: int = 12
    scene_threshold: float = 10.0


class GopPlanner:
    """Spools frames into ``directory`` as they are given, and closes each GOP as soon as the next one begins."""

    def __init__(self, info: SourceInfo, directory: Path, *, limits: GopLimits) -> None:
        self._info, self._directory = info, directory
        self._boundaries = _Boundaries(info, limits)
        self._current: _SpooledGop | None = None
        self._index = 0

    def add(self, frame: SourceFrame) -> SourceGop | None:
        """Take the next frame; give the GOP that ends before it, if one does."""
        closed = self.finish() if self._boundaries.begins_gop(frame) else None
        self._current = self._current or _SpooledGop(self._index, self._info, self._directory)
        self._current.append(frame)
        return closed

    def finish(self) -> SourceGop | None:
        """Give the last GOP, None if there were no frames."""
        if self._current is None:
            return None
        closed = self._current.close()
        self._current = None
        self._index += 1
        return closed


def plan_gops(
    frames: Iterable[SourceFrame], info: SourceInfo, directory: Path, *, limits: GopLimits
) -> Iterator[SourceGop]:
    """Spool frames into ``directory`` and yield each GOP as soon as the next one begins.

    Only one frame is held in memory; the caller discards a GOP when it is done with it.
    """
    for index, members in grouped(frames, info, limits=limits):
        yield spool(index, members, info, directory)


def grouped(
    frames: Iterable[SourceFrame], info: SourceInfo, *, limits: GopLimits
) -> Iterator[tuple[int, Iterator[SourceFrame]]]:
    """Yield the index and the frames of each GOP; frames not taken are passed over."""
    for index, members in groupby(_numbered(frames, _Boundaries(info, limits)), key=itemgetter(0)):
        yield index, (frame for _, frame in members)


def spool(index: int, frames: Iterable[SourceFrame], info: SourceInfo, directory: Path) -> SourceGop:
    """Write the frames of one GOP into a file in ``directory``."""
    gop = _SpooledGop(index, info, directory)
    try:
        for frame in frames:
            gop.append(frame)
    finally:
        closed = gop.close()
    return closed


class _SpooledGop:
    """A GOP whose frames are being spooled."""

    def __init__(self, index: int, info: SourceInfo, directory: Path) -> None:
        self._index, self._info = index, info
        self._path = directory / f"gop-{index:05}.yuv"
        self._file = self._path.open("wb")
        self._pts: list[int] = []
        self._durations: list[int] = []
        self._sei: list[tuple[bytes, ...]] = []

    def append(self, frame: SourceFrame) -> None:
        write_planes(self._file, frame.picture)
        self._pts.append(frame.pts)
        self._durations.append(frame.duration)
        self._sei.append(frame.sei)

    def close(self) -> SourceGop:
        self._file.close()
        return SourceGop(
            index=self._index,
            path=self._path,
            spec=self._info.spec,
            frame_rate=self._info.frame_rate,
            sample_aspect_ratio=self._info.sample_aspect_ratio,
            time_base=self._info.time_base,
            presentation=self._info.presentation,
            pts=tuple(self._pts),
            durations=tuple(self._durations),
            sei=tuple(self._sei),
        )


class _Boundaries:
    """Decides frame after frame where GOPs begin."""

    def __init__(self, info: SourceInfo, limits: GopLimits) -> None:
        self._limits = limits
        self._max_span = int(MAX_GOP_SECONDS / info.time_base)
        self._length = self._start = 0

    def begins_gop(self, frame: SourceFrame) -> bool:
        """Take the next frame."""
        limits = self._limits
        is_cut = self._length >= limits.minimum and 0 < limits.scene_threshold <= frame.scene_score
        is_full = self._length >= limits.length or frame.pts + frame.duration - self._start > self._max_span
        begins = not self._length or is_cut or is_full
        if begins:
            self._length, self._start = 0, frame.pts
        self._length += 1
        return begins


def _numbered(frames: Iterable[SourceFrame], boundaries: _Boundaries) -> Iterator[tuple[int, SourceFrame]]:
    """Give every frame the index of its GOP."""
    index = -1
    for frame in frames:
        index += boundaries.begins_gop(frame)
        yield index, frame
