"""Source video as integer 4:2:0 pictures with timestamps, decoded through PyAV."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import cast

import av
import numpy as np
from av.filter import Graph

from ffhybrid.decoding import plane_samples
from ffhybrid.errors import CorruptDataError, UnsupportedError
from ffhybrid.media import open_media
from ffhybrid.muxer.stream_map import StreamOptions, choose
from ffhybrid.muxer.streams import is_cover
from ffhybrid.picture import Colour, Picture, PictureSpec, Plane

logger = logging.getLogger(__name__)

MAX_SIDE = 16384
FULL_RANGE = 2
SMPTE170M = 6
INTERLACED = range(2, 6)
"""Values of ``AVCodecContext.field_order`` of pictures that consist of fields."""
SCENE_METER_WIDTH = 320
DIRECT_FORMATS = {"yuv420p": 8, "yuvj420p": 8, "yuv420p10le": 10}
PIXEL_FORMATS = {8: "yuv420p", 10: "yuv420p10le"}


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What the encoder needs to know before the first frame.

    ``spec`` has even sides: HEVC 4:2:0 has no odd ones, so an odd last row or column is repeated once.
    ``duration`` is in seconds, None where the container does not say.
    """

    spec: PictureSpec
    frame_rate: Fraction
    time_base: Fraction
    sample_aspect_ratio: Fraction
    duration: float | None


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """One picture, its timestamp and duration in the source's time base, and how much of a scene cut it is.

    ``scene_score`` is FFmpeg's ``lavfi.scd.score``: 0 for no change, or where nobody looked, 100 for a complete one.
    """

    picture: Picture
    pts: int
    duration: int
    scene_score: float = 0.0


class SceneMeter:
    """Scores scene changes with FFmpeg's ``scdet`` filter on reduced luma pictures."""

    def __init__(self, template: av.VideoStream) -> None:
        graph = Graph()
        source = graph.add_buffer(template=template)
        width = min(SCENE_METER_WIDTH, template.width)
        scale = graph.add("scale", f"{width}:-2")
        detector = graph.add("scdet")
        sink = graph.add("buffersink")
        graph.link_nodes(source, scale, detector, sink).configure()
        self._graph = graph

    def score(self, frame: av.VideoFrame) -> float:
        """Change from the previous frame to this one, 0 to 100."""
        self._graph.vpush(frame)
        return float(self._graph.vpull().metadata.get("lavfi.scd.score", 0.0))


