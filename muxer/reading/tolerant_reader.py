"""Reading hybrid files on behind damage: which GOPs are whole, and which are lost to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av

from ffhybrid.core.time_range import TimeRange
from ffhybrid.errors import DAMAGE, CorruptDataError, NotHybridError
from ffhybrid.muxer.carriage import Carriage, CarriedUnit, binding_tag
from ffhybrid.muxer.matroska.damaged_range import DamagedRange
from ffhybrid.muxer.reading.damage import DamageWatch, Lost, begins_gop, covered
from ffhybrid.muxer.reading.gop_assembly import FoundGop, GopAssembler
from ffhybrid.muxer.reading.hevc_stream import is_keyframe
from ffhybrid.muxer.reading.inputs import open_media
from ffhybrid.muxer.reading.reader import MAX_PROBED_PACKETS, HybridReader
from ffhybrid.muxer.statement import quoted
from ffhybrid.muxer.streams.selection import StreamOptions
from ffhybrid.muxer.streams.values import StreamPacket, seconds_of


class TolerantReader(HybridReader):
    """A hybrid file that may be damaged: :meth:`demux` gives lost GOPs as such and goes on behind them.

    ``damage`` is what is known of it before. Other arguments and errors are those of :class:`HybridReader`.
    """

    def __init__(
        self,
        path: Path,
        *,
        damage: Sequence[DamagedRange],
        streams: StreamOptions,
        for_matroska: bool,
        time_range: TimeRange | None = None,
    ) -> None:
        self._damage = damage
        self._covered = covered(path, damage)
        self._interruption: CorruptDataError | None = None
        self._unbound: CarriedUnit | None = None
        if damage:
            self._most_probed = 100 * MAX_PROBED_PACKETS
        super().__init__(path, streams=streams, for_matroska=for_matroska, time_range=time_range)
        video = {stream.index for stream in (self._main, self._neural) if stream}
        ahead = [damaged for damaged in damage if damaged.is_end or damaged.end > self.sought_position]
        self._watch = DamageWatch(path, ahead, video=video)

    def close(self) -> None:
        """Close the file."""
        super().close()
        if self._covered:
            self._covered.close()

    def _open_container(self) -> av.container.InputContainer:
        try:
            return open_media(self.path, otherwise=NotHybridError, file=self._covered)
        except BaseException:
            if self._covered:
                self._covered.close()
            raise

    def _probe_first_keyframe(self) -> tuple[list[av.Packet[Any]], CarriedUnit]:
        try:
            return super()._probe_first_keyframe()
        except NotHybridError as error:
            if self._unbound is None:
                raise
            lacking = "the keyframes have no binding tags, so this is no hybrid file"
            raise NotHybridError(f"{self.path}: {lacking}{quoted(self._unbound.statement)}") from error

    def _first_unit(self, packet: av.Packet[Any]) -> CarriedUnit | None:
        """Pass over keyframes that are damaged, or lost their binding tag."""
        try:
            unit = self._split(packet)
        except DAMAGE:
            return None
        if not is_keyframe(unit):
            return None
        if unit.binding is None:
            self._unbound = self._unbound or unit
        is_usable = unit.binding and not any(damage.holds(packet.pos) for damage in self._damage)
        return unit if is_usable else None

    def _keyframe_of(self, packet: av.Packet[Any]) -> CarriedUnit | None:
        """Begin with keyframes that are whole only."""
        return self._first_unit(packet)

    def _payload_of(self, packet: av.Packet[Any]) -> bytes | None:
        try:
            return super()._payload_of(packet)
        except DAMAGE:
            return None

    def _guarded(self, packets: Iterator[av.Packet[Any]]) -> Iterator[av.Packet[Any]]:
        """Take what the demultiplexer cannot read for the end of the file."""
        try:
            yield from super()._guarded(packets)
        except CorruptDataError as error:
            self._interruption = error

    def _assembler(self) -> GopAssembler:
        return GopAssembler(name=str(self.path), time_base=self.time_base, tolerant=True)

    def _take(self, packet: av.Packet[Any], gops: GopAssembler) -> Iterator[FoundGop | StreamPacket]:
        yield from _told(self._watch.before(packet), gops)
        if self._watch.drops(packet):
            return
        try:
            yield from super()._take(packet, gops)
        except DAMAGE as error:
            seconds = seconds_of(packet)
            if packet.stream.index != self._main.index:
                yield FoundGop(number=None, gop=None, seconds=seconds, error=error)
                return
            gops.break_off(error, lost=int(begins_gop(packet)), seconds=seconds)

    def _take_video(self, packet: av.Packet[Any], gops: GopAssembler) -> None:
        if packet.is_corrupt:
            raise CorruptDataError(f"{self.path}: the picture at {seconds_of(packet):.3f} s has gaps")
        if packet.is_keyframe and self.carriage is Carriage.INBAND:
            self._check_payload(packet)
        super()._take_video(packet, gops)

    def _check_payload(self, packet: av.Packet[Any]) -> None:
        """See that a placeholder has its payload in band: it is no cut that separates them."""
        unit = self._split(packet)
        if unit.binding and (unit.payload is None or binding_tag(unit.payload) != unit.binding):
            where = f"the placeholder at {seconds_of(packet):.3f} s"
            raise CorruptDataError(f"{self.path}: {where} has no payload, or one that was changed")

    def _finish(self, gops: GopAssembler) -> Iterator[FoundGop | StreamPacket]:
        if self._interruption:
            gops.break_off(self._interruption, lost=0, seconds=None)
        yield from _told(self._watch.rest(), gops)
        yield from super()._finish(gops)


def _told(found: Iterable[tuple[DamagedRange, Lost]], gops: GopAssembler) -> Iterator[FoundGop]:
    """Tell GOPs of damage; give damage outside of them.

    Every placeholder has its payload, in the same cluster if no tool has moved it: one of them tells of the other.
    """
    for damage, lost in found:
        if damage.has_blocks:
            begun = max(lost.placeholders, lost.payloads - gops.waiting)
            gops.break_off(damage.error, lost=begun, seconds=damage.seconds)
        else:
            yield FoundGop(number=None, gop=None, seconds=damage.seconds, error=damage.error)
