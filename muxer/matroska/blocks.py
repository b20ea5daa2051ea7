"""Blocks of a cluster: pictures, and packets of the tracks beside them (RFC 9559 section 5.1.3 and 10)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ffhybrid import hevc
from ffhybrid.errors import UnsupportedError
from ffhybrid.muxer.matroska import ebml
from ffhybrid.muxer.matroska.elements import NANOSECONDS
from ffhybrid.muxer.matroska.header_stripping import stripped_frame
from ffhybrid.muxer.streams.values import AUDIO, StreamPacket, Track

TICKS = 1000
"""Timestamps count milliseconds."""
MAX_RELATIVE = 0x7FFF
"""The most ticks from a cluster to a block of it (RFC 9559 section 10.2)."""
MAX_GOP_SECONDS = 30
"""The most that a GOP is planned to last: its cluster reaches 32.767 s."""

_SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK, _BLOCK_DURATION = 0xA3, 0xA0, 0xA1, 0x9B
_DISCARD_PADDING = 0x75A2
_KEYFRAME = 0x80


def to_ticks(seconds: Fraction, *, delay: Fraction = Fraction(0)) -> int:
    """Round seconds to milliseconds, halves away from zero; ``delay`` is rounded by itself, as readers do.

    Raises:
        UnsupportedError: a negative timestamp, which Matroska cannot hold.
    """
    ticks = _rounded(seconds) + _rounded(delay)
    if ticks < 0:
        raise UnsupportedError(f"timestamp {float(seconds):.3f} s is negative, which Matroska cannot hold")
    return ticks


def _rounded(seconds: Fraction) -> int:
    ticks = int(abs(seconds) * TICKS + Fraction(1, 2))
    return -ticks if seconds < 0 else ticks


def relative_ticks(time: int, start: int) -> int:
    """Time of a block in the cluster that begins at ``start``.

    Raises:
        UnsupportedError: a cluster cannot reach so far (section 10.2).
    """
    if not -MAX_RELATIVE - 1 <= time - start <= MAX_RELATIVE:
        raise UnsupportedError(f"a GOP reaches {(time - start) / TICKS:.3f} s, beyond what a cluster can hold")
    return time - start


def picture_block(track: int, relative: int, nal_units: Sequence[bytes], *, is_key: bool, is_stripped: bool) -> bytes:
    """SimpleBlock of one access unit; ``is_stripped`` as :func:`video_entry` says it of the track."""
    frame = stripped_frame(nal_units) if is_stripped else hevc.join_length_prefixed(nal_units)
    return _simple_block(track, relative, frame, is_key=is_key)


def lasting_block(track: int, nal_units: Sequence[bytes], duration: int) -> bytes:
    """BlockGroup of one access unit at the beginning of its cluster, with a duration in ticks."""
    return ebml.master(
        _BLOCK_GROUP,
        ebml.element(_BLOCK, _block(track, 0, 0, hevc.join_length_prefixed(nal_units))),
        ebml.unsigned(_BLOCK_DURATION, duration),
    )


def packet_block(number: int, relative: int, packet: StreamPacket, track: Track) -> bytes:
    """Block of an audio or subtitle packet, in a group where there is more to say than a time.

    Subtitles say how long they are shown, audio which of its last samples are to be thrown away.
    """
    data = _webvtt_frame(packet) if track.codec == "webvtt" else packet.data
    padding = _discard_padding(packet, track)
    lasts = packet.duration > 0 and (track.kind != AUDIO or padding)
    if not (lasts or padding):
        return _simple_block(number, relative, data, is_key=True)
    details = [
        *([ebml.unsigned(_BLOCK_DURATION, to_ticks(packet.duration))] if lasts else []),
        *([ebml.element(_DISCARD_PADDING, padding.to_bytes(8, "big", signed=True))] if padding else []),
    ]
    return ebml.master(_BLOCK_GROUP, ebml.element(_BLOCK, _block(number, relative, 0, data)), *details)


def _webvtt_frame(packet: StreamPacket) -> bytes:
    """Put identifier and settings of a cue on lines before its text (WebM's D_WEBVTT, which FFmpeg reads)."""
    return packet.side("webvtt_identifier") + b"\n" + packet.side("webvtt_settings") + b"\n" + packet.data


def _discard_padding(packet: StreamPacket, track: Track) -> int:
    """Nanoseconds at the end of a packet that are not to be played."""
    return packet.skipped_samples[1] * NANOSECONDS // track.sample_rate if track.sample_rate else 0


def _simple_block(track: int, relative: int, data: bytes, *, is_key: bool) -> bytes:
    return ebml.element(_SIMPLE_BLOCK, _block(track, relative, _KEYFRAME if is_key else 0, data))


def _block(track: int, relative: int, flags: int, data: bytes) -> bytes:
    """Track number, relative timestamp, flags, frame (section 10.1 and 10.2)."""
    return ebml.vint(track) + relative.to_bytes(2, "big", signed=True) + bytes([flags]) + data