class VideoSource:
    """The first video stream of those that ``streams`` choose; a context manager.

    Raises:
        CorruptDataError: there is no video.
        UsageError: none is chosen.
        UnsupportedError: the picture is beyond what HEVC level 6.2 can hold, or interlaced.
    """

    def __init__(self, path: Path, *, streams: StreamOptions | None = None) -> None:
        self.path = path
        self._is_sought = False
        self._container = open_media(path, otherwise=CorruptDataError)
        try:
            if all(map(is_cover, self._container.streams.video)):
                raise CorruptDataError(f"{path}: there is no video stream")
            self._stream, _, _ = choose(list(self._container.streams), streams or StreamOptions(), name=str(path))
            self._stream.thread_type = "AUTO"
            self.info = self._describe()
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> VideoSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    def _describe(self) -> SourceInfo:
        stream = self._stream
        context = stream.codec_context
        if not 16 <= context.width <= MAX_SIDE or not 16 <= context.height <= MAX_SIDE:
            raise UnsupportedError(f"{self.path}: {context.width}x{context.height} is no size that can be coded")
        if context.field_order in INTERLACED:
            raise self._interlaced("as its header says")
        if context.width % 2 or context.height % 2:
            logger.warning(
                "%s: %dx%d is odd, and HEVC 4:2:0 has even sizes only: the last row or column is repeated",
                self.path,
                context.width,
                context.height,
            )
        duration = None
        if stream.duration and stream.time_base:
            duration = float(stream.duration * stream.time_base)
        elif self._container.duration:
            duration = self._container.duration / av.time_base
        return SourceInfo(
            spec=PictureSpec(
                context.width + context.width % 2,
                context.height + context.height % 2,
                self._bit_depth(context.pix_fmt),
                self._colour(),
            ),
            frame_rate=stream.average_rate or stream.guessed_rate or Fraction(25),
            time_base=cast(Fraction, stream.time_base),
            sample_aspect_ratio=stream.sample_aspect_ratio or Fraction(1),
            duration=duration,
        )

    def _interlaced(self, where: str) -> UnsupportedError:
        return UnsupportedError(
            f"{self.path}: the video is interlaced {where}, and only whole pictures can be encoded; "
            "deinterlace it first, as with ffmpeg -vf bwdif"
        )

    def _colour(self) -> Colour:
        context = self._stream.codec_context
        primaries, transfer = int(context.color_primaries), int(context.color_trc)
        if self._is_rgb(context.pix_fmt):
            return Colour(primaries, transfer, SMPTE170M, False)
        full_range = int(context.color_range) == FULL_RANGE or (context.pix_fmt or "").startswith("yuvj")
        return Colour(primaries, transfer, int(context.colorspace), full_range)

    @staticmethod
    def _is_rgb(pix_fmt: str | None) -> bool:
        return pix_fmt is not None and av.VideoFormat(pix_fmt).is_rgb

    def _bit_depth(self, pix_fmt: str | None) -> int:
        if pix_fmt is None:
            raise CorruptDataError(f"{self.path}: the pixel format of the video is unknown")
        if pix_fmt in DIRECT_FORMATS:
            return DIRECT_FORMATS[pix_fmt]
        depth = 10 if max(part.bits for part in av.VideoFormat(pix_fmt).components) > 8 else 8
        logger.warning("%s: %s is converted to %s", self.path, pix_fmt, PIXEL_FORMATS[depth])
        return depth

    def frames(self, *, limit: int | None = None) -> Iterator[SourceFrame]:
        """Decode frames in presentation order, at most ``limit`` of them.

        Raises:
            CorruptDataError: timestamps that do not increase, a change of size, or data that do not decode.
            UnsupportedError: an interlaced picture.
        """
        meter = SceneMeter(self._stream)
        for frame, pts in islice(self._timed(), limit):
            yield SourceFrame(self._picture(frame), pts, self._duration(frame), meter.score(frame))

    def frames_between(self, first: int, last: int) -> Iterator[SourceFrame]:
        """Decode the frames from one timestamp to another, both included, without looking for scene cuts.

        Raises:
            CorruptDataError, UnsupportedError: as :meth:`frames`.
        """
        for frame, pts in self._timed():
            if pts > last:
                return
            if pts >= first:
                yield SourceFrame(self._picture(frame), pts, self._duration(frame))

    def seek(self, pts: int) -> None:
        """Go on decoding with a keyframe at or before a time; not every container finds the right one.

        Raises:
            UnsupportedError: the file cannot seek.
        """
        self._is_sought = True
        try:
            self._container.seek(pts, stream=self._stream)
        except av.error.FFmpegError as error:
            raise UnsupportedError(f"{self.path}: cannot seek: {error}") from error

    def _timed(self) -> Iterator[tuple[av.VideoFrame, int]]:
        """Decode frames and give each its timestamp."""
        frame_duration = self._frame_duration()
        previous: int | None = None
        for index, frame in enumerate(self._decode()):
            if frame.interlaced_frame:
                raise self._interlaced(f"at {frame.time:.3f} s" if frame.time is not None else "somewhere")
            if frame.pts is None and self._is_sought:
                raise CorruptDataError(f"{self.path}: frames have no timestamps, so none can be sought")
            pts = frame.pts if frame.pts is not None else index * frame_duration
            if previous is not None and pts <= previous:
                seconds = float(pts * self.info.time_base)
                raise CorruptDataError(f"{self.path}: timestamps do not increase at {seconds:.3f} s")
            previous = pts
            yield frame, pts

    def _duration(self, frame: av.VideoFrame) -> int:
        return frame.duration or self._frame_duration()

    def _frame_duration(self) -> int:
        return max(1, round(1 / (self.info.frame_rate * self.info.time_base)))

    def _decode(self) -> Iterator[av.VideoFrame]:
        try:
            yield from self._container.decode(self._stream)
        except av.error.InvalidDataError as error:
            raise CorruptDataError(f"{self.path}: the video does not decode: {error}") from error

    def _picture(self, frame: av.VideoFrame) -> Picture:
        spec = self.info.spec
        if (frame.width + frame.width % 2, frame.height + frame.height % 2) != (spec.width, spec.height):
            raise CorruptDataError(
                f"{self.path}: the picture size changes to {frame.width}x{frame.height} at {frame.time} s"
            )
        if DIRECT_FORMATS.get(frame.format.name) != spec.bit_depth:
            frame = self._converted(frame)
        return frame_picture(frame, spec)

    def _converted(self, frame: av.VideoFrame) -> av.VideoFrame:
        target = PIXEL_FORMATS[self.info.spec.bit_depth]
        if self._is_rgb(frame.format.name):
            return frame.reformat(format=target, dst_colorspace="ITU601", dst_color_range="MPEG")
        return frame.reformat(format=target)


def frame_picture(frame: av.VideoFrame, spec: PictureSpec) -> Picture:
    """Copy the planes of a 4:2:0 frame, repeating an odd last row or column once."""
    planes = []
    for plane, (rows, columns) in zip(frame.planes, spec.plane_shapes, strict=True):
        planes.append(_grown(plane_samples(plane, spec.bit_depth), rows, columns))
    return Picture(planes[0], planes[1], planes[2], spec.bit_depth)


def video_frame(picture: Picture) -> av.VideoFrame:
    """Copy a picture into a frame: the inverse of :func:`frame_picture`."""
    packed = np.concatenate([plane.ravel() for plane in picture.planes]).reshape(-1, picture.width)
    return av.VideoFrame.from_ndarray(packed, format=PIXEL_FORMATS[picture.bit_depth])


def _grown(samples: Plane, rows: int, columns: int) -> Plane:
    missing = ((0, rows - samples.shape[0]), (0, columns - samples.shape[1]))
    return np.ascontiguousarray(np.pad(samples, missing, mode="edge"))
