"""Reading hybrid files through PyAV, whatever container stock tools have turned them into.

Payloads are bound to GOPs by their binding tag, never by timestamps: remuxers move packets of sparse tracks, and cuts
leave placeholders without payloads and payloads without placeholders at both ends of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, cast

import av

from ffhybrid import hevc
from ffhybrid.core.closing import Closing
from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.core.time_range import TimeRange
from ffhybrid.errors import CorruptDataError, NotHybridError, UsageError, at
from ffhybrid.muxer.carriage import Carriage, CarriedUnit
from ffhybrid.muxer.reading.gop_assembly import MAX_GOP_BYTES, FoundGop, GopAssembler
from ffhybrid.muxer.reading.hevc_stream import (
    describe_video,
    find_hevc,
    header_sets,
    is_keyframe,
    length_size,
    split_packet,
    unit_sets,
)
from ffhybrid.muxer.reading.inputs import STANDARD_INPUT, open_media
from ffhybrid.muxer.reading.other_streams import OtherStreamReader
from ffhybrid.muxer.reading.playlist import is_playlist
from ffhybrid.muxer.reading.seeking import KeyframeSeeker
from ffhybrid.muxer.statement import quoted
from ffhybrid.muxer.streams.cutting import LEAD, Cut, rounded
from ffhybrid.muxer.streams.selection import StreamOptions, choose
from ffhybrid.muxer.streams.values import StreamPacket, seconds_of
from ffhybrid.muxer.timing import MILLISECOND, exact_start

MAX_PROBED_PACKETS = 1000
"""Packets looked at for the first keyframe."""


class HybridReader(Closing):
    """A hybrid file, open for reading; a context manager. It is read once, from the beginning or where it was sought.

    ``streams`` says what is read beside the video, None for nothing. With ``for_matroska`` its packets get the form
    that Matroska takes. Of a ``time_range`` what follows the keyframe at or before its start is read; :attr:`cut` is
    that part, in the time of the container, and what plays beside the video is cut to it. ``lost_payload`` gives
    payloads that the file does not have, by their binding tags.

    Raises:
        NotHybridError: no media file, no HEVC video, or a first keyframe without a binding tag.
        CorruptDataError: parameter sets that do not parse, or a damaged container.
        UnsupportedError, UsageError: streams that cannot be read, or that do not exist; a time range without a picture,
            or in a file that cannot seek.
        OSError: the file cannot be opened.
    """

    _most_probed = MAX_PROBED_PACKETS

    def __init__(
        self,
        path: Path,
        *,
        streams: StreamOptions | None = None,
        for_matroska: bool = False,
        time_range: TimeRange | None = None,
        lost_payload: Callable[[bytes], bytes | None] | None = None,
    ) -> None:
        self.path = path
        self._lost_payload = lost_payload
        self._time_range = time_range or TimeRange()
        self.is_sought = False
        self.sought_position = 0
        self._options = streams
        self._for_matroska = for_matroska
        self._container = self._open_container()
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _open_container(self) -> av.container.InputContainer:
        return open_media(self.path, otherwise=NotHybridError)

    def _open(self) -> None:
        main, neural = find_hevc(self._container)
        if main is None:
            raise NotHybridError(f"{self.path}: there is no HEVC video, so this is no hybrid file")
        self.carriage = Carriage.TRACK if neural else Carriage.INBAND
        self._main, self._neural = main, neural
        self.streams_beside = [stream for stream in self._container.streams if stream not in (main, neural)]
        self.other_streams = self._open_other_streams(self._options) if self._options else None
        self._streams: list[Any] = [stream for stream in (main, neural) if stream is not None]
        self._streams += self.other_streams.streams if self.other_streams else []
        self._packets = self._guarded(self._container.demux(self._streams))
        with self._named():
            self._length_sizes = {stream.index: length_size(stream) for stream in (main, neural) if stream}
        self.cut = Cut.of(self._container, self._time_range)
        self._cut_other_streams()
        probed, first = self._probe_first_keyframe()
        self._packets = chain(probed, self._packets)
        if first.binding is None:
            lacking = "the first keyframe has no binding tag, so this is no hybrid file"
            raise NotHybridError(f"{self.path}: {lacking}{quoted(first.statement)}")
        with self._named():
            self._header_sets = header_sets(main) or unit_sets(first)
        if self._header_sets is None:
            raise CorruptDataError(f"{self.path}: the video has no parameter sets")
        with self._named():
            self.video = describe_video(main, unit_sets(first) or self._header_sets, first.picture)
        if self.cut.first is not None:
            self._begin_with_keyframe(self.cut.first)

    def _open_other_streams(self, options: StreamOptions) -> OtherStreamReader:
        streams = [stream for stream in self._container.streams if stream is not self._neural]
        video, others, before_video = choose(streams, options, name=str(self.path))
        if video is not self._main:
            raise UsageError(f"{self.path}: -map leaves the hybrid video out")
        return OtherStreamReader(
            self._container,
            others,
            options,
            before_video=before_video,
            for_matroska=self._for_matroska,
            name=str(self.path),
        )

    def _named(self, seconds: float | None = None) -> AbstractContextManager[None]:
        """Put the file, and the time where there is one, before the message of an error."""
        return at(str(self.path) if seconds is None else f"{self.path}: at {seconds:.3f} s")

    def _probe_first_keyframe(self) -> tuple[list[av.Packet[Any]], CarriedUnit]:
        probed: list[av.Packet[Any]] = []
        size = 0
        for packet in self._packets:
            probed.append(packet)
            size += packet.size
            if packet.stream.index == self._main.index and packet.size:
                unit = self._first_unit(packet)
                if unit and is_keyframe(unit):
                    return probed, unit
            if len(probed) > self._most_probed or size > MAX_GOP_BYTES:
                break
        raise NotHybridError(f"{self.path}: the HEVC video has no IDR picture, so this is no hybrid file")

    def _first_unit(self, packet: av.Packet[Any]) -> CarriedUnit | None:
        """Take a packet apart that may be the first keyframe; None says that it is not."""
        return self._split(packet)

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
    def size(self) -> int | None:
        """Bytes of the file, None for standard input and for playlists."""
        is_file = self.path != STANDARD_INPUT and not is_playlist(self.path)
        return self._container.size if is_file else None

    def seek(self, pts: int) -> None:
        """Go on with the last keyframe at or before a time in units of :attr:`time_base`.

        Raises:
            UnsupportedError: the file cannot seek.
        """
        self.is_sought = True
        self._packets = self._seeker().seek(pts).packets

    def _begin_with_keyframe(self, first: Fraction) -> None:
        """Go to the keyframe at or before where the range begins; whatever is read is cut, and moved, to that."""
        self.is_sought = True
        sought = self._seeker().seek(rounded(first / self.time_base), lead=round(LEAD / self.time_base))
        if sought.end is not None:
            raise UsageError(f"{self.path}: there is no picture from {self._time_range}")
        if sought.first is not None and sought.keyframe is not None:
            shown, timing = cast(int, sought.first.pts) * self.time_base, sought.keyframe.timing
            rounding = self.time_base + MILLISECOND
            exact = exact_start(shown, timing, rounding=rounding) if timing else shown
            self.cut = self.cut.from_keyframe(exact)
            self.sought_position = sought.first.pos or 0
        self._packets = sought.packets
        self._cut_other_streams()

    def _cut_other_streams(self) -> None:
        """Begin anew with what plays beside the video, after the packets to come."""
        if self.other_streams:
            self.other_streams.cut_to(self.cut)
            self._packets = chain(self.other_streams.peek(self._packets), self._packets)

    def _seeker(self) -> KeyframeSeeker:
        return KeyframeSeeker(
            container=self._container,
            streams=self._streams,
            video=self._main,
            neural=self._neural,
            name=str(self.path),
            demux=lambda: self._guarded(self._container.demux(self._streams)),
            keyframe=self._keyframe_of,
            payload=self._payload_of,
        )

    def _keyframe_of(self, packet: av.Packet[Any]) -> CarriedUnit | None:
        """Take a packet apart that may be a keyframe; None says that it is not."""
        unit = self._split(packet)
        return unit if is_keyframe(unit) else None

    def _payload_of(self, packet: av.Packet[Any]) -> bytes | None:
        return self._split(packet).payload

    def gops(self) -> Iterator[HybridGop]:
        """Yield the GOPs in file order."""
        return (item.gop for item in self.demux() if isinstance(item, FoundGop) and item.gop)

    def demux(self) -> Iterator[FoundGop | StreamPacket]:
        """Yield GOPs and packets of the streams beside as they become complete; memory is bounded to a few GOPs.

        Raises:
            CorruptDataError: damaged access units, or a GOP whose payload is missing or does not match.
        """
        gops = self._assembler()
        if self.other_streams:
            yield from self.other_streams.peeked()
        for packet in self._packets:
            if packet.size:
                yield from self._take(packet, gops)
                yield from gops.complete()
        yield from self._finish(gops)

    def _assembler(self) -> GopAssembler:
        return GopAssembler(name=str(self.path), time_base=self.time_base, lost_payload=self._lost_payload)

    def _take(self, packet: av.Packet[Any], gops: GopAssembler) -> Iterator[FoundGop | StreamPacket]:
        if packet.stream.index == self._main.index:
            self._take_video(packet, gops)
        elif self._neural is not None and packet.stream.index == self._neural.index:
            self._take_neural(packet, gops)
        elif self.other_streams:
            yield from self.other_streams.take(packet)

    def _finish(self, gops: GopAssembler) -> Iterator[FoundGop | StreamPacket]:
        if self.other_streams:
            yield from self.other_streams.flush()
        yield from gops.finish()

    def _guarded(self, packets: Iterator[av.Packet[Any]]) -> Iterator[av.Packet[Any]]:
        try:
            yield from packets
        # PyAV does not expect streams that begin behind the header.
        except (av.error.FFmpegError, IndexError) as error:
            raise CorruptDataError(f"{self.path}: the container is damaged: {error}") from error

    def _split(self, packet: av.Packet[Any]) -> CarriedUnit:
        with self._named(seconds_of(packet)):
            return split_packet(packet, self._length_sizes[packet.stream.index])

    def _take_video(self, packet: av.Packet[Any], gops: GopAssembler) -> None:
        unit = self._split(packet)
        if packet.pts is None:
            raise CorruptDataError(f"{self.path}: a video packet has no timestamp")
        picture = AccessUnit(unit.picture, packet.pts, packet.duration or self._frame_duration())
        if not is_keyframe(unit):
            gops.add_picture(picture)
            return
        with self._named(seconds_of(packet)):
            sets = unit_sets(unit) or self._header_sets
        gops.begin(unit, picture, cast(ParameterSets, sets))

    def _take_neural(self, packet: av.Packet[Any], gops: GopAssembler) -> None:
        payload = self._split(packet).payload
        if payload is None:
            raise CorruptDataError(f"{self.path}: the neural packet at {seconds_of(packet):.3f} s has no payload")
        gops.add_payload(payload)

    def _frame_duration(self) -> int:
        rate = self.video.frame_rate or Fraction(25)
        return max(1, round(1 / (rate * self.time_base)))
