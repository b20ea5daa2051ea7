"""Reading hybrid files through PyAV, whatever container stock tools have turned them into.

Payloads are bound to GOPs by their binding tag, never by timestamps: remuxers move packets of sparse tracks, and cuts
leave placeholders without payloads and payloads without placeholders at both ends of a file.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import av

from ffhybrid import hevc
from ffhybrid.errors import CorruptDataError, NotHybridError, UnsupportedError
from ffhybrid.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.media import open_media
from ffhybrid.muxer.carriage import NEURAL_SIDE, Carriage, CarriedUnit, binding_tag, split_access_unit
from ffhybrid.muxer.tracks import AudioPacket, AudioTrack, VideoTrack, audio_packet, audio_track
from ffhybrid.picture import Colour

logger = logging.getLogger(__name__)

MAX_WAITING_GOPS = 4
"""Complete GOPs held while their payload is still to come."""
MAX_GOP_BYTES = 1 << 28
MAX_PROBED_PACKETS = 1000
"""Packets looked at for the first keyframe."""
FULL_RANGE = 2
HVCC_VERSION = b"\x01"


@dataclass(slots=True)
class _OpenGop:
    number: int
    binding: bytes
    parameter_sets: ParameterSets
    units: list[AccessUnit]
    size: int = 0


@dataclass(slots=True)
class _State:
    """Where the demultiplexing stands."""

    queue: deque[_OpenGop] = field(default_factory=deque)
    payloads: dict[bytes, bytes] = field(default_factory=dict)
    gops: int = 0


class HybridReader:
    """A hybrid file, open for reading; a context manager.

    Raises:
        NotHybridError: no media file, no HEVC video, or a first keyframe without a binding tag.
        CorruptDataError: parameter sets that do not parse.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._container = open_media(path, otherwise=NotHybridError)
        try:
            self._open()
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> HybridReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _open(self) -> None:
        hevc_streams = [s for s in self._container.streams.video if _codec_name(s) == "hevc"]
        if not hevc_streams:
            raise NotHybridError(f"{self.path}: there is no HEVC video, so this is no hybrid file")
        main = next((s for s in hevc_streams if not _is_neural_size(s)), hevc_streams[0])
        neural = next((s for s in hevc_streams if s is not main and _is_neural_size(s)), None)
        audio = next((stream for stream in self._container.streams.audio if _codec_name(stream)), None)
        self.carriage = Carriage.TRACK if neural else Carriage.INBAND
        self.audio_stream = audio
        self._main, self._neural = main, neural
        known = [stream.index for stream in (main, neural, audio) if stream is not None]
        self.other_streams = [
            f"{stream.type} stream {stream.index}" for stream in self._container.streams if stream.index not in known
        ]
        self._packets = self._container.demux([stream for stream in (main, neural, audio) if stream is not None])
        with self._named():
            header_sets = self._read_extradata(main)
            self._length_sizes = {stream.index: _length_size(stream) for stream in (main, neural) if stream}
        probed, first = self._probe_first_keyframe()
        self._packets = chain(probed, self._packets)
        if first.binding is None:
            raise NotHybridError(f"{self.path}: the first keyframe has no binding tag, so this is no hybrid file")
        with self._named():
            self._header_sets = self._sets_of(first) or header_sets
        if self._header_sets is None:
            raise CorruptDataError(f"{self.path}: the video has no parameter sets")
        with self._named():
            self.video = self._describe(self._header_sets)

    @contextmanager
    def _named(self, seconds: float | None = None) -> Iterator[None]:
        """Put the file, and the time where there is one, before the message of an error."""
        try:
            yield
        except (CorruptDataError, UnsupportedError) as error:
            where = f"{self.path}: " if seconds is None else f"{self.path}: at {seconds:.3f} s: "
            raise type(error)(f"{where}{error}") from error

    def _read_extradata(self, stream: av.VideoStream) -> ParameterSets | None:
        """Parameter sets where the header has them, as an hvcC record or as Annex B."""
        extradata = bytes(stream.codec_context.extradata or b"")
        if _length_size(stream):
            return hevc.read_hvcc(extradata)[0]
        nal_units = hevc.split_annexb(extradata)
        return hevc.parameter_sets(nal_units) if nal_units else None

    def _probe_first_keyframe(self) -> tuple[list[av.Packet[Any]], CarriedUnit]:
        probed: list[av.Packet[Any]] = []
        for packet in self._packets:
            probed.append(packet)
            if packet.stream.index == self._main.index and packet.size:
                unit = self._split(packet)
                if _is_keyframe(unit):
                    return probed, unit
            if len(probed) > MAX_PROBED_PACKETS:
                break
        raise NotHybridError(f"{self.path}: the HEVC video has no IDR picture, so this is no hybrid file")

    def _sets_of(self, unit: CarriedUnit) -> ParameterSets | None:
        return hevc.parameter_sets(unit.parameter_sets) if unit.parameter_sets else None

    def _describe(self, sets: ParameterSets) -> VideoTrack:
        context = self._main.codec_context
        sps = hevc.parse_sps(sets.sps)
        colour = Colour(
            int(context.color_primaries),
            int(context.color_trc),
            int(context.colorspace),
            int(context.color_range) == FULL_RANGE,
        )
        return VideoTrack(
            parameter_sets=sets,
            width=sps.width,
            height=sps.height,
            sample_aspect_ratio=self._main.sample_aspect_ratio or Fraction(1),
            frame_rate=self._main.average_rate or self._main.guessed_rate,
            colour=colour,
        )

    @property
    def time_base(self) -> Fraction:
        """Unit of the timestamps of access units."""
        return cast(Fraction, self._main.time_base)

    @property
    def format_name(self) -> str:
        """FFmpeg's name of the container format."""
        return self._container.format.name

    @property
    def duration(self) -> float | None:
        """Seconds, where the container says."""
        return self._container.duration / av.time_base if self._container.duration else None

    @property
    def audio(self) -> AudioTrack | None:
        """The first audio track."""
        return audio_track(self.audio_stream) if self.audio_stream else None

    def gops(self) -> Iterator[HybridGop]:
        """Yield the GOPs in file order."""
        return (item for item in self.demux() if isinstance(item, HybridGop))

    def demux(self) -> Iterator[HybridGop | AudioPacket]:
        """Yield GOPs and audio packets as they become complete; memory is bounded to a few GOPs.

        Raises:
            CorruptDataError: damaged access units, or a GOP whose payload is missing or does not match.
        """
        state = _State()
        for packet in self._guarded_packets():
            if not packet.size:
                continue
            if self.audio_stream is not None and packet.stream.index == self.audio_stream.index:
                yield audio_packet(packet)
            elif packet.stream.index == self._main.index:
                self._take_video(packet, state)
            else:
                self._take_neural(packet, state)
            yield from self._ready(state, keep=1)
        yield from self._ready(state, keep=0)
        if state.gops == 0:
            raise CorruptDataError(f"{self.path}: no GOP is complete")

    def _guarded_packets(self) -> Iterator[av.Packet[Any]]:
        try:
            yield from self._packets
        except av.error.FFmpegError as error:
            raise CorruptDataError(f"{self.path}: the container is damaged: {error}") from error

    def _split(self, packet: av.Packet[Any]) -> CarriedUnit:
        length_size = self._length_sizes[packet.stream.index]
        data = bytes(packet)
        with self._named(_seconds(packet)):
            if length_size:
                return split_access_unit(hevc.split_length_prefixed(data, length_size))
            return split_access_unit(hevc.split_annexb(data))

    def _take_video(self, packet: av.Packet[Any], state: _State) -> None:
        unit = self._split(packet)
        if packet.pts is None:
            raise CorruptDataError(f"{self.path}: a video packet has no timestamp")
        picture = AccessUnit(unit.picture, packet.pts, packet.duration or self._frame_duration())
        if _is_keyframe(unit):
            self._begin_gop(unit, picture, state)
            return
        if not state.queue:
            logger.warning("%s: a picture at %.3f s before the first keyframe is dropped", self.path, _seconds(packet))
            return
        gop = state.queue[-1]
        gop.size += packet.size
        if gop.size > MAX_GOP_BYTES:
            raise CorruptDataError(f"{self.path}: GOP {gop.number} has more than {MAX_GOP_BYTES} bytes")
        gop.units.append(picture)

    def _begin_gop(self, unit: CarriedUnit, picture: AccessUnit, state: _State) -> None:
        number = state.gops + len(state.queue)
        if unit.binding is None:
            raise CorruptDataError(
                f"{self.path}: GOP {number} at {float(picture.pts * self.time_base):.3f} s is no hybrid GOP"
            )
        if unit.payload is not None:
            state.payloads[binding_tag(unit.payload)] = unit.payload
        slices = tuple(nal for nal in unit.picture if hevc.is_slice(nal))
        placeholder = AccessUnit(slices, picture.pts, picture.duration)
        with self._named(float(picture.pts * self.time_base)):
            sets = self._sets_of(unit) or self._header_sets
        state.queue.append(_OpenGop(number, unit.binding, cast(ParameterSets, sets), [placeholder]))

    def _take_neural(self, packet: av.Packet[Any], state: _State) -> None:
        payload = self._split(packet).payload
        if payload is None:
            raise CorruptDataError(f"{self.path}: the neural packet at {_seconds(packet):.3f} s has no payload")
        state.payloads[binding_tag(payload)] = payload
        if len(state.payloads) > 2 * MAX_WAITING_GOPS:
            del state.payloads[next(iter(state.payloads))]
            logger.warning("%s: a payload without its GOP is dropped", self.path)

    def _ready(self, state: _State, *, keep: int) -> Iterator[HybridGop]:
        """Yield complete GOPs; the last ``keep`` ones may still grow."""
        while len(state.queue) > keep:
            gop = state.queue[0]
            payload = state.payloads.get(gop.binding)
            if payload is None and keep and len(state.queue) <= MAX_WAITING_GOPS:
                return
            state.queue.popleft()
            if payload is None:
                self._report_missing(gop, is_last=not keep and not state.queue)
                continue
            if not self._is_repeated(gop, state):
                del state.payloads[gop.binding]
            state.gops += 1
            yield HybridGop(payload, gop.parameter_sets, gop.units[0], tuple(gop.units[1:]), self.time_base)

    @staticmethod
    def _is_repeated(gop: _OpenGop, state: _State) -> bool:
        """Whether a waiting GOP has the same payload, as repeated content has."""
        return any(other.binding == gop.binding for other in state.queue)

    def _report_missing(self, gop: _OpenGop, *, is_last: bool) -> None:
        seconds = float(gop.units[0].pts * self.time_base)
        message = f"{self.path}: GOP {gop.number} at {seconds:.3f} s has no payload"
        if not is_last:
            raise CorruptDataError(f"{message}, or one that was changed")
        logger.warning("%s; a cut left only its beginning, it is dropped", message)

    def _frame_duration(self) -> int:
        rate = self.video.frame_rate or Fraction(25)
        return max(1, round(1 / (rate * self.time_base)))


def _is_neural_size(stream: av.VideoStream) -> bool:
    return stream.width == stream.height == NEURAL_SIDE


def _codec_name(stream: av.VideoStream | av.AudioStream) -> str | None:
    """FFmpeg's name of the codec, None where it knows none."""
    context: av.CodecContext | None = stream.codec_context
    return context.name if context else None


def _length_size(stream: av.VideoStream) -> int:
    """Bytes of a NAL unit's length, 0 for Annex B."""
    extradata = bytes(stream.codec_context.extradata or b"")
    return hevc.read_hvcc(extradata)[1] if extradata[:1] == HVCC_VERSION else 0


def _is_keyframe(unit: CarriedUnit) -> bool:
    return any(hevc.is_idr(nal) for nal in unit.picture)


def _seconds(packet: av.Packet[Any]) -> float:
    return float((packet.pts or 0) * (packet.time_base or 0))
