"""Access units as packets of PyAV, with decoding times and the parameter sets that a decoder lacks."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import Any

import av

from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, ParameterSets
from ffhybrid.muxer.active_parameter_sets import SetsInForce
from ffhybrid.muxer.libav.decode_times import DecodeTimes

_FINEST = 10_000
"""Ticks a second that leave room between pictures for decoding times."""


class GopPackets:
    """Makes packets of GOP after GOP of one stream, timed in ``time_base`` or finer.

    ``header`` are the parameter sets that the stream's header has; a GOP under other ones brings them in band. None
    is for streams without a header: NAL units get start codes, not lengths, and every GOP brings its sets.
    ``floor`` is the least decoding time in seconds, None for any.
    """

    def __init__(self, header: ParameterSets | None, *, time_base: Fraction, floor: int | None = None) -> None:
        self.time_base = time_base / max(1, ceil(_FINEST * time_base))
        self._sets = SetsInForce(header) if header else None
        self._decode_times = DecodeTimes(floor=floor)

    def of(self, units: Sequence[AccessUnit], sets: Sequence[bytes], time_base: Fraction) -> list[av.Packet[Any]]:
        """Make the packets of a GOP in decoding order; ``sets`` are the parameter sets that it is coded under.

        Raises:
            UnsupportedError: see :meth:`DecodeTimes.of`.
        """
        in_band = self._sets.to_write(sets) if self._sets else tuple(sets)
        join = hevc.join_length_prefixed if self._sets else hevc.join_annexb
        scale = time_base / self.time_base
        shown = [round(unit.pts * scale) for unit in units]
        decoded = self._decode_times.of(shown)
        packets: list[av.Packet[Any]] = []
        for index, (unit, pts, decode_time) in enumerate(zip(units, shown, decoded, strict=True)):
            nal_units = unit.nal_units if index else (*in_band, *unit.nal_units)
            packet: av.Packet[Any] = av.Packet(join(nal_units))
            packet.pts, packet.dts, packet.duration = pts, decode_time, round(unit.duration * scale)
            packet.time_base = self.time_base
            packet.is_keyframe = hevc.is_random_access(unit.nal_units)
            packets.append(packet)
        return packets
