"""The Matroska writer (RFC 9559): one cluster a GOP, the neural keyframe right behind its placeholder."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Mapping
from fractions import Fraction
from types import TracebackType
from typing import BinaryIO

from ffhybrid import hevc
from ffhybrid.errors import UnsupportedError
from ffhybrid.gop import HybridGop
from ffhybrid.muxer import ebml, top_level
from ffhybrid.muxer.carriage import Carriage, neural_nal_units, placeholder_nal_units
from ffhybrid.muxer.sets_in_force import SetsInForce
from ffhybrid.muxer.tracks import (
    AudioPacket,
    AudioTrack,
    VideoTrack,
    audio_entry,
    codec_delay,
    neural_entry,
    video_entry,
)

TICKS = 1000
"""Timestamps count milliseconds."""

VIDEO, NEURAL, AUDIO = 1, 2, 3
"""Track numbers; audio takes the second number where there is no neural track."""

MAX_RELATIVE = 0x7FFF
MAX_HELD_AUDIO = 64 << 20

_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK, _BLOCK_DURATION = 0xE7, 0xA3, 0xA0, 0xA1, 0x9B
_KEYFRAME = 0x80
_SEEK_HEAD_SPACE = 128


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

    On a seekable file duration, seek head and cues are filled in by :meth:`close`. On a pipe, or with ``live``, the
    segment has no size, and every cluster is flushed when its GOP is complete. A GOP whose parameter sets are not
    those of ``video`` brings them in band.

    Raises:
        UnsupportedError: an audio codec that has no mapping here.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        video: VideoTrack,
        audio: AudioTrack | None = None,
        carriage: Carriage = Carriage.TRACK,
        tags: Mapping[str, str] | None = None,
        live: bool = False,
    ) -> None:
        self._file = file
        self._patchable = file.seekable() and not live
        self._carriage = carriage
        self._neural_sets = hevc.neural_track_parameter_sets()
        self._sets = SetsInForce(video.parameter_sets)
        self._audio_number = AUDIO if carriage is Carriage.TRACK else AUDIO - 1
        self._audio_delay = codec_delay(audio) if audio else Fraction(0)
        self._audio: deque[tuple[int, AudioPacket]] = deque()
        self._audio_size = 0
        self._cues: list[top_level.CuePoint] = []
        self._end = 0
        self._positions: dict[int, int] = {}
        self._is_closed = False
        self._write_headers(video, audio, tags or {})

    def __enter__(self) -> MatroskaWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def write_audio(self, packet: AudioPacket) -> None:
        """Keep a packet until the GOP that it plays with is written; packets come in order.

        Raises:
            ValueError: a negative timestamp, beyond the codec's own delay.
            UnsupportedError: more audio than 64 MiB runs ahead of the video.
        """
        # Readers subtract the codec's delay again (CodecDelay in RFC 9559).
        self._audio.append((to_ticks(packet.pts + self._audio_delay), packet))
        self._audio_size += len(packet.data)
        if self._audio_size > MAX_HELD_AUDIO:
            raise UnsupportedError("the audio runs too far ahead of the video to be interleaved")

    def write_gop(self, gop: HybridGop) -> None:
        """Write one cluster.

        Raises:
            ValueError: a negative timestamp.
            UnsupportedError: the GOP is longer than a cluster can be (32.767 s), or its payload too large.
        """
        start = to_ticks(gop.placeholder.pts * gop.time_base)
        end = to_ticks((gop.placeholder.pts + gop.duration) * gop.time_base)
        video = [(_relative(to_ticks(unit.pts * gop.time_base), start), unit.nal_units) for unit in gop.inter]
        sets = self._sets.to_write(gop.parameter_sets.nal_units)
        blocks = [
            _simple_block(VIDEO, 0, (*sets, *placeholder_nal_units(gop, self._carriage))),
            *self._neural_block(gop, end - start),
        ]
        self._write_audio_clusters(self._take_audio_before(start - MAX_RELATIVE))
        audio = self._take_audio_before(end)
        for relative, nal_units in video:
            while audio and audio[0][0] <= start + relative:
                blocks.append(self._audio_block(audio.popleft(), start))
            blocks.append(_simple_block(VIDEO, relative, nal_units, is_key=False))
        blocks.extend(self._audio_block(held, start) for held in audio)
        self._write_cluster(start, blocks, is_cue=True)
        self._end = max(self._end, end)

    def close(self) -> None:
        """Write what is left of the audio, cues, and the values known only now; again, it does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._write_audio_clusters(self._audio)
        if self._patchable:
            self._finish()
        self._file.flush()

    def _take_audio_before(self, limit: int) -> deque[tuple[int, AudioPacket]]:
        taken: deque[tuple[int, AudioPacket]] = deque()
        while self._audio and self._audio[0][0] < limit:
            taken.append(self._audio.popleft())
            self._audio_size -= len(taken[-1][1].data)
        return taken

    def _write_audio_clusters(self, audio: deque[tuple[int, AudioPacket]]) -> None:
        """Write audio that plays where there is no video, in as few clusters as can hold it."""
        while audio:
            start = audio[0][0]
            blocks = []
            while audio and 0 <= audio[0][0] - start <= MAX_RELATIVE:
                blocks.append(self._audio_block(audio.popleft(), start))
            self._write_cluster(start, blocks, is_cue=False)

    def _neural_block(self, gop: HybridGop, duration: int) -> list[bytes]:
        if self._carriage is Carriage.INBAND:
            return []
        block = _block_data(NEURAL, 0, 0, hevc.join_length_prefixed(neural_nal_units(gop, self._neural_sets)))
        return [ebml.master(_BLOCK_GROUP, ebml.element(_BLOCK, block), ebml.unsigned(_BLOCK_DURATION, duration))]

    def _audio_block(self, held: tuple[int, AudioPacket], start: int) -> bytes:
        time, packet = held
        self._end = max(self._end, time + to_ticks(packet.duration))
        return ebml.element(
            _SIMPLE_BLOCK, _block_data(self._audio_number, _relative(time, start), _KEYFRAME, packet.data)
        )

    def _write_cluster(self, start: int, blocks: list[bytes], *, is_cue: bool) -> None:
        timestamp = ebml.unsigned(_TIMESTAMP, start)
        crc = len(ebml.element(ebml.CRC32, bytes(4)))
        if is_cue and self._patchable:
            position = self._file.tell() - self._segment_data
            self._cues.append(top_level.CuePoint(start, VIDEO, position, crc + len(timestamp)))
        self._file.write(ebml.checked_master(top_level.CLUSTER, timestamp, *blocks))
        if not self._patchable:
            self._file.flush()

    def _write_headers(self, video: VideoTrack, audio: AudioTrack | None, tags: Mapping[str, str]) -> None:
        entries = [video_entry(VIDEO, video)]
        if self._carriage is Carriage.TRACK:
            entries.append(neural_entry(NEURAL, self._neural_sets))
        if audio:
            entries.append(audio_entry(self._audio_number, audio))
        self._file.write(top_level.ebml_header() + ebml.element_id(top_level.SEGMENT) + ebml.UNKNOWN_SIZE)
        self._segment_data = self._file.tell() if self._patchable else 0
        if self._patchable:
            self._file.write(ebml.void(_SEEK_HEAD_SPACE))
        self._write_top(top_level.INFO, top_level.info(0 if self._patchable else None))
        self._write_top(top_level.TRACKS, ebml.checked_master(top_level.TRACKS, *entries))
        if tags:
            self._write_top(top_level.TAGS, top_level.tags(tags))

    def _write_top(self, identifier: int, data: bytes) -> None:
        if self._patchable:
            self._positions[identifier] = self._file.tell() - self._segment_data
        self._file.write(data)

    def _finish(self) -> None:
        if self._cues:
            self._write_top(top_level.CUES, top_level.cues(self._cues))
        size = self._file.tell() - self._segment_data
        seek_head = top_level.seek_head(self._positions)
        self._patch(self._segment_data - ebml.SIZE_FIELD, ebml.vint(size, length=ebml.SIZE_FIELD))
        self._patch(self._segment_data, seek_head + ebml.void(_SEEK_HEAD_SPACE - len(seek_head)))
        self._patch(self._segment_data + self._positions[top_level.INFO], top_level.info(self._end))

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
