"""Packets of a hybrid file in, packets of standard HEVC out: a filter for loops of PyAV."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, cast

import av

from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.core.payload import Payload
from ffhybrid.errors import CorruptDataError, NotHybridError, UnsupportedError, at
from ffhybrid.muxer.carriage import CarriedUnit, binding_tag
from ffhybrid.muxer.libav.templates import annexb_template, template_of
from ffhybrid.muxer.reading.gop_assembly import MAX_GOP_BYTES, MAX_WAITING_GOPS, MAX_WAITING_PAYLOADS
from ffhybrid.muxer.reading.hevc_stream import (
    describe_video,
    find_hevc,
    header_sets,
    is_keyframe,
    length_size,
    split_packet,
    unit_sets,
)
from ffhybrid.restorer.generator_decode import GeneratorDecode
from ffhybrid.restorer.splice import is_generated_whole, restore_gop

logger = logging.getLogger(__name__)

LENGTH_SIZE = 4
"""Bytes of NAL unit lengths, which all muxers write; fewer do not hold a lossless keyframe."""


@dataclass(slots=True)
class _WaitingGop:
    number: int
    packet: av.Packet[Any]
    unit: CarriedUnit
    inter: list[av.Packet[Any]] = field(default_factory=list)
    size: int = 0


class KeyframeFilter:
    """Puts lossless keyframes in the place of placeholders; used like a bitstream filter of PyAV.

    ``container`` is the open hybrid file that packets come from, in either carriage. Packets of P and B pictures and
    of other streams come out as they went in, at once. A keyframe waits for its payload, and for the packet behind
    it, which tells whether pictures carry hashes. Packets keep their timestamps and their stream; keyframes bring the
    PPS of lossless pictures along, so that the stream's own decoder takes them. Streams that are not hybrid pass.

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
        if self._length_size not in (0, LENGTH_SIZE):
            raise UnsupportedError(f"{self._name}: NAL units have lengths of {self._length_size} bytes")
        self._generator_decode = generator_decode
        self._waiting: deque[_WaitingGop] = deque()
        self._payloads: dict[bytes, bytes] = {}
        self._gops = 0
        self._is_flowing = False

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
            CorruptDataError: damaged access units, or a GOP whose payload does not come within four GOPs.
            GeometryError, VerificationError, ModelError: see :func:`ffhybrid.restorer.splice.decode_keyframe`.
            UnsupportedError: a GOP whose pictures are all generated (``-mode promptus``).
        """
        if packet is None:
            return self._released(is_last=True)
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
            raise CorruptDataError(f"{self._name}: the neural packet at {_seconds(packet):.3f} s has no payload")
        self._keep(payload)
        return self._released(is_last=False)

    def _keep(self, payload: bytes) -> None:
        self._payloads[binding_tag(payload)] = payload
        if len(self._payloads) > MAX_WAITING_PAYLOADS:
            del self._payloads[next(iter(self._payloads))]
            logger.warning("%s: a payload without its GOP is dropped", self._name)

    def _take_video(self, packet: av.Packet[Any]) -> list[av.Packet[Any]]:
        unit = self._split(packet)
        if is_keyframe(unit):
            return self._begin(packet, unit)
        if self._is_flowing:
            return [packet]
        if self._waiting:
            self._hold(packet)
            return self._released(is_last=False)
        # Open GOPs begin with a keyframe that is no IDR picture: hybrid files have none.
        self._is_flowing = packet.is_keyframe
        if self._is_flowing:
            return [packet]
        logger.warning("%s: a picture at %.3f s before the first keyframe is dropped", self._name, _seconds(packet))
        return []

    def _begin(self, packet: av.Packet[Any], unit: CarriedUnit) -> list[av.Packet[Any]]:
        number = self._gops
        if unit.binding is None:
            if number:
                raise CorruptDataError(f"{self._name}: GOP {number} at {_seconds(packet):.3f} s is no hybrid GOP")
            self._is_flowing = True
            return [packet]
        self._gops += 1
        self._is_flowing = False
        self._waiting.append(_WaitingGop(number, packet, unit))
        if unit.payload is not None:
            self._keep(unit.payload)
        return self._released(is_last=False)

    def _hold(self, packet: av.Packet[Any]) -> None:
        gop = self._waiting[-1]
        gop.inter.append(packet)
        gop.size += packet.size
        if gop.size > MAX_GOP_BYTES:
            raise CorruptDataError(f"{self._name}: GOP {gop.number} has more than {MAX_GOP_BYTES} bytes")

    def _released(self, *, is_last: bool) -> list[av.Packet[Any]]:
        """Give the GOPs that have their payload; only the last one may still grow."""
        ready: list[av.Packet[Any]] = []
        while self._waiting:
            gop = self._waiting[0]
            is_growing = len(self._waiting) == 1 and not is_last
            payload = self._payloads.get(cast(bytes, gop.unit.binding))
            if payload is None:
                self._report_missing(gop, is_last=is_last)
                break
            if is_growing and not gop.inter:
                break
            self._waiting.popleft()
            if all(other.unit.binding != gop.unit.binding for other in self._waiting):
                del self._payloads[cast(bytes, gop.unit.binding)]
            ready += [self._restored(gop, payload), *gop.inter]
            self._is_flowing = not self._waiting
        return ready

    def _report_missing(self, gop: _WaitingGop, *, is_last: bool) -> None:
        message = f"{self._name}: GOP {gop.number} at {_seconds(gop.packet):.3f} s has no payload"
        if len(self._waiting) > (1 if is_last else MAX_WAITING_GOPS):
            raise CorruptDataError(f"{message}, or one that was changed")
        if is_last:
            logger.warning("%s; a cut left only its beginning, it is dropped", message)
            self._waiting.clear()

    def _restored(self, gop: _WaitingGop, payload: bytes) -> av.Packet[Any]:
        with at(f"{self._name}: GOP {gop.number} at {_seconds(gop.packet):.3f} s"):
            if is_generated_whole(Payload.from_bytes(payload)):
                raise UnsupportedError("all its pictures are generated, and filters pass P and B pictures: restore it")
            sets = unit_sets(gop.unit) or self._header_sets
            if sets is None:
                raise CorruptDataError("the video has no parameter sets")
            inter = tuple(AccessUnit(self._split(packet).picture, 0, 0) for packet in gop.inter[:1])
            hybrid = HybridGop(payload, sets, AccessUnit(gop.unit.placeholder, 0, 0), inter, Fraction(1))
            restored = restore_gop(hybrid, generator_decode=self._generator_decode)
        keyframe, lossless = restored.access_units[0], restored.parameter_sets.pps[-1]
        return self._packet(gop.packet, (*gop.unit.parameter_sets, lossless, *keyframe.nal_units))

    def _packet(self, like: av.Packet[Any], nal_units: tuple[bytes, ...]) -> av.Packet[Any]:
        join = hevc.join_length_prefixed if self._length_size else hevc.join_annexb
        packet: av.Packet[Any] = av.Packet(join(nal_units))
        packet.stream = like.stream
        packet.time_base = like.time_base
        packet.pts, packet.dts, packet.duration = like.pts, like.dts, like.duration
        packet.is_keyframe = True
        return packet

    def _split(self, packet: av.Packet[Any]) -> CarriedUnit:
        with at(f"{self._name}: at {_seconds(packet):.3f} s"):
            return split_packet(packet, length_size(packet.stream))


def _seconds(packet: av.Packet[Any]) -> float:
    return float((packet.pts or 0) * (packet.time_base or 0))
