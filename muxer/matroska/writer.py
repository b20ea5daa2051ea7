"""The Matroska writer (RFC 9559): one cluster a GOP, the neural keyframe right behind its placeholder."""

from __future__ import annotations

import heapq
import io
from collections.abc import Sequence
from fractions import Fraction
from types import TracebackType
from typing import BinaryIO

from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, HybridGop
from ffhybrid.errors import UnsupportedError
from ffhybrid.muxer.active_parameter_sets import SetsInForce
from ffhybrid.muxer.carriage import Carriage, GopCarrier, neural_nal_units
from ffhybrid.muxer.matroska import ebml, elements
from ffhybrid.muxer.matroska.blocks import (
    MAX_RELATIVE,
    lasting_block,
    packet_block,
    picture_block,
    relative_ticks,
    to_ticks,
)
from ffhybrid.muxer.matroska.tracks import VideoTrack, codec_delay, neural_entry, track_entry, video_entry
from ffhybrid.muxer.streams.values import AUDIO, OtherStreams, StreamPacket

MAX_HELD_BYTES = 64 << 20

_TIMESTAMP = 0xE7

_Held = tuple[int, int, StreamPacket]
"""Ticks, order of arrival, packet: smallest first."""


class MatroskaWriter:
    """Writes GOPs into a binary file, and tracks beside them; a context manager.

    On a seekable file duration, seek head and cues are filled in by :meth:`close`. On a pipe the segment has no size,
    and every cluster is flushed when its GOP is complete. A GOP whose parameter sets are not those of ``video`` brings
    them in band. ``carriage`` None is for GOPs without payloads; their frames are written whole, and those
    of hybrid files with header stripping.

    Raises:
        UnsupportedError: a codec that has no mapping.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        video: VideoTrack,
        other_streams: OtherStreams | None = None,
        carriage: Carriage | None = Carriage.TRACK,
    ) -> None:
        self._file = file
        self._patchable = file.seekable()
        self._carriage = carriage
        self._carrier = GopCarrier(carriage or Carriage.INBAND)
        # Plain files are for any player there is, old ones too that know no header stripping.
        self._is_stripped = carriage is not None
        self._neural_sets = hevc.neural_track_parameter_sets()
        self._sets = SetsInForce(video.parameter_sets)
        self._other_streams = other_streams or OtherStreams()
        self._delays = [codec_delay(track) for track in self._other_streams.tracks]
        self._number_tracks()
        self._held: list[_Held] = []
        self._held_bytes = self._arrived = 0
        self._cues: list[elements.CuePoint] = []
        self._end = 0
        self._positions: dict[int, int] = {}
        self._is_closed = False
        self._write_headers(video)

    def __enter__(self) -> MatroskaWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def _number_tracks(self) -> None:
        """Tracks are numbered in their order; the neural one follows the video."""
        before = self._other_streams.before_video
        self._video = before + 1
        self._neural = self._video + 1
        behind = self._neural + (self._carriage is Carriage.TRACK)
        count = len(self._other_streams.tracks)
        self._numbers = [*range(1, before + 1), *range(behind, behind + count - before)]

    def write_packet(self, packet: StreamPacket) -> None:
        """Keep a packet until the GOP that it plays with is written; those of one track come in order.

        Raises:
            UnsupportedError: a negative timestamp, beyond the codec's own delay, or more than 64 MiB run ahead of the
                video.
        """
        # Readers subtract the codec's delay again (CodecDelay in RFC 9559).
        time = to_ticks(packet.pts, delay=self._delays[packet.track])
        heapq.heappush(self._held, (time, self._arrived, packet))
        self._arrived += 1
        self._held_bytes += len(packet.data)
        if self._held_bytes > MAX_HELD_BYTES:
            raise UnsupportedError("audio and subtitles run too far ahead of the video to be interleaved")

    def write_gop(self, gop: HybridGop) -> None:
        """Write one cluster of placeholder, payload, P and B pictures.

        Raises:
            UnsupportedError: a negative timestamp, or the GOP is longer than a cluster can be (32.767 s), or its
                payload is too large.
        """
        payload = neural_nal_units(gop, self._neural_sets) if self._carriage is Carriage.TRACK else ()
        units = self._carrier.access_units(gop)
        self._write_pictures(units, gop.parameter_sets.nal_units, gop.time_base, payload)

    def write_access_units(self, units: Sequence[AccessUnit], sets: Sequence[bytes], time_base: Fraction) -> None:
        """Write one cluster of a GOP without a payload, in decoding order, coded under the parameter sets ``sets``.

        Raises:
            UnsupportedError: see :meth:`write_gop`.
        """
        self._write_pictures(units, sets, time_base, ())

    def _write_pictures(
        self, units: Sequence[AccessUnit], sets: Sequence[bytes], time_base: Fraction, payload: Sequence[bytes]
    ) -> None:
        keyframe, *inter = units
        start = to_ticks(keyframe.pts * time_base)
        end = to_ticks(max(unit.pts + unit.duration for unit in units) * time_base)
        pictures = [(relative_ticks(to_ticks(unit.pts * time_base), start), unit.nal_units) for unit in inter]
        in_band = self._sets.to_write(sets)
        blocks = [self._picture_block(0, (*in_band, *keyframe.nal_units))]
        if payload:
            blocks.append(lasting_block(self._neural, payload, end - start))
        self._write_packet_clusters(start - MAX_RELATIVE)
        for relative, nal_units in pictures:
            blocks += self._packet_blocks(start, min(start + relative + 1, end))
            blocks.append(self._picture_block(relative, nal_units))
        blocks += self._packet_blocks(start, end)
        self._write_cluster(start, blocks, is_cue=True)
        self._end = max(self._end, end)

    def _picture_block(self, relative: int, nal_units: Sequence[bytes]) -> bytes:
        is_key = hevc.is_random_access(nal_units)
        return picture_block(self._video, relative, nal_units, is_key=is_key, is_stripped=self._is_stripped)

    def close(self) -> None:
        """Write what is left of the other tracks, cues, and the values known only now; again, it does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._write_packet_clusters(None)
        if self._patchable:
            self._finish()
        self._file.flush()

    def _packet_blocks(self, start: int, limit: int | None) -> list[bytes]:
        """Blocks of the packets before ``limit`` ticks that the cluster at ``start`` reaches."""
        blocks: list[bytes] = []
        while self._held and (limit is None or self._held[0][0] < limit) and self._held[0][0] - start <= MAX_RELATIVE:
            time, _, packet = heapq.heappop(self._held)
            track = self._other_streams.tracks[packet.track]
            self._held_bytes -= len(packet.data)
            # Subtitles may claim to be shown for ever.
            self._end = max(self._end, time + to_ticks(packet.duration) if track.kind == AUDIO else time)
            blocks.append(packet_block(self._numbers[packet.track], relative_ticks(time, start), packet, track))
        return blocks

    def _write_packet_clusters(self, limit: int | None) -> None:
        """Write packets that play where there is no video, in as few clusters as can hold them."""
        while self._held and (limit is None or self._held[0][0] < limit):
            start = self._held[0][0]
            self._write_cluster(start, self._packet_blocks(start, limit), is_cue=False)

    def _write_cluster(self, start: int, blocks: list[bytes], *, is_cue: bool) -> None:
        timestamp = ebml.unsigned(_TIMESTAMP, start)
        crc = len(ebml.element(ebml.CRC32, bytes(4)))
        if is_cue and self._patchable:
            position = self._file.tell() - self._segment_data
            self._cues.append(elements.CuePoint(start, self._video, position, crc + len(timestamp)))
        self._file.write(ebml.checked_master(elements.CLUSTER, timestamp, *blocks))
        if not self._patchable:
            self._file.flush()

    def _write_headers(self, video: VideoTrack) -> None:
        other_streams = self._other_streams
        entries = [
            track_entry(number, track) for number, track in zip(self._numbers, other_streams.tracks, strict=True)
        ]
        neural = [neural_entry(self._neural, self._neural_sets)] if self._carriage is Carriage.TRACK else []
        main = video_entry(self._video, video, is_stripped=self._is_stripped)
        entries[other_streams.before_video : other_streams.before_video] = [main, *neural]
        self._file.write(elements.ebml_header() + ebml.element_id(elements.SEGMENT) + ebml.UNKNOWN_SIZE)
        self._segment_data = self._file.tell() if self._patchable else 0
        labels = [(self._video, video.labels)]
        labels += [(number, track.labels) for number, track in zip(self._numbers, other_streams.tracks, strict=True)]
        found = {
            elements.INFO: self._info(),
            elements.TRACKS: ebml.checked_master(elements.TRACKS, *entries),
            elements.CHAPTERS: elements.chapters(other_streams.chapters),
            elements.ATTACHMENTS: elements.attachments(other_streams.attachments),
            elements.TAGS: elements.tags(other_streams.tags, {number: label.other_tags for number, label in labels}),
        }
        present = [identifier for identifier, data in found.items() if data]
        self._seek_head_size = len(elements.seek_head(dict.fromkeys((*present, elements.CUES), 0)))
        if self._patchable:
            self._file.write(ebml.void(self._seek_head_size))
        for identifier in present:
            self._write_top(identifier, found[identifier])

    def _info(self) -> bytes:
        return elements.info(self._end if self._patchable else None, self._other_streams.tags)

    def _write_top(self, identifier: int, data: bytes) -> None:
        if self._patchable:
            self._positions[identifier] = self._file.tell() - self._segment_data
        self._file.write(data)

    def _finish(self) -> None:
        if self._cues:
            self._write_top(elements.CUES, elements.cues(self._cues))
        size = self._file.tell() - self._segment_data
        seek_head = elements.seek_head(self._positions)
        self._patch(self._segment_data - ebml.SIZE_FIELD, ebml.vint(size, length=ebml.SIZE_FIELD))
        unused = self._seek_head_size - len(seek_head)
        self._patch(self._segment_data, seek_head + (ebml.void(unused) if unused else b""))
        self._patch(self._segment_data + self._positions[elements.INFO], self._info())

    def _patch(self, position: int, data: bytes) -> None:
        self._file.seek(position)
        self._file.write(data)
        self._file.seek(0, io.SEEK_END)
