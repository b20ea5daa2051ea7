"""Reading hybrid files through PyAV, whatever container stock tools have turned them into.

Payloads are bound to GOPs by their binding tag, never by timestamps: remuxers move packets of sparse tracks, and cuts
leave placeholders without payloads and payloads without placeholders at both ends of a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
from ffhybrid.muxer.assembly import MAX_GOP_BYTES, GopAssembler
from ffhybrid.muxer.carriage import NEURAL_SIDE, Carriage, CarriedUnit, split_access_unit
from ffhybrid.muxer.tracks import AudioPacket, AudioTrack, VideoTrack, audio_packet, audio_track
from ffhybrid.picture import Colour

MAX_PROBED_PACKETS = 1000
"""Packets looked at for the first keyframe."""
FULL_RANGE = 2
_SEEK_STEP = 2
"""Seconds that are sought further back, doubled each time, while no keyframe is found before the time wanted."""
HVCC_VERSION = b"\x01"
_HVCC_FIXED_SIZE = 23


class HybridReader:
    """A hybrid file, open for reading; a context manager. It is read once, from the beginning or where it was sought.

    Raises:
        NotHybridError: no media file, no HEVC video, or a first keyframe without a binding tag.
        CorruptDataError: parameter sets that do not parse, or a damaged container.
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_sought = False
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
        self._streams = [stream for stream in (main, neural, audio) if stream is not None]
        known = [stream.index for stream in self._streams]
        self.other_streams = [
            f"{stream.type} stream {stream.index}" for stream in self._container.streams if stream.index not in known
        ]
        self._packets = self._guarded(self._container.demux(self._streams))
        with self._named():
            self._length_sizes = {stream.index: _length_size(stream) for stream in (main, neural) if stream}
        probed, first = self._probe_first_keyframe()
        self._packets = chain(probed, self._packets)
        if first.binding is None:
            raise NotHybridError(f"{self.path}: the first keyframe has no binding tag, so this is no hybrid file")
        with self._named():
            self._header_sets = self._read_extradata(main) or self._sets_of(first)
        if self._header_sets is None:
            raise CorruptDataError(f"{self.path}: the video has no parameter sets")
        with self._named():
            self.video = self._describe(self._sets_of(first) or self._header_sets)

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
        size = 0
        for packet in self._packets:
            probed.append(packet)
            size += packet.size
            if packet.stream.index == self._main.index and packet.size:
                unit = self._split(packet)
                if _is_keyframe(unit):
                    return probed, unit
            if len(probed) > MAX_PROBED_PACKETS or size > MAX_GOP_BYTES:
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
    def pix_fmt(self) -> str:
        """FFmpeg's name of the pixel format that the SPS declares."""
        depth = hevc.parse_sps(self.video.parameter_sets.sps).bit_depth
        return "yuv420p" if depth == 8 else f"yuv420p{depth}le"

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

    def seek(self, pts: int) -> None:
        """Go on with the last keyframe at or before a time in units of :attr:`time_base`.

        Raises:
            UnsupportedError: the file cannot seek.
        """
        self.is_sought = True
        start = self._main.start_time or 0
        back = 0
        while True:
            try:
                self._container.seek(pts - back, stream=self._main)
            except av.error.FFmpegError as error:
                raise UnsupportedError(f"{self.path}: cannot seek: {error}") from error
            packets = self._guarded(self._container.demux(self._streams))
            skipped = self._skip_to_keyframe(packets, pts)
            if skipped or pts - back < start:
                self._packets = chain(skipped, packets)
                return
            back = max(2 * back, round(_SEEK_STEP / self.time_base))

    def _skip_to_keyframe(self, packets: Iterator[av.Packet[Any]], pts: int) -> list[av.Packet[Any]]:
        """Read on to the first picture after a time; keep what begins with the last keyframe before that.

        Containers without an index seek to any picture. Empty where there is no such keyframe.
        """
        neural: list[av.Packet[Any]] = []
        kept: list[av.Packet[Any]] = []
        for packet in packets:
            if not packet.size or packet.pts is None:
                continue
            if self._neural is not None and packet.stream.index == self._neural.index:
                neural.append(packet)
                continue
            is_later = packet.pts > pts
            is_picture = packet.stream.index == self._main.index
            if is_picture and not is_later and packet.is_keyframe and _is_keyframe(self._split(packet)):
                kept = [packet]
            elif kept:
                kept.append(packet)
            if is_picture and is_later:
                break
        return [*neural, *kept] if kept else []

    def gops(self) -> Iterator[HybridGop]:
        """Yield the GOPs in file order."""
        return (item for item in self.demux() if isinstance(item, HybridGop))

    def demux(self) -> Iterator[HybridGop | AudioPacket]:
        """Yield GOPs and audio packets as they become complete; memory is bounded to a few GOPs.

        Raises:
            CorruptDataError: damaged access units, or a GOP whose payload is missing or does not match.
        """
        gops = GopAssembler(name=str(self.path), time_base=self.time_base)
        for packet in self._packets:
            if not packet.size:
                continue
            if self.audio_stream is not None and packet.stream.index == self.audio_stream.index:
                yield audio_packet(packet)
            elif packet.stream.index == self._main.index:
                self._take_video(packet, gops)
            else:
                self._take_neural(packet, gops)
            yield from gops.complete()
        yield from gops.finish()

    def _guarded(self, packets: Iterator[av.Packet[Any]]) -> Iterator[av.Packet[Any]]:
        try:
            yield from packets
        except av.error.FFmpegError as error:
            raise CorruptDataError(f"{self.path}: the container is damaged: {error}") from error

    def _split(self, packet: av.Packet[Any]) -> CarriedUnit:
        length_size = self._length_sizes[packet.stream.index]
        data = bytes(packet)
        with self._named(_seconds(packet)):
            if length_size:
                return split_access_unit(hevc.split_length_prefixed(data, length_size))
            return split_access_unit(hevc.split_annexb(data))

    def _take_video(self, packet: av.Packet[Any], gops: GopAssembler) -> None:
        unit = self._split(packet)
        if packet.pts is None:
            raise CorruptDataError(f"{self.path}: a video packet has no timestamp")
        picture = AccessUnit(unit.picture, packet.pts, packet.duration or self._frame_duration())
        if not _is_keyframe(unit):
            gops.add_picture(picture)
            return
        with self._named(_seconds(packet)):
            sets = self._sets_of(unit) or self._header_sets
        gops.begin(unit, picture, cast(ParameterSets, sets))

    def _take_neural(self, packet: av.Packet[Any], gops: GopAssembler) -> None:
        payload = self._split(packet).payload
        if payload is None:
            raise CorruptDataError(f"{self.path}: the neural packet at {_seconds(packet):.3f} s has no payload")
        gops.add_payload(payload)

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
    """Bytes of a NAL unit's length, 0 for Annex B (ISO/IEC 14496-15 clause 8.3.3.1)."""
    extradata = bytes(stream.codec_context.extradata or b"")
    if extradata[:1] != HVCC_VERSION:
        return 0
    size = (extradata[21] & 3) + 1 if len(extradata) >= _HVCC_FIXED_SIZE else 0
    if size not in (1, 2, 4):
        raise CorruptDataError("the hvcC record is damaged")
    return size


def _is_keyframe(unit: CarriedUnit) -> bool:
    return any(hevc.is_idr(nal) for nal in unit.picture)


def _seconds(packet: av.Packet[Any]) -> float:
    return float((packet.pts or 0) * (packet.time_base or 0))
