"""The source's streams beside the video, read through a handle of their own while GOPs are encoded."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.stream import Discard

from ffhybrid.core.time_range import TimeRange
from ffhybrid.errors import CorruptDataError
from ffhybrid.muxer.reading.inputs import open_media
from ffhybrid.muxer.reading.other_streams import OtherStreamReader
from ffhybrid.muxer.streams.cutting import LEAD, Cut
from ffhybrid.muxer.streams.selection import StreamOptions, choose
from ffhybrid.muxer.streams.values import Labels, OtherStreams, StreamPacket, labels_of

logger = logging.getLogger(__name__)


class OtherStreamSource:
    """Tracks, attachments, chapters and tags of a source; packets come in the order of their file."""

    def __init__(self, reader: OtherStreamReader, packets: Iterator[StreamPacket], video: Labels) -> None:
        self.other_streams: OtherStreams = reader.other_streams
        self.video = video
        self._packets = packets
        self._held: list[StreamPacket] = []
        self._reached: Fraction | None = Fraction(0)

    @classmethod
    @contextmanager
    def open(
        cls, path: Path, options: StreamOptions, *, for_matroska: bool, time_range: TimeRange
    ) -> Iterator[OtherStreamSource]:
        """Open what the options choose, cut to a range.

        Raises:
            UnsupportedError: streams that cannot be carried, or not in Matroska where ``for_matroska`` says so.
            UsageError: streams that do not exist, or an encoder that refuses.
        """
        with open_media(path, otherwise=CorruptDataError) as container:
            video, others, before_video = choose(list(container.streams), options, name=str(path))
            reader = OtherStreamReader(
                container, others, options, before_video=before_video, for_matroska=for_matroska, name=str(path)
            )
            for stream in container.streams:
                stream.discard = Discard.default if stream in reader.streams else Discard.all
            cut = Cut.of(container, time_range)
            reader.cut_to(cut)
            demuxed = _demuxed(container, reader, path)
            reader.peek(demuxed)
            if cut.first is not None and _has_sought(container, cut.first - LEAD, path):
                reader.cut_to(cut)
                demuxed = _demuxed(container, reader, path)
                reader.peek(demuxed)
            if for_matroska:
                reader.check_matroska()
            yield cls(reader, _all_packets(reader, demuxed), labels_of(video, is_recoded=True))

    def before(self, end: Fraction) -> Iterator[StreamPacket]:
        """Packets that begin before ``end`` seconds and were not given yet."""
        while self._reached is not None and self._reached < end + LEAD:
            packet = next(self._packets, None)
            if packet is None:
                self._reached = None
                break
            self._reached = max(self._reached, packet.pts)
            self._held.append(packet)
        due = [packet for packet in self._held if packet.pts < end]
        self._held = [packet for packet in self._held if packet.pts >= end]
        yield from due

    def rest(self) -> Iterator[StreamPacket]:
        """All packets that were not given yet."""
        yield from self._held
        self._held = []
        yield from self._packets


def _has_sought(container: av.container.InputContainer, seconds: Fraction, path: Path) -> bool:
    """Go to a time, if the container can; packets from before it are not taken anyway."""
    try:
        container.seek(max(int(seconds * av.time_base), container.start_time or 0))
    except av.error.FFmpegError as error:
        logger.info("%s: the streams beside the video are read from their beginning: %s", path, error)
        return False
    return True


def _demuxed(container: av.container.InputContainer, reader: OtherStreamReader, path: Path) -> Iterator[av.Packet[Any]]:
    if not reader.streams:
        return
    try:
        yield from container.demux(reader.streams)
    except av.error.InvalidDataError as error:
        raise CorruptDataError(f"{path}: the streams beside the video are damaged: {error}") from error


def _all_packets(reader: OtherStreamReader, demuxed: Iterator[av.Packet[Any]]) -> Iterator[StreamPacket]:
    yield from reader.peeked()
    for packet in demuxed:
        if reader.is_behind(packet):
            break
        yield from reader.take(packet)
    yield from reader.flush()
