"""Stream processors: nothing, a bitstream filter, or another codec for the packets of one track."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any, Protocol

import av
from av.bitstream import BitStreamFilterContext

from ffhybrid.errors import CorruptDataError, UsageError
from ffhybrid.muxer.streams.values import StreamPacket, Track, labels_of, packet_of, track_of

MATROSKA_FILTERS = {"aac": "aac_adtstoasc", "hdmv_pgs_subtitle": "pgs_frame_merge"}
"""Filters that give packets the form that Matroska takes; they leave those alone that have it."""
_MILLISECOND = Fraction(1, 1000)


class StreamProcessor(Protocol):
    """Where packets of one stream go; ``track`` is described for good once a packet came out."""

    track: Track

    def take(self, packet: av.Packet[Any]) -> Iterator[StreamPacket]:
        """Give what becomes of a packet."""

    def flush(self) -> Iterator[StreamPacket]:
        """Give what is left at the end."""


class CopyProcessor:
    """Packets as they are."""

    def __init__(self, stream: av.stream.Stream, index: int) -> None:
        self.track = track_of(stream)
        self._index = index

    def take(self, packet: av.Packet[Any]) -> Iterator[StreamPacket]:
        """Copy a packet."""
        yield packet_of(packet, self._index)

    def flush(self) -> Iterator[StreamPacket]:
        """Give nothing."""
        yield from ()


class FilterProcessor:
    """Packets through a bitstream filter of FFmpeg."""

    def __init__(self, stream: av.stream.Stream, index: int, name: str) -> None:
        self.track = track_of(stream)
        self._index = index
        self._filter = BitStreamFilterContext(name, stream)

    def take(self, packet: av.Packet[Any]) -> Iterator[StreamPacket]:
        """Filter a packet.

        Raises:
            CorruptDataError: what it should be it is not.
        """
        base = packet.time_base
        try:
            filtered = self._filter.filter(packet)
        except av.error.FFmpegError as error:
            raise CorruptDataError(f"a packet of {self.track.codec} is damaged: {error}") from error
        yield from self._copied(filtered, base)

    def flush(self) -> Iterator[StreamPacket]:
        """Give what the filter holds."""
        yield from self._copied(self._filter.filter(None), self.track.template.time_base)

    def _copied(self, packets: list[av.Packet[Any]], base: Fraction | None) -> Iterator[StreamPacket]:
        for packet in packets:
            packet.time_base = base or Fraction(1)
            copied = packet_of(packet, self._index)
            extradata = copied.side("new_extradata")
            if extradata and not self.track.extradata:
                self.track = replace(self.track, extradata=extradata)
            yield copied


def _encoder(stream: av.stream.Stream, codec: str, container_format: str, **settings: Any) -> Any:
    """Open an encoder as a stream of a file that nobody keeps, so that a muxer can take it for a template."""
    scratch = av.open(io.BytesIO(), "w", format=container_format)
    header = settings.pop("subtitle_header", None)
    try:
        encoder: Any = scratch.add_stream(codec, **settings)
        if encoder.type != stream.type:
            raise UsageError(f"{codec} is no {stream.type} encoder")
        if header is not None:
            encoder.codec_context.subtitle_header = header
        scratch.start_encoding()
    except (ValueError, av.error.FFmpegError) as error:
        raise UsageError(f"{stream.type} stream {stream.index} cannot be encoded by {codec}: {error}") from error
    return encoder


def _encoded_track(stream: av.stream.Stream, encoder: Any) -> Track:
    return replace(track_of(encoder), index=stream.index, labels=labels_of(stream, is_recoded=True))


class AudioEncoder:
    """Audio decoded and encoded anew, at its own rate where the encoder has it."""

    def __init__(self, stream: av.AudioStream, index: int, codec: str, bitrate: int | None) -> None:
        self._stream = stream
        self._index = index
        rate = _nearest_rate(codec, stream.codec_context.sample_rate)
        settings = {"rate": rate, "layout": stream.codec_context.layout, "bit_rate": bitrate or 0}
        # NUT takes every codec, and its time base is one sample.
        self._encoder = _encoder(stream, codec, "nut", **settings)
        context = self._encoder.codec_context
        self._resampler = av.AudioResampler(
            format=context.format, layout=context.layout, rate=rate, frame_size=context.frame_size or None
        )
        self.track = _encoded_track(stream, self._encoder)

    def take(self, packet: av.Packet[Any]) -> Iterator[StreamPacket]:
        """Decode a packet and encode what comes of it.

        Raises:
            CorruptDataError: it does not decode.
        """
        try:
            frames = self._stream.codec_context.decode(packet)
        except av.error.FFmpegError as error:
            raise CorruptDataError(f"audio stream {self._stream.index} does not decode: {error}") from error
        for frame in frames:
            yield from self._encoded(frame)

    def flush(self) -> Iterator[StreamPacket]:
        """Encode the rest."""
        for frame in self._stream.codec_context.decode(None):
            yield from self._encoded(frame)
        yield from self._encoded(None)
        yield from self._packets(None)

    def _encoded(self, frame: av.AudioFrame | None) -> Iterator[StreamPacket]:
        for resampled in self._resampler.resample(frame):
            yield from self._packets(resampled)

    def _packets(self, frame: av.AudioFrame | None) -> Iterator[StreamPacket]:
        return (packet_of(packet, self._index) for packet in self._encoder.encode(frame) if packet.size)


def _nearest_rate(codec: str, rate: int) -> int:
    try:
        rates = av.Codec(codec, "w").audio_rates
    except ValueError as error:
        raise UsageError(f"-c:a {codec}: FFmpeg has no such encoder here") from error
    return min(rates, key=lambda other: abs(other - rate)) if rates else rate


class SubtitleEncoder:
    """Text subtitles in another form."""

    def __init__(self, stream: Any, index: int, codec: str) -> None:
        self._stream = stream
        self._index = index
        # A decoder writes its header when it is opened.
        stream.codec_context.open(strict=False)
        header = stream.codec_context.subtitle_header
        scratch = "mp4" if codec == "mov_text" else "matroska"
        self._encoder = _encoder(stream, codec, scratch, subtitle_header=header)
        self.track = _encoded_track(stream, self._encoder)

    def take(self, packet: av.Packet[Any]) -> Iterator[StreamPacket]:
        """Encode what a packet shows.

        Raises:
            CorruptDataError: it does not decode.
        """
        try:
            shown = self._stream.codec_context.decode2(packet)
        except av.error.FFmpegError as error:
            raise CorruptDataError(f"subtitle stream {self._stream.index} does not decode: {error}") from error
        if shown is None or not len(shown):
            return
        source = packet_of(packet, self._index)
        shows = (shown.end_display_time - shown.start_display_time) * _MILLISECOND
        data = bytes(self._encoder.codec_context.encode_subtitle(shown))
        yield StreamPacket(
            self._index, data, source.pts + shown.start_display_time * _MILLISECOND, source.duration or shows
        )

    def flush(self) -> Iterator[StreamPacket]:
        """Give nothing."""
        yield from ()
