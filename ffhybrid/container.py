"""``ffhybrid.open``: a hybrid file that decodes like any container of PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path
from types import TracebackType

import av

from ffhybrid.decoding import decode_access_units
from ffhybrid.gop import HybridGop
from ffhybrid.keyframe import restore_gop
from ffhybrid.muxer.reader import HybridReader
from ffhybrid.restoring import located


@dataclass(frozen=True, slots=True)
class VideoStreamInfo:
    """The video stream of a hybrid file; timestamps of its frames count units of ``time_base``."""

    index: int
    width: int
    height: int
    frame_rate: Fraction | None
    time_base: Fraction
    sample_aspect_ratio: Fraction


class HybridContainer:
    """A hybrid file open for decoding; a context manager.

    A container is read once from its beginning: open the file again for a second pass.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._reader = HybridReader(Path(path))
        video = self._reader.video
        self.streams = (
            VideoStreamInfo(
                index=0,
                width=video.width,
                height=video.height,
                frame_rate=video.frame_rate,
                time_base=self._reader.time_base,
                sample_aspect_ratio=video.sample_aspect_ratio,
            ),
        )

    def __enter__(self) -> HybridContainer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def gops(self) -> Iterator[HybridGop]:
        """Yield the GOPs as they lie in the file."""
        return self._reader.gops()

    def decode(self, *, video: int = 0) -> Iterator[av.VideoFrame]:
        """Decode restored frames in output order, GOP after GOP, with the file's timestamps.

        Raises:
            ValueError: a stream other than 0.
            VerificationError: a keyframe or a picture that differs from its hash.
        """
        if video != 0:
            raise ValueError(f"there is one video stream, number 0, not {video}")
        for index, gop in enumerate(self._reader.gops()):
            with located(self._reader.path, index, gop):
                yield from _decode_gop(gop)


def open(path: str | PathLike[str]) -> HybridContainer:  # noqa: A001 - as in av.open
    """Open a hybrid file for decoding."""
    return HybridContainer(path)


def _decode_gop(gop: HybridGop) -> Iterator[av.VideoFrame]:
    restored = restore_gop(gop)
    shown = sorted(unit.pts for unit in gop.access_units)
    units = (unit.nal_units for unit in restored.access_units)
    for frame, pts in zip(decode_access_units(units, restored.parameter_sets), shown, strict=True):
        frame.pts = pts
        frame.time_base = gop.time_base
        yield frame
