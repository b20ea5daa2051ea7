"""Writing the GOPs of an encode with all that plays beside them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from ffhybrid.errors import EncoderError
from ffhybrid.gop import HybridGop
from ffhybrid.gop_encoder import EncodeOptions
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.libav import LibavWriter
from ffhybrid.muxer.matroska import MatroskaWriter
from ffhybrid.muxer.tracks import VideoTrack
from ffhybrid.source import VideoSource
from ffhybrid.streams import CompanionSource
from ffhybrid.targets import check_target, is_matroska_target, open_writer

ENCODER_TAG = {"ENCODER": "ffhybrid"}


class GopWriter:
    """Writes GOPs of ``source`` into ``target``, which becomes ``output``; a context manager.

    Tracks, attachments, chapters and tags of the source come along as the options say. ``end`` is where the last GOP
    ends, in seconds.

    Raises:
        UnsupportedError, UsageError: streams that the output does not take, or that do not exist.
    """

    def __init__(self, source: Path, target: Path, output: Path, options: EncodeOptions) -> None:
        self._target = target
        self._output = output
        self._options = options
        self._stack = ExitStack()
        self._writer: MatroskaWriter | LibavWriter | None = None
        self._first: HybridGop | None = None
        self.end = Fraction(0)
        for_matroska = is_matroska_target(output, options.container_format)
        with ExitStack() as opened:
            self._beside = opened.enter_context(
                CompanionSource.open(source, options.streams, for_matroska=for_matroska)
            )
            tags = {**self._beside.companions.tags, **ENCODER_TAG}
            self._companions = replace(self._beside.companions, tags=tags)
            check_target(output, options.container_format, self._companions)
            with VideoSource(source, streams=options.streams) as video:
                self.info = video.info
            self._stack = opened.pop_all()

    def __enter__(self) -> GopWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, gop: HybridGop) -> None:
        """Write the next GOP, after the packets that begin before it ends.

        Raises:
            EncoderError: it has other parameter sets than the first.
        """
        if self._writer is None or self._first is None:
            self._writer, self._first = self._open(gop), gop
        if gop.parameter_sets != self._first.parameter_sets:
            start = float(gop.placeholder.pts * gop.time_base)
            raise EncoderError(f"{self._output}: x265 changed the parameter sets in the GOP at {start:.3f} s")
        self.end = (gop.placeholder.pts + gop.duration) * gop.time_base
        for packet in self._beside.before(self.end):
            self._writer.write_packet(packet)
        self._writer.write_gop(gop)

    def finish(self) -> None:
        """Write the packets that begin after the last GOP, unless the user cut the video short."""
        if self._writer is None or self._options.frames is not None:
            return
        for packet in self._beside.rest():
            self._writer.write_packet(packet)

    def _open(self, first: HybridGop) -> MatroskaWriter | LibavWriter:
        return self._stack.enter_context(
            open_writer(
                self._target,
                self._output,
                video=self._video_track(first),
                companions=self._companions,
                time_base=first.time_base,
                carriage=self._options.carriage or Carriage.TRACK,
                container_format=self._options.container_format,
            )
        )

    def _video_track(self, first: HybridGop) -> VideoTrack:
        info = self.info
        durations = {unit.duration for unit in first.access_units}
        return VideoTrack(
            parameter_sets=first.parameter_sets,
            width=info.spec.width,
            height=info.spec.height,
            sample_aspect_ratio=info.sample_aspect_ratio,
            frame_rate=info.frame_rate if len(durations) <= 2 else None,
            colour=info.spec.colour,
            labels=self._beside.video,
        )
