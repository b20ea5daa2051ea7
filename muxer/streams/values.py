"""Other streams beside the hybrid video, as values: audio and subtitle tracks, attachments, chapters, tags."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import av
from av.packet import PacketSideData
from av.stream import AttachmentStream, Disposition

from ffhybrid.errors import UnsupportedError
from ffhybrid.muxer.statement import TAG

UNDETERMINED = "und"
AUDIO, SUBTITLE, VIDEO, ATTACHMENT, DATA = "audio", "subtitle", "video", "attachment", "data"
"""PyAV's names of stream types."""

NONE = Disposition(0)
"""No disposition at all."""

COVER_TYPES = {"mjpeg": "image/jpeg", "png": "image/png"}
"""Media types of cover art, by FFmpeg's name of its codec."""

_SKIP_SAMPLES = struct.Struct("<II")
_OF_A_CONTAINER = frozenset({"encoder", "major_brand", "minor_version", "compatible_brands", TAG.lower()})
_OF_A_FILE = ("duration", "vendor_id")
_OF_A_CODING = ("encoder", "bps", "number_of_", "_statistics_", "source_id")
"""Beginnings of tags that were true of the source's own coding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What a track is called and meant for: FFmpeg's tags, ``language`` and ``title`` among them, and disposition."""

    tags: Mapping[str, str] = field(default_factory=dict)
    disposition: Disposition = NONE

    @property
    def language(self) -> str:
        """ISO 639-2 code, ``und`` where there is none."""
        return self.tags.get("language") or UNDETERMINED

    @property
    def title(self) -> str | None:
        """Name of the track."""
        return self.tags.get("title")

    @property
    def other_tags(self) -> dict[str, str]:
        """Tags but language and title, which containers store by themselves."""
        return {name: value for name, value in self.tags.items() if name not in ("language", "title")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """An audio or subtitle track.

    ``index`` is that of its stream in the source; ``codec`` is FFmpeg's name, ``extradata`` what FFmpeg keeps beside
    it. ``delay`` is how many seconds the first packet lies before zero: samples that decoders throw away.
    ``template`` is the stream of PyAV that libavformat learns the track from.
    """

    index: int
    kind: str
    codec: str
    extradata: bytes = b""
    sample_rate: int = 0
    channels: int = 0
    delay: Fraction = Fraction(0)
    labels: Labels = field(default_factory=Labels)
    template: av.stream.Stream


@dataclass(frozen=True, slots=True)
class StreamPacket:
    """One packet of the track with index ``track``; ``pts`` and ``duration`` are in seconds.

    ``side_data`` is what FFmpeg attached to the packet, samples to throw away for example.
    """

    track: int
    data: bytes
    pts: Fraction
    duration: Fraction
    side_data: tuple[PacketSideData, ...] = ()

    @property
    def skipped_samples(self) -> tuple[int, int]:
        """Samples at the beginning and at the end that are not to be played (AV_PKT_DATA_SKIP_SAMPLES)."""
        data = self.side("skip_samples")
        return _SKIP_SAMPLES.unpack_from(data) if len(data) >= _SKIP_SAMPLES.size else (0, 0)

    def side(self, kind: str) -> bytes:
        """Side data of one kind, by FFmpeg's name; empty where there is none."""
        return next((bytes(data) for data in self.side_data if data.data_type == kind), b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file in the file: a font, or cover art, which has an image's media type.

    ``index`` is that of its stream in the source, ``template`` that stream itself.
    """

    index: int
    name: str
    mimetype: str
    data: bytes
    template: av.stream.Stream
    description: str = ""

    @property
    def is_cover(self) -> bool:
        """Whether players show it as cover art."""
        return self.mimetype in COVER_TYPES.values()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A named part of the programme, from ``start`` to ``end`` seconds."""

    start: Fraction
    end: Fraction
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherStreams:
    """All that a file carries beside its video; ``before_video`` of the tracks come before it in the file."""

    tracks: tuple[Track, ...] = ()
    before_video: int = 0
    attachments: tuple[Attachment, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


def stated(other_streams: OtherStreams, statement: str) -> OtherStreams:
    """Add the tag that says what the file is."""
    return replace(other_streams, tags={**other_streams.tags, TAG: statement})


def codec_name(stream: av.stream.Stream) -> str | None:
    """FFmpeg's name of a stream's codec, None where it knows none."""
    context: av.CodecContext | None = stream.codec_context
    return context.codec.canonical_name if context else None


def is_cover(stream: av.stream.Stream) -> bool:
    """Whether a video stream is cover art, one picture.

    ``ffmpeg -c copy`` makes an ordinary track of it in Matroska, which only the media type among its tags gives away.
    """
    if stream.type != VIDEO:
        return False
    tags = {name.lower(): value for name, value in stream.metadata.items()}
    return bool(stream.disposition & Disposition.attached_pic) or tags.get("mimetype") in COVER_TYPES.values()


def describe(stream: av.stream.Stream) -> str:
    """Name a stream in messages: its type, index and codec."""
    return f"{stream.type} stream {stream.index} ({codec_name(stream) or 'unknown codec'})"


def refuse(reasons: Mapping[int, str], *, name: str) -> None:
    """Say which streams cannot be carried and how to leave them out; do nothing where there are none.

    ``reasons`` name streams by their index in the source; ``name`` is what messages call the file.

    Raises:
        UnsupportedError: there are some.
    """
    if not reasons:
        return
    maps = " ".join(f"-map -0:{index}" for index in sorted(reasons))
    verb = "it" if len(reasons) == 1 else "them"
    raise UnsupportedError(f"{name}: {'; '.join(reasons.values())}; {maps} leaves {verb} out")


def track_of(stream: av.stream.Stream) -> Track:
    """Describe an audio or subtitle stream of PyAV that is copied."""
    context: Any = stream.codec_context
    is_audio = stream.type == AUDIO
    return Track(
        index=stream.index,
        kind=stream.type,
        codec=codec_name(stream) or "",
        extradata=bytes(context.extradata or b""),
        sample_rate=context.sample_rate if is_audio else 0,
        channels=context.layout.nb_channels if is_audio else 0,
        labels=labels_of(stream),
        template=stream,
    )


def labels_of(stream: av.stream.Stream, *, is_recoded: bool = False) -> Labels:
    """Tags and disposition of a stream, without what was true of the old file, or of the old coding, alone."""
    untrue = _OF_A_FILE + (_OF_A_CODING if is_recoded else ())
    tags = {name: value for name, value in stream.metadata.items() if not name.lower().startswith(untrue)}
    return Labels(tags=tags, disposition=stream.disposition & ~Disposition.attached_pic)


def seconds_of(packet: av.Packet[Any]) -> float:
    """When a packet is shown."""
    return float((packet.pts or 0) * (packet.time_base or 0))


def packet_of(packet: av.Packet[Any], track: int) -> StreamPacket:
    """Take a packet of PyAV out of its time base."""
    pts = packet.pts if packet.pts is not None else packet.dts or 0
    base = Fraction(packet.time_base)
    return StreamPacket(track, bytes(packet), pts * base, (packet.duration or 0) * base, tuple(packet.iter_sidedata()))


def attachment_of(stream: AttachmentStream) -> Attachment:
    """Describe an attached file."""
    return Attachment(
        index=stream.index,
        name=stream.metadata.get("filename") or f"attachment-{stream.index}",
        mimetype=stream.mimetype or "application/octet-stream",
        data=stream.data,
        template=stream,
        description=stream.metadata.get("title", ""),
    )


def cover_of(stream: av.stream.Stream, data: bytes) -> Attachment:
    """Describe cover art, of which FFmpeg makes a video stream of one packet."""
    mimetype = COVER_TYPES[codec_name(stream) or ""]
    suffix = mimetype.removeprefix("image/").replace("jpeg", "jpg")
    return Attachment(
        index=stream.index,
        name=stream.metadata.get("filename") or f"cover.{suffix}",
        mimetype=mimetype,
        data=data,
        template=stream,
        description=stream.metadata.get("title", ""),
    )


def chapters_of(container: av.container.InputContainer) -> tuple[Chapter, ...]:
    """Chapters of a file in their order."""
    return tuple(
        Chapter(
            start=entry["start"] * Fraction(entry["time_base"] or 1),
            end=entry["end"] * Fraction(entry["time_base"] or 1),
            tags=dict(entry["metadata"]),
        )
        for entry in container.chapters()
    )


def tags_of(container: av.container.InputContainer) -> dict[str, str]:
    """Tags of a whole file, without those that describe its old container, or say what it was."""
    return {name: value for name, value in container.metadata.items() if name.lower() not in _OF_A_CONTAINER}
