"""Packets of a hybrid file in, packets of standard HEVC out: a filter for loops of PyAV."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, cast

import av

from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.core.payload import Payload
from ffhybrid.errors import CorruptDataError, FFHybridError, NotHybridError, UnsupportedError, at
from ffhybrid.muxer.carriage import CarriedUnit, shown_hash
from ffhybrid.muxer.libav.templates import annexb_template, template_of
from ffhybrid.muxer.reading.gop_assembly import FoundGop, GopAssembler
from ffhybrid.muxer.reading.hevc_stream import (
    describe_video,
    find_hevc,
    header_sets,
    is_keyframe,
    length_size,
    nal_units,
    split_packet,
    unit_sets,
)
from ffhybrid.muxer.streams.values import seconds_of
from ffhybrid.restorer.generator_decode import GeneratorDecode
from ffhybrid.restorer.provenance import Provenance
from ffhybrid.restorer.splice import is_generated_whole, restore_gop


@dataclass(frozen=True, slots=True)
class _WaitingGop:
    """The packets of a GOP that is being assembled, and the parameter sets that its keyframe brings along."""

    keyframe: av.Packet[Any]
    parameter_sets: tuple[bytes, ...]
    inter: list[av.Packet[Any]] = field(default_factory=list)


class KeyframeFilter:
    """Puts lossless keyframes in the place of placeholders; used like a bitstream filter of PyAV.

    ``container`` is the open hybrid file that packets come from, in either carriage. Packets of P and B pictures, in
    which picture hashes are such again, and of other streams come out at once. A keyframe waits for its payload, and
    for the packet behind it, which tells whether pictures carry hashes; where a GOP has anchors, for the last of them,
    since they become lossless pictures too. Packets keep their timestamps and their stream;
    keyframes bring the PPS of lossless pictures along, so that the stream's own decoder takes them. Streams that are
    not hybrid pass.

    Raises:
        NotHybridError: there is no HEVC video.
        UnsupportedError: NAL units have lengths of fewer than four bytes.
    """

    def __init__(
        self, container: av.container.InputContainer, *, generator_decode: GeneratorDecode | None = None
    ) -> None:
        self._name = container.name
        main, self._neural = find_hevc(container)
        if main is None:
            raise NotHybridError(f"{self._name}: there is no HEVC video")
        self.stream = main
        """The video; packets that come out belong to it."""
        with at(self._name):
            self._length_size = length_size(main)
            self._header_sets = header_sets(main)
        if self._length_size not in (0, hevc.LENGTH_SIZE):
            raise UnsupportedError(f"{self._name}: NAL units have lengths of {self._length_size} bytes")
        self._generator_decode = generator_decode
        self._gops = GopAssembler(name=self._name, time_base=cast(Fraction, main.time_base), early=_units_needed)
        self._waiting: deque[_WaitingGop] = deque()
        self._is_hybrid = self._is_flowing = False
        self._provenance = Provenance()

    @cached_property
    def template(self) -> av.VideoStream:
        """Describe what comes out, the PPS of lossless pictures included, for ``add_stream_from_template``.

        Raises:
            UnsupportedError: the container does not tell the parameter sets.
        """
        sets = self._header_sets
        if sets is None:
            raise UnsupportedError(f"{self._name}: the header has no parameter sets")
        with at(self._name):
            complete = ParameterSets(sets.vps, sets.sps, (*sets.pps, hevc.lossless_pps(sets)))
            if not self._length_size:
                return annexb_template(complete)
            return template_of(replace(describe_video(self.stream, sets), parameter_sets=complete))

    def process(self, packet: av.Packet[Any] | None) -> list[av.Packet[Any]]:
        """Give what is ready after one packet; None ends the stream and gives the rest.

        Raises:
            CorruptDataError: damaged access units, a GOP whose payload does not come within four GOPs, or none whose
                payload comes at all.
            GeometryError, VerificationError, ModelError: see :func:`ffhybrid.restorer.splice.decode_keyframe`.
            UnsupportedError: a GOP whose pictures are all generated (``-mode promptus``).
        """
        if packet is None:
            return self._restored(self._gops.finish()) if self._is_hybrid else []
        if not packet.size:
            return []
        if packet.stream.index == self.stream.index:
            return self._take_video(packet)
        if self._neural is not None and packet.stream.index == self._neural.index:
            return self._take_neural(packet)
        return [packet]

    def _take_neural(self, packet: av.Packet[Any]) -> list[av.Packet[Any]]:
        payload = self._split(packet).payload
        if payload is None:
            raise CorruptDataError(f"{self._name}: the neural packet at {seconds_of(packet):.3f} s has no payload")
        self._gops.add_payload(payload)
        return self._restored(self._gops.complete())

    def _take_video(self, packet: av.Packet[Any]) -> list[av.Packet[Any]]:
        unit = self._split(packet)
        if is_keyframe(unit):
            return self._begin(packet, unit)
        if not self._waiting and packet.is_keyframe:
            # Open GOPs begin with a keyframe that is no IDR picture: hybrid files have none.
            self._is_flowing = True
        shown = self._with_shown_hash(packet)
        if self._is_flowing:
            return [shown]
        self._gops.add_picture(_picture(packet, unit))
        if self._waiting:
            self._waiting[-1].inter.append(shown)
        return self._restored(self._gops.complete())

    def _begin(self, packet: av.Packet[Any], unit: CarriedUnit) -> list[av.Packet[Any]]:
        if unit.binding is None and not self._is_hybrid:
            self._is_flowing = True
            return [packet]
        with self._named(packet):
            sets = unit_sets(unit) or self._header_sets
            if sets is None:
                raise CorruptDataError("the video has no parameter sets")
        self._gops.begin(unit, _picture(packet, unit), sets)
        self._waiting.append(_WaitingGop(packet, unit.parameter_sets))
        self._is_hybrid, self._is_flowing = True, False
        return self._restored(self._gops.complete())

    def _restored(self, found: Iterable[FoundGop]) -> list[av.Packet[Any]]:
        """Give the packets of GOPs that have their payload; what follows the last of them flows."""
        ready: list[av.Packet[Any]] = []
        for item in found:
            packets = self._waiting.popleft()
            ready += self._made(item, packets)
            self._is_flowing = not self._waiting
        return ready

    def _made(self, found: FoundGop, packets: _WaitingGop) -> list[av.Packet[Any]]:
        """Give the packets of a GOP, with keyframe and anchors made."""
        hybrid = cast(HybridGop, found.gop)
        with at(f"{self._name}: GOP {found.number} at {seconds_of(packets.keyframe):.3f} s"):
            if is_generated_whole(Payload.from_bytes(hybrid.payload)):
                raise UnsupportedError("all its pictures are generated, and filters pass P and B pictures: restore it")
            restored = self._provenance.stated(restore_gop(hybrid, generator_decode=self._generator_decode))
        keyframe, lossless = restored.access_units[0], restored.parameter_sets.pps[-1]
        made = [self._packet(packets.keyframe, (*packets.parameter_sets, lossless, *keyframe.nal_units))]
        for packet, unit in zip(packets.inter, restored.access_units[1:], strict=True):
            is_anchor = hevc.is_random_access(unit.nal_units)
            made.append(self._packet(packet, unit.nal_units, is_keyframe=True) if is_anchor else packet)
        return made

    def _with_shown_hash(self, packet: av.Packet[Any]) -> av.Packet[Any]:
        hidden = nal_units(bytes(packet), self._length_size)
        shown = [shown_hash(nal) for nal in hidden]
        return packet if shown == hidden else self._packet(packet, shown)

    def _packet(self, like: av.Packet[Any], nal_units: Sequence[bytes], *, is_keyframe: bool = False) -> av.Packet[Any]:
        join = hevc.join_length_prefixed if self._length_size else hevc.join_annexb
        packet: av.Packet[Any] = av.Packet(join(nal_units))
        packet.stream = like.stream
        packet.time_base = like.time_base
        packet.pts, packet.dts, packet.duration = like.pts, like.dts, like.duration
        packet.is_keyframe = like.is_keyframe or is_keyframe
        return packet

    def _split(self, packet: av.Packet[Any]) -> CarriedUnit:
        with self._named(packet):
            return split_packet(packet, length_size(packet.stream))

    def _named(self, packet: av.Packet[Any]) -> AbstractContextManager[None]:
        return at(f"{self._name}: at {seconds_of(packet):.3f} s")


@lru_cache(maxsize=8)
def _units_needed(payload: bytes) -> int:
    """Say how many access units of a GOP have to be there to make what is generated of it."""
    try:
        anchors = Payload.from_bytes(payload).anchors
    except FFHybridError:
        return 2  # What is wrong is said when it is restored.
    return 1 + (anchors[-1].place if anchors else 1)


def _picture(packet: av.Packet[Any], unit: CarriedUnit) -> AccessUnit:
    return AccessUnit(unit.picture, packet.pts or 0, packet.duration or 0)
