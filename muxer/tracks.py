"""Tracks as values, and their Matroska TrackEntry elements (RFC 9559 section 5.1.4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from fractions import Fraction

from av.stream import Disposition

from ffhybrid import hevc
from ffhybrid.gop import ParameterSets
from ffhybrid.muxer import ebml
from ffhybrid.muxer.carriage import NEURAL_SIDE
from ffhybrid.muxer.codecs import MatroskaCodec, matroska_codec
from ffhybrid.muxer.streams import AUDIO, Labels, Track
from ffhybrid.picture import Colour

NANOSECONDS = 1_000_000_000
UNSPECIFIED = 2

TRACK_ENTRY = 0xAE
_NUMBER, _UID, _TYPE, _DEFAULT, _LACING, _NAME = 0xD7, 0x73C5, 0x83, 0x88, 0x9C, 0x536E
_ORIGINAL = 0x55AE
_FLAGS = {
    0x55AA: Disposition.forced,
    0x55AB: Disposition.hearing_impaired,
    0x55AC: Disposition.visual_impaired,
    0x55AD: Disposition.descriptions,
    0x55AF: Disposition.comment,
}
_DEFAULT_DURATION, _LANGUAGE, _CODEC_ID, _CODEC_PRIVATE = 0x23E383, 0x22B59C, 0x86, 0x63A2
_CODEC_DELAY, _SEEK_PRE_ROLL = 0x56AA, 0x56BB
_VIDEO, _WIDTH, _HEIGHT, _DISPLAY_WIDTH, _DISPLAY_HEIGHT, _INTERLACED = 0xE0, 0xB0, 0xBA, 0x54B0, 0x54BA, 0x9A
_COLOUR, _MATRIX, _RANGE, _TRANSFER, _PRIMARIES = 0x55B0, 0x55B1, 0x55B9, 0x55BA, 0x55BB
_AUDIO, _SAMPLING_FREQUENCY, _CHANNELS, _BIT_DEPTH = 0xE1, 0xB5, 0x9F, 0x6264
_TYPE_VIDEO, _TYPE_AUDIO, _TYPE_SUBTITLE = 1, 2, 17
_PROGRESSIVE = 2
_OPUS_SEEK_PRE_ROLL = 80_000_000
_OPUS_RATE = 48_000
_OPUS_HEAD_SIZE = 19
_OPUS_PRE_SKIP_OFFSET = 10
_OPUS_ROUNDING = Fraction(1, 1000)
"""By so much first timestamps are beyond the pre-skip because a container rounded them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoTrack:
    """The HEVC track; ``width`` and ``height`` are the shown size in samples."""

    parameter_sets: ParameterSets
    width: int
    height: int
    sample_aspect_ratio: Fraction
    frame_rate: Fraction | None
    colour: Colour
    labels: Labels = field(default_factory=Labels)


def video_entry(number: int, track: VideoTrack) -> bytes:
    """TrackEntry of the main video, chosen by default."""
    labels = track.labels
    return ebml.master(
        TRACK_ENTRY,
        *_common(number, _TYPE_VIDEO, replace(labels, disposition=labels.disposition | Disposition.default)),
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
        *_common(number, _TYPE_VIDEO, Labels()),
        ebml.string(_CODEC_ID, "V_MPEGH/ISO/HEVC"),
        ebml.element(_CODEC_PRIVATE, hevc.write_hvcc(sets)),
        ebml.master(_VIDEO, ebml.unsigned(_WIDTH, NEURAL_SIDE), ebml.unsigned(_HEIGHT, NEURAL_SIDE)),
    )


def track_entry(number: int, track: Track) -> bytes:
    """TrackEntry of an audio or subtitle track.

    Raises:
        UnsupportedError: see :func:`matroska_codec`.
    """
    codec = matroska_codec(track)
    is_audio = track.kind == AUDIO
    return ebml.master(
        TRACK_ENTRY,
        *_common(number, _TYPE_AUDIO if is_audio else _TYPE_SUBTITLE, track.labels),
        ebml.string(_CODEC_ID, codec.codec_id),
        *_timing(track),
        *([ebml.element(_CODEC_PRIVATE, codec.private)] if codec.private else []),
        *([_audio(track, codec)] if is_audio else []),
    )


def codec_delay(track: Track) -> Fraction:
    """Seconds that readers subtract from the track's timestamps.

    They are the pre-skip of Opus (RFC 7845 section 5.1), or what lies before zero, which blocks cannot say.
    """
    if track.codec == "opus" and len(track.extradata) >= _OPUS_HEAD_SIZE:
        (pre_skip,) = struct.unpack_from("<H", track.extradata, _OPUS_PRE_SKIP_OFFSET)
        in_header = Fraction(pre_skip, _OPUS_RATE)
        return in_header if track.delay <= in_header + _OPUS_ROUNDING else track.delay
    return track.delay


def _timing(track: Track) -> list[bytes]:
    """CodecDelay, and the pre-roll that Opus asks for after a seek."""
    delay = int(codec_delay(track) * NANOSECONDS)
    pre_roll = _OPUS_SEEK_PRE_ROLL if track.codec == "opus" else 0
    return [
        ebml.unsigned(identifier, value)
        for identifier, value in ((_CODEC_DELAY, delay), (_SEEK_PRE_ROLL, pre_roll))
        if value
    ]


def _audio(track: Track, codec: MatroskaCodec) -> bytes:
    return ebml.master(
        _AUDIO,
        ebml.float64(_SAMPLING_FREQUENCY, track.sample_rate),
        ebml.unsigned(_CHANNELS, track.channels),
        *([ebml.unsigned(_BIT_DEPTH, codec.bit_depth)] if codec.bit_depth else []),
    )


def _common(number: int, kind: int, labels: Labels) -> list[bytes]:
    return [
        ebml.unsigned(_NUMBER, number),
        ebml.unsigned(_UID, number),
        ebml.unsigned(_TYPE, kind),
        *_flags(labels.disposition),
        ebml.unsigned(_LACING, 0),
        ebml.string(_LANGUAGE, labels.language),
        *([ebml.string(_NAME, labels.title)] if labels.title else []),
    ]


def _flags(disposition: Disposition) -> list[bytes]:
    """Write the flags of a track (RFC 9559 section 5.1.4.1.4 and following); FlagOriginal 0 says that it is dubbed."""
    flags = [ebml.unsigned(_DEFAULT, int(bool(disposition & Disposition.default)))]
    flags += [ebml.unsigned(identifier, 1) for identifier, wanted in _FLAGS.items() if disposition & wanted]
    if disposition & (Disposition.original | Disposition.dub):
        flags.append(ebml.unsigned(_ORIGINAL, int(bool(disposition & Disposition.original))))
    return flags


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
