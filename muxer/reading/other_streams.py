"""Reading what travels beside the video: which streams, in which form, and their packets."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
from av.stream import AttachmentStream, Discard

from ffhybrid.errors import UnsupportedError, at
from ffhybrid.muxer.matroska.codecs import matroska_codec
from ffhybrid.muxer.streams.cutting import Cut
from ffhybrid.muxer.streams.processors import (
    MATROSKA_FILTERS,
    AudioEncoder,
    CopyProcessor,
    FilterProcessor,
    StreamProcessor,
    SubtitleEncoder,
)
from ffhybrid.muxer.streams.selection import COPY, StreamOptions
from ffhybrid.muxer.streams.values import (
    ATTACHMENT,
    AUDIO,
    COVER_TYPES,
    DATA,
    SUBTITLE,
    Attachment,
    OtherStreams,
    StreamPacket,
    Track,
    attachment_of,
    chapters_of,
    codec_name,
    cover_of,
    describe,
    is_cover,
    refuse,
    tags_of,
)

MAX_PEEKED_PACKETS = 2000
MAX_PEEKED_BYTES = 64 << 20
ROUNDING = Fraction(1, 1000)
"""The most by which timestamps in milliseconds may be off."""
TIMECODE = "timecode"


class OtherStreamReader:
    """Follows the streams beside the main video through an open file.

    ``streams`` are those to carry, without the main video; ``before_video`` of them come before it. With
    ``for_matroska`` packets get the form that Matroska takes. ``name`` is what messages call the file.

    Raises:
        UnsupportedError: streams that cannot be carried, all named.
        UsageError: an encoder that FFmpeg does not have, or that refuses.
    """

    def __init__(
        self,
        container: av.container.InputContainer,
        streams: Sequence[av.stream.Stream],
        options: StreamOptions,
        *,
        before_video: int,
        for_matroska: bool,
        name: str,
    ) -> None:
        self._name = name
        self._container = container
        self._for_matroska = for_matroska
        self._options = options
        self._cut = Cut()
        unknown = [stream for stream in streams if not _can_be_read(stream)]
        refuse({stream.index: f"{describe(stream)} cannot be carried" for stream in unknown}, name=name)
        self._attached = [stream for stream in streams if isinstance(stream, AttachmentStream)]
        self._covers: dict[int, Attachment | None] = {stream.index: None for stream in streams if is_cover(stream)}
        self._cover_streams = [stream for stream in streams if is_cover(stream)]
        self._carried = [stream for stream in streams if stream.type in (AUDIO, SUBTITLE)]
        self._processors = self._new_processors()
        self._before_video = sum(stream.type in (AUDIO, SUBTITLE) for stream in streams[:before_video])
        self.streams = [*self._carried, *self._cover_streams]
        self._ready: deque[StreamPacket] = deque()

    def _new_processors(self) -> dict[int, StreamProcessor]:
        with at(self._name):
            return {stream.index: self._processor(stream, index) for index, stream in enumerate(self._carried)}

    def _processor(self, stream: Any, index: int) -> StreamProcessor:
        options = self._options
        if stream.type == AUDIO and options.audio_codec != COPY:
            return AudioEncoder(stream, index, options.audio_codec, options.audio_bitrate)
        if stream.type == SUBTITLE and options.subtitle_codec != COPY:
            return SubtitleEncoder(stream, index, options.subtitle_codec)
        wanted = MATROSKA_FILTERS.get(codec_name(stream) or "") if self._for_matroska else None
        return FilterProcessor(stream, index, wanted) if wanted else CopyProcessor(stream, index)

    def cut_to(self, cut: Cut) -> None:
        """Begin anew with packets of a part of the file, which is to be sought before; covers that are known stay."""
        self._cut = cut
        self._ready.clear()
        self._processors = self._new_processors()

    def is_behind(self, packet: av.Packet[Any]) -> bool:
        """Whether a packet lies behind the part of the file that is wanted, and so do those that follow."""
        return self._cut.is_behind(packet)

    def peek(self, packets: Iterable[av.Packet[Any]]) -> list[av.Packet[Any]]:
        """Read on until everything is known that headers tell; give back the packets that are not of these streams.

        The others come out of :meth:`peeked`. Streams whose first packet is far into the file stay as they are.
        """
        others: list[av.Packet[Any]] = []
        waiting = {stream.index for stream in self.streams if stream.type != SUBTITLE}
        size = 0
        if not waiting:
            return others
        for count, packet in enumerate(packets, 1):
            size += packet.size
            if packet.stream.index in self._processors or packet.stream.index in self._covers:
                taken = list(self.take(packet))
                self._ready += taken
                self._note_delays(taken)
                if taken or packet.stream.index in self._covers:
                    waiting.discard(packet.stream.index)
            else:
                others.append(packet)
            if not waiting or count >= MAX_PEEKED_PACKETS or size > MAX_PEEKED_BYTES:
                break
        return others

    def _note_delays(self, packets: list[StreamPacket]) -> None:
        """See how long before zero audio begins."""
        for packet, processor in ((packet, self._processor_of(packet)) for packet in packets):
            if processor.track.kind == AUDIO and -packet.pts > processor.track.delay:
                processor.track = replace(processor.track, delay=_delay(packet, processor.track))

    def _processor_of(self, packet: StreamPacket) -> StreamProcessor:
        return list(self._processors.values())[packet.track]

    def peeked(self) -> Iterator[StreamPacket]:
        """Give the packets that :meth:`peek` met, once."""
        while self._ready:
            yield self._ready.popleft()

    def take(self, packet: av.Packet[Any]) -> Iterator[StreamPacket]:
        """Give what becomes of a packet of one of :attr:`streams`.

        Raises:
            CorruptDataError: it is damaged.
        """
        if not packet.size:
            return
        index = packet.stream.index
        if index in self._covers:
            self._covers[index] = self._covers[index] or cover_of(packet.stream, bytes(packet))
            return
        if not self._cut.takes(packet):
            return
        with at(self._name):
            yield from self._moved(self._processors[index].take(packet))

    def flush(self) -> Iterator[StreamPacket]:
        """Give what is left at the end of the file."""
        with at(self._name):
            for processor in self._processors.values():
                yield from self._moved(processor.flush())

    def _moved(self, packets: Iterator[StreamPacket]) -> Iterator[StreamPacket]:
        """Count times from where the part of the file begins."""
        if not self._cut.shift:
            return packets
        return (replace(packet, pts=packet.pts - self._cut.shift) for packet in packets)

    @property
    def other_streams(self) -> OtherStreams:
        """All that is carried, as headers tell it."""
        covers = [cover for cover in self._covers.values() if cover]
        return OtherStreams(
            tracks=tuple(processor.track for processor in self._processors.values()),
            before_video=self._before_video,
            attachments=(*covers, *map(attachment_of, self._attached)),
            chapters=self._cut.chapters(chapters_of(self._container)),
            tags=tags_of(self._container),
        )

    def check_matroska(self) -> None:
        """See that Matroska takes every track.

        Raises:
            UnsupportedError: tracks that it does not take, all named.
        """
        refused: dict[int, str] = {}
        for processor, stream in zip(self._processors.values(), self.streams, strict=False):
            try:
                matroska_codec(processor.track)
            except UnsupportedError as error:
                refused[stream.index] = f"{describe(stream)}: {error}"
        refuse(refused, name=self._name)


def _delay(packet: StreamPacket, track: Track) -> Fraction:
    """Seconds that a first packet lies before zero; samples to skip tell it exactly where timestamps are rounded."""
    skipped = Fraction(packet.skipped_samples[0], track.sample_rate or 1)
    return skipped if abs(skipped + packet.pts) <= ROUNDING else -packet.pts


def _can_be_read(stream: av.stream.Stream) -> bool:
    if stream.type in (AUDIO, SUBTITLE):
        return codec_name(stream) is not None
    if is_cover(stream):
        return codec_name(stream) in COVER_TYPES
    return stream.type == ATTACHMENT or _is_told_otherwise(stream)


def _is_told_otherwise(stream: av.stream.Stream) -> bool:
    """Whether a data stream only holds the timecode, which is a tag of the video too, or the names of chapters.

    FFmpeg reads the chapters of MP4 files out of a track that it then discards.
    """
    return stream.type == DATA and (TIMECODE in stream.metadata or stream.discard == Discard.all)
