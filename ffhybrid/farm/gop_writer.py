"""Writing the GOPs of an encode with all that plays beside them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from ffhybrid.core.gop import HybridGop
from ffhybrid.errors import EncoderError
from ffhybrid.muxer.output import PendingOutput, Writer
from ffhybrid.muxer.statement import HYBRID_STATEMENT, METRICS_TAG, weights_statement
from ffhybrid.muxer.streams.values import stated
from ffhybrid.options import EncodeOptions
from ffhybrid.source.other_streams import OtherStreamSource
from ffhybrid.source.video import SourceInfo
from ffhybrid.source.video_track import video_track

ENCODER_TAG = {"ENCODER": "ffhybrid"}


class GopWriter:
    """Writes GOPs of ``source`` into ``pending``, which becomes the output; a context manager.

    ``info`` describes its video, ``weights`` are those of its jobs. Tracks, attachments, chapters and tags of the
    source come along as the options say. ``end`` is where the last GOP ends, in seconds.

    Raises:
        UnsupportedError, UsageError: streams that the output does not take, or that do not exist.
    """

    def __init__(
        self,
        source: Path,
        info: SourceInfo,
        pending: PendingOutput,
        options: EncodeOptions,
        *,
        weights: Mapping[str, str],
    ) -> None:
        self._info = info
        self._pending = pending
        self._options = options
        self._writer: Writer | None = None
        self._first: HybridGop | None = None
        self.end = Fraction(0)
        target = pending.target
        self._carriage = target.carriage(options.carriage)
        with ExitStack() as opened:
            self._beside = opened.enter_context(
                OtherStreamSource.open(
                    source,
                    options.streams,
                    for_matroska=target.is_matroska,
                    time_range=options.source.time_range,
                )
            )
            tags = {**self._beside.other_streams.tags, **ENCODER_TAG}
            tags.pop(METRICS_TAG, None)
            if weights:
                tags[METRICS_TAG] = weights_statement(weights)
            self._other_streams = stated(replace(self._beside.other_streams, tags=tags), HYBRID_STATEMENT)
            target.check(self._other_streams)
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
            raise EncoderError(
                f"{self._pending.target.output}: x265 changed the parameter sets in the GOP at {start:.3f} s"
            )
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

    def _open(self, first: HybridGop) -> Writer:
        return self._stack.enter_context(
            self._pending.open(
                video=video_track(first, self._info, self._beside.video),
                other_streams=self._other_streams,
                time_base=first.time_base,
                carriage=self._carriage,
            )
        )
