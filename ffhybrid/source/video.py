"""Source video as integer 4:2:0 pictures with timestamps, decoded and filtered through PyAV."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import cast

import av

from ffhybrid.core.closing import Closing
from ffhybrid.core.frames import PIXEL_FORMATS, SAME_SAMPLES, colour_of, frame_picture, is_420
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.core.presentation import Presentation
from ffhybrid.core.time_range import TimeRange
from ffhybrid.errors import CorruptDataError, UnsupportedError, UsageError
from ffhybrid.muxer.libav.stream_facts import StreamFacts, stream_facts
from ffhybrid.muxer.reading.inputs import open_media
from ffhybrid.muxer.streams.cutting import Cut
from ffhybrid.muxer.streams.selection import StreamOptions, choose
from ffhybrid.muxer.streams.values import is_cover
from ffhybrid.source import hdr
from ffhybrid.source.filter_chain import FilterChain, FilteredStream, Link, with_cropping
from ffhybrid.source.scene_cuts import SceneMeter
from ffhybrid.source.seeking import decoded_from, trimmed

logger = logging.getLogger(__name__)

MAX_SIDE = 16384
INTERLACED = range(2, 6)
"""Values of ``AVCodecContext.field_order`` of pictures that consist of fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """Which pictures are decoded, and what is made of them before anything else sees them.

    ``time_range`` is a part of the file, exact to the picture; filters see nothing else. ``filters`` is a chain of
    libavfilter; ``pixel_format`` (``yuv420p`` or ``yuv420p10le``) asks for a conversion, without which pictures that
    are not 4:2:0 of 8 or 10 bits are refused.
    """

    time_range: TimeRange = field(default_factory=TimeRange)
    filters: str | None = None
    pixel_format: str | None = None

    def __post_init__(self) -> None:
        if self.pixel_format not in (None, *PIXEL_FORMATS.values()):
            raise UsageError(f"-pix_fmt {self.pixel_format}: pictures can be {' or '.join(PIXEL_FORMATS.values())}")


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What the encoder needs to know before the first frame.

    ``spec`` has even sides: HEVC 4:2:0 has no odd ones, so an odd last row or column is repeated once.
    """

    spec: PictureSpec
    frame_rate: Fraction
    time_base: Fraction
    sample_aspect_ratio: Fraction
    presentation: Presentation


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """One picture, its timestamp and duration in the source's time base, and how much of a scene cut it is.

    ``scene_score`` is FFmpeg's ``lavfi.scd.score``: 0 for no change, or where nobody looked, 100 for a complete one.
    ``sei`` are SEI NAL units that its access unit keeps (HDR10+).
    """

    picture: Picture
    pts: int
    duration: int
    scene_score: float = 0.0
    sei: tuple[bytes, ...] = ()


class VideoSource(Closing):
    """The first video stream of those that ``streams`` choose, as ``options`` have it; a context manager.

    ``level`` of :mod:`logging` is how loudly it is said what cannot be kept of the source.

    Raises:
        CorruptDataError: there is no video, or its first picture does not decode.
        UsageError: no video is chosen, filters that FFmpeg does not take, or a time range without a picture.
        UnsupportedError: the picture is beyond what HEVC level 6.2 can hold, interlaced, or of a pixel format that
            nobody asked to convert.
    """

    def __init__(
        self,
        path: Path,
        *,
        streams: StreamOptions | None = None,
        options: SourceOptions | None = None,
        level: int = logging.WARNING,
    ) -> None:
        self.path = path
        self._level = level
        self._options = options or SourceOptions()
        self._is_sought = False
        self._container = open_media(path, otherwise=CorruptDataError)
        try:
            if all(map(is_cover, self._container.streams.video)):
                raise CorruptDataError(f"{path}: there is no video stream")
            self._stream, _, _ = choose(list(self._container.streams), streams or StreamOptions(), name=str(path))
            self._stream.thread_type = "AUTO"
            self._metadata = hdr.DynamicMetadata(self._stream, name=str(path), level=level)
            self._open()
        except BaseException:
            self._container.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _open(self) -> None:
        """Decode and filter up to the first picture, which tells what the others are like."""
        self._facts = stream_facts(self._stream, level=self._level)
        context = self._stream.codec_context
        if not 16 <= context.width <= MAX_SIDE or not 16 <= context.height <= MAX_SIDE:
            raise self._no_size(context.width, context.height)
        if context.field_order in INTERLACED and not self._options.filters:
            raise self._interlaced("as its header says")
        self._cut = Cut.of(self._container, self._options.time_range)
        frames, made = self._pictures(self._cut.first)
        first = next(frames, None)
        if first is None:
            raise self._no_picture()
        self._frames: Iterator[av.VideoFrame] = chain([first], frames)
        self._scenes = SceneMeter(first)
        self.info = self._describe(first, made, self._facts)

    def _no_picture(self) -> CorruptDataError | UsageError:
        if self._cut.is_whole:
            return CorruptDataError(f"{self.path}: no picture comes out of the video")
        return UsageError(f"{self.path}: there is no picture from {self._options.time_range}")

    def _pictures(self, start: Fraction | None) -> tuple[Iterator[av.VideoFrame], FilteredStream]:
        """Decode from a time in the container, None for where it stands, through the filters."""
        filters = with_cropping(self._facts.cropping, self._options.filters)
        frames = self._decode() if start is None else decoded_from(self._container, self._stream, self._decode, start)
        if not self._cut.is_whole:
            frames = trimmed(frames, self._cut, cast(Fraction, self._stream.time_base), name=str(self.path))
        decoded = self._of_one_size(frames)
        return self._filtered(decoded, filters) if filters else (decoded, self._unfiltered())

    def _unfiltered(self) -> FilteredStream:
        stream = self._stream
        return FilteredStream(
            frame_rate=stream.average_rate or stream.guessed_rate or Fraction(25),
            sample_aspect_ratio=stream.sample_aspect_ratio or Fraction(1),
        )

    def _filtered(
        self, decoded: Iterator[av.VideoFrame], filters: str
    ) -> tuple[Iterator[av.VideoFrame], FilteredStream]:
        first = next(decoded, None)
        if first is None:
            return decoded, self._unfiltered()
        before = self._unfiltered()
        link = Link(
            width=first.width,
            height=first.height,
            pix_fmt=first.format.name,
            time_base=cast(Fraction, self._stream.time_base),
            frame_rate=before.frame_rate,
            sample_aspect_ratio=before.sample_aspect_ratio,
            colour=(first.color_primaries, first.color_trc, first.colorspace, first.color_range),
        )
        filtering = FilterChain(filters, link)
        return self._of_one_size(filtering.through(chain([first], decoded))), filtering.outcome

    def _describe(self, first: av.VideoFrame, made: FilteredStream, facts: StreamFacts) -> SourceInfo:
        width, height = first.width, first.height
        if not 16 <= width <= MAX_SIDE or not 16 <= height <= MAX_SIDE:
            raise self._no_size(width, height)
        if width % 2 or height % 2:
            logger.log(
                self._level,
                "%s: %dx%d is odd, and HEVC 4:2:0 has even sizes only: the last row or column is repeated",
                self.path,
                width,
                height,
            )
        return SourceInfo(
            spec=PictureSpec(width + width % 2, height + height % 2, self._bit_depth(first), colour_of(first)),
            frame_rate=made.frame_rate,
            time_base=cast(Fraction, first.time_base),
            sample_aspect_ratio=made.sample_aspect_ratio,
            presentation=Presentation(
                chroma_location=facts.chroma_location if is_420(first.format) else None,
                orientation=facts.orientation,
                mastering_display=hdr.mastering_display(first),
                content_light=hdr.content_light(first),
            ),
        )

    def _no_size(self, width: int, height: int) -> UnsupportedError:
        return UnsupportedError(f"{self.path}: {width}x{height} is no size that can be coded")

    def _interlaced(self, where: str) -> UnsupportedError:
        return UnsupportedError(
            f"{self.path}: the video is interlaced {where}, and only whole pictures can be encoded; "
            "-vf bwdif deinterlaces it"
        )

    def _bit_depth(self, frame: av.VideoFrame) -> int:
        name, wanted = frame.format.name, self._options.pixel_format
        if wanted is not None:
            return SAME_SAMPLES[wanted]
        if name not in SAME_SAMPLES:
            raise UnsupportedError(
                f"{self.path}: the pictures are {name}, and hybrid files hold 4:2:0 of 8 or 10 bits; "
                f"-pix_fmt {' or '.join(PIXEL_FORMATS.values())} converts them"
            )
        return SAME_SAMPLES[name]

    def frames(self, *, limit: int | None = None) -> Iterator[SourceFrame]:
        """Give frames in presentation order, at most ``limit`` of them; once.

        Raises:
            CorruptDataError: timestamps that do not increase, or data that do not decode.
            UnsupportedError: an interlaced picture, a change of size, or tools that FFmpeg does not decode.
        """
        for frame, pts in islice(self._timed(), limit):
            yield replace(self._source_frame(frame, pts), scene_score=self._scenes.score(frame))

    def frames_between(self, first: int, last: int) -> Iterator[SourceFrame]:
        """Decode the frames from one timestamp to another, both included, without looking for scene cuts.

        Raises:
            CorruptDataError, UnsupportedError: as :meth:`frames`.
        """
        for frame, pts in self._timed():
            if pts > last:
                return
            if pts >= first:
                yield self._source_frame(frame, pts)

    def seek(self, pts: int) -> None:
        """Go on decoding with a keyframe at or before a time; not every container finds the right one.

        Filters begin anew there: those that count pictures or look back give others than from the beginning.

        Raises:
            UnsupportedError: the file cannot seek.
        """
        self._is_sought = True
        base = cast(Fraction, self._stream.time_base)
        seconds = pts * self.info.time_base + self._cut.shift
        try:
            self._container.seek(round(seconds / base), stream=self._stream)
        except av.error.FFmpegError as error:
            raise UnsupportedError(f"{self.path}: cannot seek: {error}") from error
        self._frames, _ = self._pictures(None)

    def _timed(self) -> Iterator[tuple[av.VideoFrame, int]]:
        """Give every frame its timestamp."""
        frame_duration = self._frame_duration()
        previous: int | None = None
        for index, frame in enumerate(self._frames):
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

    def _source_frame(self, frame: av.VideoFrame, pts: int) -> SourceFrame:
        picture = frame_picture(frame, self.info.spec)
        return SourceFrame(picture, pts, frame.duration or self._frame_duration(), sei=self._metadata.of(frame))

    def _frame_duration(self) -> int:
        return max(1, round(1 / (self.info.frame_rate * self.info.time_base)))

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Decode frames, with the HDR10+ of their packets."""
        try:
            for packet in self._container.demux(self._stream):
                self._metadata.attach(packet)
                yield from packet.decode()
        except av.error.InvalidDataError as error:
            raise CorruptDataError(f"{self.path}: the video does not decode: {error}") from error
        except (av.error.NotImplementedError, av.error.PatchWelcomeError) as error:
            raise UnsupportedError(f"{self.path}: FFmpeg does not decode what the video uses: {error}") from error

    def _of_one_size(self, frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        size: tuple[int, int] | None = None
        for frame in frames:
            size = size or (frame.width, frame.height)
            if (frame.width, frame.height) != size:
                raise UnsupportedError(
                    f"{self.path}: the picture size changes to {frame.width}x{frame.height} at {frame.time} s"
                )
            yield frame
