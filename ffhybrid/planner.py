"""Cutting the source into closed GOPs: at scene cuts, after ``-g`` frames, and before 30 seconds are over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from ffhybrid.picture import Picture, PictureSpec, Plane
from ffhybrid.presentation import Presentation
from ffhybrid.source import SourceFrame, SourceInfo

MAX_GOP_SECONDS = 30
"""A Matroska cluster reaches 32.767 s at millisecond time stamps (RFC 9559 section 10.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GopLimits:
    """``length`` and ``minimum`` count frames; ``scene_threshold`` is a score of 0 to 100, 0 for no scene cuts."""

    length: int = 120
    minimum: int = 12
    scene_threshold: float = 10.0


@dataclass(frozen=True, slots=True)
class SourceGop:
    """The frames of one GOP, spooled as raw planes (Y, Cb, Cr, tightly packed) into ``path``.

    ``pts`` and ``durations`` count units of ``time_base``, one entry a frame; ``sei`` are the SEI NAL units that each
    frame has of its own.
    """

    index: int
    path: Path
    spec: PictureSpec
    frame_rate: Fraction
    sample_aspect_ratio: Fraction
    time_base: Fraction
    presentation: Presentation
    pts: tuple[int, ...]
    durations: tuple[int, ...]
    sei: tuple[tuple[bytes, ...], ...]

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def start_seconds(self) -> float:
        """Timestamp of the keyframe."""
        return float(self.pts[0] * self.time_base)

    @property
    def keyframe_sei(self) -> tuple[bytes, ...]:
        """SEI NAL units of the keyframe: those of the whole video, then its own."""
        return self.presentation.sei() + self.sei[0]

    def picture(self, index: int) -> Picture:
        """Read one frame back."""
        shapes = self.spec.plane_shapes
        counts = [rows * columns for rows, columns in shapes]
        offset = index * sum(counts) * np.dtype(self.spec.dtype).itemsize
        samples = np.fromfile(self.path, self.spec.dtype, count=sum(counts), offset=offset)
        parts = np.split(samples, np.cumsum(counts)[:-1])
        y, cb, cr = (cast(Plane, part.reshape(shape)) for part, shape in zip(parts, shapes, strict=True))
        return Picture(y, cb, cr, self.spec.bit_depth)

    def discard(self) -> None:
        """Remove the spooled frames."""
        self.path.unlink(missing_ok=True)


@dataclass(slots=True)
class _OpenGop:
    file: BinaryIO
    path: Path
    pts: list[int] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)
    sei: list[tuple[bytes, ...]] = field(default_factory=list)

    def append(self, frame: SourceFrame) -> None:
        write_planes(self.file, frame.picture)
        self.pts.append(frame.pts)
        self.durations.append(frame.duration)
        self.sei.append(frame.sei)


def write_planes(file: BinaryIO, picture: Picture) -> None:
    """Append the planes of a picture, tightly packed."""
    for plane in picture.planes:
        file.write(np.ascontiguousarray(plane).data)


class GopPlanner:
    """Spools frames into ``directory`` and closes each GOP as soon as the next one begins.

    Only one frame is held in memory; the caller discards a GOP when it is done with it.
    """

    def __init__(self, info: SourceInfo, directory: Path, *, limits: GopLimits) -> None:
        self._info, self._directory, self._limits = info, directory, limits
        self._max_span = int(MAX_GOP_SECONDS / info.time_base)
        self._current: _OpenGop | None = None
        self._index = 0

    def add(self, frame: SourceFrame) -> SourceGop | None:
        """Take the next frame; give the GOP that ends before it, if one does."""
        is_first = self._current is not None and _begins_gop(frame, self._current, self._limits, self._max_span)
        closed = self.finish() if is_first else None
        if self._current is None:
            path = self._directory / f"gop-{self._index:05}.yuv"
            self._current = _OpenGop(path.open("wb"), path)
        self._current.append(frame)
        return closed

    def finish(self) -> SourceGop | None:
        """Give the last GOP, None if there were no frames."""
        if self._current is None:
            return None
        closed = _closed(self._current, self._index, self._info)
        self._current = None
        self._index += 1
        return closed


def plan_gops(
    frames: Iterable[SourceFrame], info: SourceInfo, directory: Path, *, limits: GopLimits
) -> Iterator[SourceGop]:
    """Yield GOP after GOP as :class:`GopPlanner` closes them."""
    planner = GopPlanner(info, directory, limits=limits)
    for frame in frames:
        closed = planner.add(frame)
        if closed is not None:
            yield closed
    last = planner.finish()
    if last is not None:
        yield last


def _begins_gop(frame: SourceFrame, gop: _OpenGop, limits: GopLimits, max_span: int) -> bool:
    length = len(gop.pts)
    if length >= limits.length or frame.pts + frame.duration - gop.pts[0] > max_span:
        return True
    is_cut = 0 < limits.scene_threshold <= frame.scene_score
    return is_cut and length >= limits.minimum


def _closed(gop: _OpenGop, index: int, info: SourceInfo) -> SourceGop:
    gop.file.close()
    return SourceGop(
        index=index,
        path=gop.path,
        spec=info.spec,
        frame_rate=info.frame_rate,
        sample_aspect_ratio=info.sample_aspect_ratio,
        time_base=info.time_base,
        presentation=info.presentation,
        pts=tuple(gop.pts),
        durations=tuple(gop.durations),
        sei=tuple(gop.sei),
    )
