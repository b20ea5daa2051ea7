"""The Matroska writer (RFC 9559): one cluster a GOP, the neural keyframe right behind its placeholder."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import BinaryIO

from ffhybrid import hevc
from ffhybrid.errors import UnsupportedError
from ffhybrid.gop import HybridGop
from ffhybrid.muxer import ebml
from ffhybrid.muxer.carriage import Carriage, neural_nal_units, placeholder_nal_units
from ffhybrid.muxer.tracks import AudioPacket, AudioTrack, VideoTrack, audio_entry, neural_entry, video_entry

APP = "ffhybrid"
TIMESTAMP_SCALE = 1_000_000
TICKS = 1000
"""Timestamps count milliseconds."""

VIDEO, NEURAL, AUDIO = 1, 2, 3
"""Track numbers; audio takes the second number where there is no neural track."""

MAX_RELATIVE = 0x7FFF
MAX_HELD_AUDIO = 64 << 20

_EBML, _SEGMENT, _SEEK_HEAD, _INFO, _TRACKS = 0x1A45DFA3, 0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B
_CLUSTER, _CUES, _TAGS = 0x1F43B675, 0x1C53BB6B, 0x1254C367
_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK, _BLOCK_DURATION = 0xE7, 0xA3, 0xA0, 0xA1, 0x9B
_DURATION = 0x4489
_KEYFRAME = 0x80
_SEEK_HEAD_SPACE = 128


@dataclass(frozen=True, slots=True)
class _CuePoint:
    time: int
    cluster_position: int
    relative_position: int


def to_ticks(seconds: Fraction) -> int:
    """Round seconds to milliseconds, halves up.

    Raises:
        ValueError: a negative timestamp, which Matroska cannot hold.
    """
    if seconds < 0:
        raise ValueError(f"timestamp {float(seconds):.3f} s is negative")
    return int(seconds * TICKS + Fraction(1, 2))


class MatroskaWriter:
    """Writes hybrid GOPs into a binary file; a context manager.

    On a seekable file duration, seek head and cues are filled in by :meth:`close`. On a pipe the segment has no
    size, and every cluster is flushed when its GOP is complete.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        video: VideoTrack,
        audio: AudioTrack | None = None,
        carriage: Carriage = Carriage.TRACK,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self._file = file
        self._seekable = file.seekable()
        self._carriage = carriage
        self._neural_sets = hevc.neural_track_parameter_sets()
        self._audio_number = AUDIO if carriage is Carriage.TRACK else AUDIO - 1
        self._audio: list[AudioPacket] = []
        self._audio_size = 0
        self._cues: list[_CuePoint] = []
        self._end = 0
        self._positions: dict[int, int] = {}
        self._write_headers(video, audio, tags or {})

    def __enter__(self) -> MatroskaWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def write_audio(self, packet: AudioPacket) -> None:
        """Keep a packet until the GOP that it plays with is written.

        Raises:
            UnsupportedError: more audio than 64 MiB runs ahead of the video.
        """
        self._audio.append(packet)
        self._audio_size += len(packet.data)
        if self._audio_size > MAX_HELD_AUDIO:
            raise UnsupportedError("the audio runs too far ahead of the video to be interleaved")

    def write_gop(self, gop: HybridGop) -> None:
        """Write one cluster.

        Raises:
            UnsupportedError: the GOP is longer than a cluster can be (32.767 s).
        """
        start = to_ticks(gop.placeholder.pts * gop.time_base)
        end = to_ticks((gop.placeholder.pts + gop.duration) * gop.time_base)
        audio = self._take_audio_before((gop.placeholder.pts + gop.duration) * gop.time_base)
        blocks = [
            _simple_block(VIDEO, 0, placeholder_nal_units(gop, self._carriage)),
            *self._neural_block(gop, end - start),
        ]
        for unit in gop.inter:
            time = to_ticks(unit.pts * gop.time_base)
            while audio and to_ticks(audio[0].pts) <= time:
                blocks.append(self._audio_block(audio.pop(0), start))
            blocks.append(_simple_block(VIDEO, _relative(time, start), unit.nal_units, is_key=False))
        blocks.extend(self._audio_block(packet, start) for packet in audio)
        self._write_cluster(start, blocks, is_cue=True)
        self._end = max(self._end, end)

    def close(self) -> None:
        """Write what is left of the audio, cues, and the values known only now."""
        if self._audio:
            rest, start = self._audio, to_ticks(self._audio[0].pts)
            self._write_cluster(start, [self._audio_block(packet, start) for packet in rest], is_cue=False)
            self._audio = []
        if self._seekable:
            self._finish()
        self._file.flush()

    def _take_audio_before(self, limit: Fraction) -> list[AudioPacket]:
        taken = [packet for packet in self._audio if packet.pts < limit]
        self._audio = [packet for packet in self._audio if packet.pts >= limit]
        self._audio_size -= sum(len(packet.data) for packet in taken)
        return taken

    def _neural_block(self, gop: HybridGop, duration: int) -> list[bytes]:
        if self._carriage is Carriage.INBAND:
            return []
        block = _block_data(NEURAL, 0, 0, hevc.join_length_prefixed(neural_nal_units(gop, self._neural_sets)))
        return [ebml.master(_BLOCK_GROUP, ebml.element(_BLOCK, block), ebml.unsigned(_BLOCK_DURATION, duration))]

    def _audio_block(self, packet: AudioPacket, start: int) -> bytes:
        time = to_ticks(packet.pts)
        self._end = max(self._end, to_ticks(packet.pts + packet.duration))
        block = _block_data(self._audio_number, _relative(time, start), _KEYFRAME, packet.data)
        return ebml.element(_SIMPLE_BLOCK, block)

    def _write_cluster(self, start: int, blocks: list[bytes], *, is_cue: bool) -> None:
        timestamp = ebml.unsigned(_TIMESTAMP, start)
        crc = len(ebml.element(ebml.CRC32, bytes(4)))
        position = self._file.tell() - self._segment_data if self._seekable else 0
        self._file.write(ebml.checked_master(_CLUSTER, timestamp, *blocks))
        if is_cue:
            self._cues.append(_CuePoint(start, position, crc + len(timestamp)))
        if not self._seekable:
            self._file.flush()

    def _write_headers(self, video: VideoTrack, audio: AudioTrack | None, tags: Mapping[str, str]) -> None:
        self._file.write(_ebml_header())
        self._file.write(ebml.element_id(_SEGMENT) + ebml.UNKNOWN_SIZE)
        self._segment_data = self._file.tell() if self._seekable else 0
        if self._seekable:
            self._file.write(ebml.void(_SEEK_HEAD_SPACE))
        self._write_top(_INFO, _info(with_duration=self._seekable))
        entries = [video_entry(VIDEO, video)]
        if self._carriage is Carriage.TRACK:
            entries.append(neural_entry(NEURAL, self._neural_sets))
        if audio:
            entries.append(audio_entry(self._audio_number, audio))
        self._write_top(_TRACKS, ebml.checked_master(_TRACKS, *entries))
        if tags:
            self._write_top(_TAGS, _tags(tags))

    def _write_top(self, identifier: int, data: bytes) -> None:
        if self._seekable:
            self._positions[identifier] = self._file.tell() - self._segment_data
        self._file.write(data)

    def _finish(self) -> None:
        self._write_top(_CUES, _cues(self._cues))
        size = self._file.tell() - self._segment_data
        seek_head = _seek_head(self._positions)
        self._patch(self._segment_data - ebml.SIZE_FIELD, ebml.vint(size, length=ebml.SIZE_FIELD))
        self._patch(self._segment_data, seek_head + ebml.void(_SEEK_HEAD_SPACE - len(seek_head)))
        self._patch(self._segment_data + self._positions[_INFO], _info(with_duration=True, duration=self._end))

    def _patch(self, position: int, data: bytes) -> None:
        self._file.seek(position)
        self._file.write(data)
        self._file.seek(0, io.SEEK_END)


