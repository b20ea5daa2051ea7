"""Files that are not hybrid, decoded as they are, behind the face of a hybrid one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from ffhybrid.core.closing import Closing
from ffhybrid.core.gop import HybridGop
from ffhybrid.errors import CorruptDataError, NotHybridError, UnsupportedError
from ffhybrid.muxer.reading.inputs import open_media
from ffhybrid.muxer.streams.values import is_cover


@dataclass(frozen=True, slots=True)
class VideoStreamInfo:
    """The video stream of a file, by PyAV's names; timestamps of its frames count units of ``time_base``."""

    index: int
    width: int
    height: int
    average_rate: Fraction | None
    time_base: Fraction
    sample_aspect_ratio: Fraction


class Streams(tuple[VideoStreamInfo, ...]):
    """The streams of a file, as PyAV has them: ``streams[0]``, ``streams.video[0]``."""

    __slots__ = ()

    @property
    def video(self) -> tuple[VideoStreamInfo, ...]:
        """Those of pictures, which all of them are."""
        return tuple(self)


class OrdinaryContainer(Closing):
    """An ordinary file open for decoding, with the methods of :class:`ffhybrid.HybridContainer`; a context manager.

    Raises:
        NotHybridError: no media file, or no video.
    """

    is_hybrid = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container = open_media(path, otherwise=NotHybridError)
        video = next((stream for stream in self._container.streams.video if not is_cover(stream)), None)
        if video is None:
            self._container.close()
            raise NotHybridError(f"{path}: there is no video")
        video.thread_type = "AUTO"
        self._video = video
        info = VideoStreamInfo(
            index=0,
            width=video.width,
            height=video.height,
            average_rate=video.average_rate or video.guessed_rate,
            time_base=Fraction(video.time_base or 1),
            sample_aspect_ratio=video.sample_aspect_ratio or Fraction(1),
        )
        self.streams = Streams((info,))

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def gops(self) -> Iterator[HybridGop]:
        """Refuse: there are none.

        Raises:
            NotHybridError: always.
        """
        raise NotHybridError(f"{self._path}: this is no hybrid file")

    def seek(self, offset: int, *, stream: VideoStreamInfo | None = None) -> None:
        """Go to the keyframe at or before a time, in microseconds or in units of the stream's time base.

        Raises:
            UnsupportedError: the file cannot seek.
        """
        try:
            if stream is None:
                self._container.seek(offset)
            else:
                self._container.seek(offset, stream=self._video)
        except av.error.FFmpegError as error:
            raise UnsupportedError(f"{self._path}: cannot seek: {error}") from error

    def decode(self, *, video: int = 0) -> Iterator[av.VideoFrame]:
        """Decode frames in output order.

        Raises:
            ValueError: a stream other than 0.
            CorruptDataError: they do not decode.
        """
        if video != 0:
            raise ValueError(f"there is one video stream, number 0, not {video}")
        try:
            yield from self._container.decode(self._video)
        except av.error.InvalidDataError as error:
            raise CorruptDataError(f"{self._path}: the video does not decode: {error}") from error
