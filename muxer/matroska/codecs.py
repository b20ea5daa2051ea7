"""Codecs in Matroska: CodecID, CodecPrivate, bit depth (Matroska codec specifications, RFC 9559 section 12)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ffhybrid.errors import UnsupportedError
from ffhybrid.muxer.streams.values import Track

CODEC_IDS = {
    "aac": "A_AAC",
    "ac3": "A_AC3",
    "alac": "A_ALAC",
    "dts": "A_DTS",
    "eac3": "A_EAC3",
    "flac": "A_FLAC",
    "mlp": "A_MLP",
    "mp2": "A_MPEG/L2",
    "mp3": "A_MPEG/L3",
    "opus": "A_OPUS",
    "pcm_f32le": "A_PCM/FLOAT/IEEE",
    "pcm_f64le": "A_PCM/FLOAT/IEEE",
    "pcm_s16be": "A_PCM/INT/BIG",
    "pcm_s16le": "A_PCM/INT/LIT",
    "pcm_s24be": "A_PCM/INT/BIG",
    "pcm_s24le": "A_PCM/INT/LIT",
    "pcm_s32be": "A_PCM/INT/BIG",
    "pcm_s32le": "A_PCM/INT/LIT",
    "pcm_u8": "A_PCM/INT/LIT",
    "pcm_alaw": "A_MS/ACM",
    "pcm_mulaw": "A_MS/ACM",
    "truehd": "A_TRUEHD",
    "vorbis": "A_VORBIS",
    "ass": "S_TEXT/ASS",
    "dvb_subtitle": "S_DVBSUB",
    "dvd_subtitle": "S_VOBSUB",
    "hdmv_pgs_subtitle": "S_HDMV/PGS",
    "subrip": "S_TEXT/UTF8",
    "text": "S_TEXT/UTF8",
    "webvtt": "D_WEBVTT/SUBTITLES",
}
"""CodecIDs of Matroska by FFmpeg's names of codecs."""

_G711_BITS = 8
_WAVE_FORMATS = {"pcm_alaw": 6, "pcm_mulaw": 7}
_OPUS_HEAD_SIZE = 19
_FLAC_STREAM_INFO_SIZE = 34
_FLAC_MARKER = b"fLaC"
_FLAC_HEADER = _FLAC_MARKER + b"\x80\x00\x00\x22"
"""Stream marker and the header of a last metadata block, STREAMINFO of 34 bytes (RFC 9639 section 8.1)."""
_FLAC_BITS_OFFSET = 12
_ALAC_ATOM_HEADER_SIZE = 12
_ALAC_COOKIE_SIZE = 24
_ALAC_BITS_OFFSET = 5
_SSA_STYLES = b"[V4 Styles]"
_DVB_PAGES_SIZE = 5


@dataclass(frozen=True, slots=True)
class MatroskaCodec:
    """What a TrackEntry says of a codec; ``bit_depth`` is 0 where samples have none."""

    codec_id: str
    private: bytes
    bit_depth: int = 0


def matroska_codec(track: Track) -> MatroskaCodec:
    """Map a track.

    Raises:
        UnsupportedError: a codec without a mapping, or whose headers are not in the form that Matroska takes.
    """
    codec_id = CODEC_IDS.get(track.codec)
    if codec_id is None:
        raise UnsupportedError(f"Matroska has no mapping for {track.codec or 'an unknown codec'}")
    if track.codec.startswith("pcm_"):
        return _pcm(track, codec_id)
    special = _SPECIAL.get(track.codec)
    return special(track, codec_id) if special else MatroskaCodec(codec_id, track.extradata)


def _pcm(track: Track, codec_id: str) -> MatroskaCodec:
    if track.codec not in _WAVE_FORMATS:
        return MatroskaCodec(codec_id, b"", int("".join(filter(str.isdigit, track.codec))))
    # WAVEFORMATEX of one byte a sample, without anything behind it.
    rate = track.sample_rate
    block = track.channels * _G711_BITS // 8
    wave = struct.pack("<HHIIHHH", _WAVE_FORMATS[track.codec], track.channels, rate, rate * block, block, _G711_BITS, 0)
    return MatroskaCodec(codec_id, wave, _G711_BITS)


def _aac(track: Track, codec_id: str) -> MatroskaCodec:
    if not track.extradata:
        raise UnsupportedError("the AAC track has no AudioSpecificConfig")
    return MatroskaCodec(codec_id, track.extradata)


def _alac(track: Track, codec_id: str) -> MatroskaCodec:
    cookie = track.extradata[_ALAC_ATOM_HEADER_SIZE:]
    if len(cookie) < _ALAC_COOKIE_SIZE:
        raise UnsupportedError("the ALAC track has no magic cookie")
    return MatroskaCodec(codec_id, cookie, cookie[_ALAC_BITS_OFFSET])


def _flac(track: Track, codec_id: str) -> MatroskaCodec:
    data = track.extradata
    private = data if data.startswith(_FLAC_MARKER) else _FLAC_HEADER + data[:_FLAC_STREAM_INFO_SIZE]
    if len(private) < len(_FLAC_HEADER) + _FLAC_STREAM_INFO_SIZE:
        raise UnsupportedError("the FLAC track has no STREAMINFO")
    (bits,) = struct.unpack_from(">H", private, len(_FLAC_HEADER) + _FLAC_BITS_OFFSET)
    return MatroskaCodec(codec_id, private, (bits >> 4 & 31) + 1)


def _opus(track: Track, codec_id: str) -> MatroskaCodec:
    if len(track.extradata) < _OPUS_HEAD_SIZE:
        raise UnsupportedError("the Opus track has no identification header")
    return MatroskaCodec(codec_id, track.extradata)


def _vorbis(track: Track, codec_id: str) -> MatroskaCodec:
    if track.extradata[:1] != b"\x02":
        raise UnsupportedError("the Vorbis headers are not in the laced form that Matroska takes")
    return MatroskaCodec(codec_id, track.extradata)


def _ass(track: Track, codec_id: str) -> MatroskaCodec:
    return MatroskaCodec("S_TEXT/SSA" if _SSA_STYLES in track.extradata else codec_id, track.extradata)


def _dvb_subtitle(track: Track, codec_id: str) -> MatroskaCodec:
    if len(track.extradata) < _DVB_PAGES_SIZE - 1:
        raise UnsupportedError("the DVB subtitles do not say which pages they are on")
    # Composition and ancillary page, and the type of the first service (ETSI EN 300 468 section 6.2.41).
    return MatroskaCodec(codec_id, track.extradata[:_DVB_PAGES_SIZE])


_SPECIAL: Mapping[str, Callable[[Track, str], MatroskaCodec]] = {
    "aac": _aac,
    "alac": _alac,
    "ass": _ass,
    "dvb_subtitle": _dvb_subtitle,
    "flac": _flac,
    "opus": _opus,
    "vorbis": _vorbis,
}
