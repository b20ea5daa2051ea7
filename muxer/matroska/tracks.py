"""Tracks as values, and their Matroska TrackEntry elements (RFC 9559 section 5.1.4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from fractions import Fraction

from av.stream import Disposition

from ffhybrid import hevc
from ffhybrid.core.gop import ParameterSets
from ffhybrid.core.picture import Colour
from ffhybrid.core.presentation import MasteringDisplay, Orientation, Presentation
from ffhybrid.muxer.carriage import NEURAL_SIDE
from ffhybrid.muxer.matroska import ebml
from ffhybrid.muxer.matroska.codecs import MatroskaCodec, matroska_codec
from ffhybrid.muxer.matroska.elements import NANOSECONDS
from ffhybrid.muxer.matroska.header_stripping import content_encodings
from ffhybrid.muxer.streams.values import AUDIO, Labels, Track

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
VIDEO, _WIDTH, _HEIGHT, _DISPLAY_WIDTH, _DISPLAY_HEIGHT, _INTERLACED = 0xE0, 0xB0, 0xBA, 0x54B0, 0x54BA, 0x9A
CROP_LEFT_TOP_RIGHT_BOTTOM = (0x54CC, 0x54BB, 0x54DD, 0x54AA)
COLOUR, _MATRIX, _RANGE, _TRANSFER, _PRIMARIES = 0x55B0, 0x55B1, 0x55B9, 0x55BA, 0x55BB
SITING_HORIZONTAL, SITING_VERTICAL, _MAX_CLL, _MAX_FALL, _MASTERING = 0x55B7, 0x55B8, 0x55BC, 0x55BD, 0x55D0
_RED, _GREEN, _BLUE, _WHITE = (0x55D1, 0x55D2), (0x55D3, 0x55D4), (0x55D5, 0x55D6), (0x55D7, 0x55D8)
_LUMINANCE_MAX, _LUMINANCE_MIN = 0x55D9, 0x55DA
PROJECTION, _PROJECTION_TYPE, YAW, ROLL = 0x7670, 0x7671, 0x7673, 0x7675
CHROMA_SITINGS: dict[int | None, tuple[int, int]] = {0: (1, 2), 1: (2, 2), 2: (1, 1), 3: (2, 1)}
"""ChromaSitingHorz and ChromaSitingVert (1 collocated at left or top, 2 half way) by chroma location."""
_RECTANGULAR = 0
_CHROMATICITY_UNIT, _LUMINANCE_UNIT = 0.00002, 0.0001
_AUDIO, _SAMPLING_FREQUENCY, _CHANNELS, _BIT_DEPTH = 0xE1, 0xB5, 0x9F, 0x6264
_TYPE_VIDEO, _TYPE_AUDIO, _TYPE_SUBTITLE = 1, 2, 17
_PROGRESSIVE = 2
_OPUS_SEEK_PRE_ROLL = 80_000_000
_OPUS_RATE = 48_000
_OPUS_HEAD_SIZE = 19
_OPUS_PRE_SKIP_OFFSET = 10
_OPUS_ROUNDING = Fraction(1, 1000)
"""The most by which first timestamps are beyond the pre-skip because a container rounded them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoTrack:
    """The HEVC track; ``width`` and ``height`` are the shown size in samples."""

    parameter_sets: ParameterSets
    width: int
    height: int
    sample_aspect_ratio: Fraction
    frame_rate: Fraction | None
    colour: Colour
    presentation: Presentation = field(default_factory=Presentation)
    labels: Labels = field(default_factory=Labels)


def video_entry(number: int, track: VideoTrack, *, is_stripped: bool) -> bytes:
    """TrackEntry of the main video, chosen by default; ``is_stripped`` where frames lack what all begin with."""
    labels = track.labels
    return ebml.master(
        TRACK_ENTRY,
        *_common(number, _TYPE_VIDEO, replace(labels, disposition=labels.disposition | Disposition.default)),
        *_default_duration(track.frame_rate),
        ebml.string(_CODEC_ID, "V_MPEGH/ISO/HEVC"),
        ebml.element(_CODEC_PRIVATE, hevc.write_hvcc(track.parameter_sets)),
        ebml.master(
            VIDEO,
            ebml.unsigned(_INTERLACED, _PROGRESSIVE),
            ebml.unsigned(_WIDTH, track.width),
            ebml.unsigned(_HEIGHT, track.height),
            *_display_size(track),
            _colour(track),
            *_projection(track.presentation.orientation),
        ),
        *([content_encodings()] if is_stripped else []),
    )


def neural_entry(number: int, sets: ParameterSets) -> bytes:
    """TrackEntry of the neural keyframes: HEVC pictures of 64x64 samples, never chosen by default."""
    return ebml.master(
        TRACK_ENTRY,
        *_common(number, _TYPE_VIDEO, Labels()),
        ebml.string(_CODEC_ID, "V_MPEGH/ISO/HEVC"),
        ebml.element(_CODEC_PRIVATE, hevc.write_hvcc(sets)),
        ebml.master(VIDEO, ebml.unsigned(_WIDTH, NEURAL_SIDE), ebml.unsigned(_HEIGHT, NEURAL_SIDE)),
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


def _colour(track: VideoTrack) -> bytes:
    limited, full = 1, 2
    colour, presentation = track.colour, track.presentation
    described = (
        (_MATRIX, colour.matrix),
        (_TRANSFER, colour.transfer),
        (_PRIMARIES, colour.primaries),
    )
    horizontal, vertical = CHROMA_SITINGS.get(presentation.chroma_location, (0, 0))
    siting = ((SITING_HORIZONTAL, horizontal), (SITING_VERTICAL, vertical))
    light = presentation.content_light
    return ebml.master(
        COLOUR,
        *(ebml.unsigned(identifier, value) for identifier, value in described if value != UNSPECIFIED),
        ebml.unsigned(_RANGE, full if colour.full_range else limited),
        *(ebml.unsigned(identifier, value) for identifier, value in siting if value),
        *([ebml.unsigned(_MAX_CLL, light.maximum), ebml.unsigned(_MAX_FALL, light.frame_average)] if light else []),
        *_mastering(presentation.mastering_display),
    )


def _mastering(display: MasteringDisplay | None) -> list[bytes]:
    """Write MasteringMetadata (RFC 9559 section 5.1.4.1.28.30); what is not known is left out."""
    if display is None:
        return []
    points = ((_RED, display.red), (_GREEN, display.green), (_BLUE, display.blue), (_WHITE, display.white_point))
    values = [
        (identifier, value * _CHROMATICITY_UNIT)
        for identifiers, point in points
        for identifier, value in zip(identifiers, point, strict=True)
        if any(point)
    ]
    if display.max_luminance:
        values.append((_LUMINANCE_MAX, display.max_luminance * _LUMINANCE_UNIT))
        values.append((_LUMINANCE_MIN, display.min_luminance * _LUMINANCE_UNIT))
    return [ebml.master(_MASTERING, *(ebml.float64(identifier, value) for identifier, value in values))]


def _projection(orientation: Orientation | None) -> list[bytes]:
    """Write a rectangular Projection that is turned, and seen from behind where it is mirrored."""
    if orientation is None:
        return []
    half_turn = 180
    return [
        ebml.master(
            PROJECTION,
            ebml.unsigned(_PROJECTION_TYPE, _RECTANGULAR),
            *([ebml.float64(YAW, half_turn)] if orientation.is_mirrored else []),
            ebml.float64(ROLL, orientation.roll),
        )
    ]
