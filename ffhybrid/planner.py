"""Cutting the source into closed GOPs: at scene cuts, after ``-g`` frames, and before 30 seconds are over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from ffhybrid.picture import Picture, PictureSpec, Plane
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

    ``pts`` and ``durations`` count units of ``time_base``, one entry a frame.
    """

    index: int
    path: Path
    spec: PictureSpec
    frame_rate: Fraction
    sample_aspect_ratio: Fraction
    time_base: Fraction
    pts: tuple[int, ...]
    durations: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def start_seconds(self) -> float:
        """Timestamp of the keyframe."""
        return float(self.pts[0] * self.time_base)

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


def write_planes(file: BinaryIO, picture: Picture) -> None:
    """Append the planes of a picture, tightly packed."""
    for plane in picture.planes:
        file.write(np.ascontiguousarray(plane).data)


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
    for index, members in groupby(_numbered(frames, info, limits), key=itemgetter(0)):
        yield index, (frame for _, frame in members)


def spool(index: int, frames: Iterable[SourceFrame], info: SourceInfo, directory: Path) -> SourceGop:
    """Write the frames of one GOP into a file in ``directory``."""
    path = directory / f"gop-{index:05}.yuv"
    pts, durations = [], []
    with path.open("wb") as file:
        for frame in frames:
            write_planes(file, frame.picture)
            pts.append(frame.pts)
            durations.append(frame.duration)
    return SourceGop(
        index=index,
        path=path,
        spec=info.spec,
        frame_rate=info.frame_rate,
        sample_aspect_ratio=info.sample_aspect_ratio,
        time_base=info.time_base,
        pts=tuple(pts),
        durations=tuple(durations),
    )


def _numbered(frames: Iterable[SourceFrame], info: SourceInfo, limits: GopLimits) -> Iterator[tuple[int, SourceFrame]]:
    """Give every frame the index of its GOP."""
    max_span = int(MAX_GOP_SECONDS / info.time_base)
    index = length = start = 0
    for frame in frames:
        is_cut = length >= limits.minimum and 0 < limits.scene_threshold <= frame.scene_score
        is_full = length >= limits.length or frame.pts + frame.duration - start > max_span
        if length and (is_cut or is_full):
            index, length = index + 1, 0
        if not length:
            start = frame.pts
        length += 1
        yield index, frame