def _relative(time: int, start: int) -> int:
    if not -MAX_RELATIVE - 1 <= time - start <= MAX_RELATIVE:
        raise UnsupportedError(f"a GOP reaches {(time - start) / TICKS:.3f} s, beyond what a cluster can hold")
    return time - start


def _block_data(track: int, relative: int, flags: int, data: bytes) -> bytes:
    """Track number, relative timestamp, flags, frame (section 10.1 and 10.2)."""
    return ebml.vint(track) + relative.to_bytes(2, "big", signed=True) + bytes([flags]) + data


def _simple_block(track: int, relative: int, nal_units: tuple[bytes, ...], *, is_key: bool = True) -> bytes:
    flags = _KEYFRAME if is_key else 0
    return ebml.element(_SIMPLE_BLOCK, _block_data(track, relative, flags, hevc.join_length_prefixed(nal_units)))


def _ebml_header() -> bytes:
    return ebml.master(
        _EBML,
        ebml.unsigned(0x4286, 1),  # EBMLVersion
        ebml.unsigned(0x42F7, 1),  # EBMLReadVersion
        ebml.unsigned(0x42F2, 4),  # EBMLMaxIDLength
        ebml.unsigned(0x42F3, 8),  # EBMLMaxSizeLength
        ebml.string(0x4282, "matroska"),  # DocType
        ebml.unsigned(0x4287, 4),  # DocTypeVersion
        ebml.unsigned(0x4285, 2),  # DocTypeReadVersion
    )


def _info(*, with_duration: bool, duration: int = 0) -> bytes:
    return ebml.checked_master(
        _INFO,
        ebml.unsigned(0x2AD7B1, TIMESTAMP_SCALE),
        *([ebml.float64(_DURATION, duration)] if with_duration else []),
        ebml.string(0x4D80, APP),  # MuxingApp
        ebml.string(0x5741, APP),  # WritingApp
    )


def _tags(tags: Mapping[str, str]) -> bytes:
    simple = [
        ebml.master(0x67C8, ebml.string(0x45A3, name), ebml.string(0x4487, value)) for name, value in tags.items()
    ]
    return ebml.checked_master(_TAGS, ebml.master(0x7373, ebml.master(0x63C0), *simple))


def _cues(points: list[_CuePoint]) -> bytes:
    return ebml.checked_master(
        _CUES,
        *(
            ebml.master(
                0xBB,  # CuePoint
                ebml.unsigned(0xB3, point.time),
                ebml.master(
                    0xB7,  # CueTrackPositions
                    ebml.unsigned(0xF7, VIDEO),
                    ebml.unsigned(0xF1, point.cluster_position),
                    ebml.unsigned(0xF0, point.relative_position),
                ),
            )
            for point in points
        ),
    )


def _seek_head(positions: Mapping[int, int]) -> bytes:
    seeks = [
        ebml.master(0x4DBB, ebml.element(0x53AB, ebml.element_id(identifier)), ebml.unsigned(0x53AC, position))
        for identifier, position in positions.items()
    ]
    return ebml.checked_master(_SEEK_HEAD, *seeks)
