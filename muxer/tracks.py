"""Tracks as values, and their Matroska TrackEntry elements (RFC 9559 section 5.1.4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from ffhybrid import hevc
from ffhybrid.errors import UnsupportedError
from ffhybrid.gop import ParameterSets
from ffhybrid.muxer import ebml
from ffhybrid.muxer.carriage import NEURAL_SIDE
from ffhybrid.picture import Colour

NANOSECONDS = 1_000_000_000
UNSPECIFIED = 2

TRACK_ENTRY = 0xAE
_NUMBER, _UID, _TYPE, _DEFAULT, _LACING = 0xD7, 0x73C5, 0x83, 0x88, 0x9C
_DEFAULT_DURATION, _LANGUAGE, _CODEC_ID, _CODEC_PRIVATE = 0x23E383, 0x22B59C, 0x86, 0x63A2
_CODEC_DELAY, _SEEK_PRE_ROLL = 0x56AA, 0x56BB
_VIDEO, _WIDTH, _HEIGHT, _DISPLAY_WIDTH, _DISPLAY_HEIGHT, _INTERLACED = 0xE0, 0xB0, 0xBA, 0x54B0, 0x54BA, 0x9A
_COLOUR, _MATRIX, _RANGE, _TRANSFER, _PRIMARIES = 0x55B0, 0x55B1, 0x55B9, 0x55BA, 0x55BB
_AUDIO, _SAMPLING_FREQUENCY, _CHANNELS, _BIT_DEPTH = 0xE1, 0xB5, 0x9F, 0x6264
_TYPE_VIDEO, _TYPE_AUDIO = 1, 2
_PROGRESSIVE = 2
_OPUS_SEEK_PRE_ROLL = 80_000_000
_OPUS_RATE = 48_000
_OPUS_HEAD_SIZE = 19
_FLAC_STREAM_INFO_SIZE = 34
_FLAC_MARKER = b"fLaC\x80\x00\x00\x22"
"""Stream marker and the header of a last metadata block, STREAMINFO of 34 bytes (RFC 9639 section 8.1)."""
_ALAC_ATOM_HEADER_SIZE = 12
_ALAC_COOKIE_SIZE = 24

AUDIO_CODEC_IDS = {
    "aac": "A_AAC",
    "ac3": "A_AC3",
    "alac": "A_ALAC",
    "dts": "A_DTS",
    "eac3": "A_EAC3",
    "flac": "A_FLAC",
    "mp2": "A_MPEG/L2",
    "mp3": "A_MPEG/L3",
    "opus": "A_OPUS",
    "pcm_s16le": "A_PCM/INT/LIT",
    "pcm_s24le": "A_PCM/INT/LIT",
    "vorbis": "A_VORBIS",
}
PCM_BITS = {"pcm_s16le": 16, "pcm_s24le": 24}


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoTrack:
    """The HEVC track; ``width`` and ``height`` are the shown size in samples."""

    parameter_sets: ParameterSets
    width: int
    height: int
    sample_aspect_ratio: Fraction
    frame_rate: Fraction | None
    colour: Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTrack:
    """A copied audio track; ``codec`` is FFmpeg's name, ``extradata`` what FFmpeg keeps beside it."""

    codec: str
    extradata: bytes
    sample_rate: int
    channels: int
    bits_per_sample: int
    language: str


@dataclass(frozen=True, slots=True)
class AudioPacket:
    """One audio packet; ``pts`` and ``duration`` are in seconds."""

    data: bytes
    pts: Fraction
    duration: Fraction


def audio_track(stream: av.AudioStream) -> AudioTrack:
    """Describe a track of PyAV."""
    context = stream.codec_context
    return AudioTrack(
        codec=context.codec.canonical_name,
        extradata=bytes(context.extradata or b""),
        sample_rate=context.sample_rate,
        channels=context.layout.nb_channels,
        bits_per_sample=PCM_BITS.get(context.name, 0),
        language=stream.language or "und",
    )


def audio_packet(packet: av.Packet[Any]) -> AudioPacket:
    """Take a packet of PyAV out of its time base."""
    pts = packet.pts if packet.pts is not None else packet.dts or 0
    return AudioPacket(bytes(packet), pts * packet.time_base, (packet.duration or 0) * packet.time_base)


def video_entry(number: int, track: VideoTrack) -> bytes:
    """TrackEntry of the main video, chosen by default."""
    return ebml.master(
        TRACK_ENTRY,
        *_common(number, _TYPE_VIDEO, is_default=True),
        *_default_duration(track.frame_rate),
        ebml.string(_CODEC_ID, "V_MPEGH/ISO/HEVC"),
        ebml.element(_CODEC_PRIVATE, hevc.write_hvcc(track.parameter_sets)),
        ebml.master(
            _VIDEO,
            ebml.unsigned(_INTERLACED, _PROGRESSIVE),
            ebml.unsigned(_WIDTH, track.width),
            ebml.unsigned(_HEIGHT, track.height),
            *_display_size(track),
            _colour(track.colour),
        ),
    )


def neural_entry(number: int, sets: ParameterSets) -> bytes:
    """TrackEntry of the neural keyframes: HEVC pictures of 64x64 samples, never chosen by default."""
    return ebml.master(
        TRACK_ENTRY,
        *_common(number, _TYPE_VIDEO, is_default=False),
        ebml.string(_CODEC_ID, "V_MPEGH/ISO/HEVC"),
        ebml.element(_CODEC_PRIVATE, hevc.write_hvcc(sets)),
        ebml.master(_VIDEO, ebml.unsigned(_WIDTH, NEURAL_SIDE), ebml.unsigned(_HEIGHT, NEURAL_SIDE)),
    )


def audio_entry(number: int, track: AudioTrack) -> bytes:
    """TrackEntry of a copied audio track.

    Raises:
        UnsupportedError: a codec without a mapping here, or with extradata that Matroska does not take.
    """
    if track.codec not in AUDIO_CODEC_IDS:
        raise UnsupportedError(f"audio codec {track.codec} has no Matroska mapping in this version")
    private = _codec_private(track)
    return ebml.master(
        TRACK_ENTRY,
        *_common(number, _TYPE_AUDIO, is_default=True, language=track.language),
        ebml.string(_CODEC_ID, AUDIO_CODEC_IDS[track.codec]),
        *_opus_timing(track),
        *([ebml.element(_CODEC_PRIVATE, private)] if private else []),
        ebml.master(
            _AUDIO,
            ebml.float64(_SAMPLING_FREQUENCY, track.sample_rate),
            ebml.unsigned(_CHANNELS, track.channels),
            *([ebml.unsigned(_BIT_DEPTH, track.bits_per_sample)] if track.bits_per_sample else []),
        ),
    )


def _common(number: int, kind: int, *, is_default: bool, language: str = "und") -> list[bytes]:
    return [
        ebml.unsigned(_NUMBER, number),
        ebml.unsigned(_UID, number),
        ebml.unsigned(_TYPE, kind),
        ebml.unsigned(_DEFAULT, int(is_default)),
        ebml.unsigned(_LACING, 0),
        ebml.string(_LANGUAGE, language),
    ]


def _default_duration(frame_rate: Fraction | None) -> list[bytes]:
    return [ebml.unsigned(_DEFAULT_DURATION, round(NANOSECONDS / frame_rate))] if frame_rate else []


def _display_size(track: VideoTrack) -> list[bytes]:
    if track.sample_aspect_ratio == 1:
        return []
    width = round(track.width * track.sample_aspect_ratio)
    return [ebml.unsigned(_DISPLAY_WIDTH, width), ebml.unsigned(_DISPLAY_HEIGHT, track.height)]


def _colour(colour: Colour) -> bytes:
    limited, full = 1, 2
    described = (
        (_MATRIX, colour.matrix),
        (_TRANSFER, colour.transfer),
        (_PRIMARIES, colour.primaries),
    )
    return ebml.master(
        _COLOUR,
        *(ebml.unsigned(identifier, value) for identifier, value in described if value != UNSPECIFIED),
        ebml.unsigned(_RANGE, full if colour.full_range else limited),
    )


def _codec_private(track: AudioTrack) -> bytes:
    """Turn what FFmpeg keeps beside a stream into what Matroska stores (its codec specifications)."""
    data = track.extradata
    if track.codec == "vorbis" and data[:1] != b"\x02":
        raise UnsupportedError("the Vorbis headers are not in the laced form that Matroska takes")
    if track.codec == "opus" and len(data) < _OPUS_HEAD_SIZE:
        raise UnsupportedError("the Opus track has no identification header")
    if track.codec == "flac":
        if len(data) < _FLAC_STREAM_INFO_SIZE:
            raise UnsupportedError("the FLAC track has no STREAMINFO")
        return data if data.startswith(b"fLaC") else _FLAC_MARKER + data[:_FLAC_STREAM_INFO_SIZE]
    if track.codec == "alac":
        if len(data) < _ALAC_ATOM_HEADER_SIZE + _ALAC_COOKIE_SIZE:
            raise UnsupportedError("the ALAC track has no magic cookie")
        return data[_ALAC_ATOM_HEADER_SIZE:]
    return data


def codec_delay(track: AudioTrack) -> Fraction:
    """Seconds that readers subtract from the track's timestamps: the pre-skip of Opus (RFC 7845 section 5.1)."""
    if track.codec != "opus" or len(track.extradata) < _OPUS_HEAD_SIZE:
        return Fraction(0)
    (pre_skip,) = struct.unpack_from("<H", track.extradata, 10)
    return Fraction(pre_skip, _OPUS_RATE)


def _opus_timing(track: AudioTrack) -> list[bytes]:
    """CodecDelay, and the pre-roll that Opus asks for after a seek."""
    if track.codec != "opus":
        return []
    return [
        ebml.unsigned(_CODEC_DELAY, int(codec_delay(track) * NANOSECONDS)),
        ebml.unsigned(_SEEK_PRE_ROLL, _OPUS_SEEK_PRE_ROLL),
    ]
