"""HDR metadata of decoded frames: FFmpeg's side data as values, and HDR10+ as the source's own SEI messages."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterable, Iterator
from typing import Any, cast

import av
from av.sidedata.sidedata import SideData, Type

from ffhybrid.core.presentation import ContentLight, MasteringDisplay
from ffhybrid.errors import CorruptDataError
from ffhybrid.hevc import sei
from ffhybrid.muxer.reading.hevc_stream import length_size, nal_units
from ffhybrid.muxer.streams.values import codec_name
from ffhybrid.source import t35

logger = logging.getLogger(__name__)

_HDR10_PLUS = bytes.fromhex("b5003c000104")
"""Country, provider and application of SMPTE ST 2094-40 in ITU-T T.35."""

_MASTERING = struct.Struct("=20i2i")
"""``AVMasteringDisplayMetadata``: rationals of red, green, blue, white, least and most luminance; what of it is set."""
_LIGHT = struct.Struct("=2I")
"""``AVContentLightMetadata``."""
_CHROMATICITY_UNITS, _LUMINANCE_UNITS = 50_000, 10_000
_MAX_U16, _MAX_U32 = 0xFFFF, 0xFFFFFFFF


def _kind_without_name(kinds: type[Type], value: Any) -> Type:
    """Give kinds that FFmpeg has and PyAV does not name a member; else one hides all side data of its frame."""
    kind = object.__new__(kinds)
    kind._name_, kind._value_ = f"KIND_{value}", value
    kinds._value2member_map_[value] = kind
    return kind


# The hook of enumerations for values without a member.
Type._missing_ = classmethod(_kind_without_name)  # type: ignore[method-assign,assignment]
_VIEW_ID = 29
"""``AV_FRAME_DATA_VIEW_ID``."""
_UNKEPT = {
    Type(_VIEW_ID): "of several views the first is kept",
    Type.DYNAMIC_HDR_PLUS: "HDR10+ metadata are kept of HEVC and AV1 sources only",
    Type.DYNAMIC_HDR_VIVID: "HDR Vivid metadata are not kept",
    Type.DOVI_METADATA: "Dolby Vision metadata are not kept",
}


def mastering_display(frame: av.VideoFrame) -> MasteringDisplay | None:
    """Mastering display of a frame, None where there is none."""
    data = _side_data(frame, Type.MASTERING_DISPLAY_METADATA)
    if len(data) < _MASTERING.size:
        return None
    *numbers, has_primaries, has_luminance = _MASTERING.unpack_from(data)
    values = list(zip(numbers[::2], numbers[1::2], strict=True))
    points = [_scaled(value, _CHROMATICITY_UNITS, _MAX_U16) if has_primaries else 0 for value in values[:8]]
    least, most = (_scaled(value, _LUMINANCE_UNITS, _MAX_U32) if has_luminance else 0 for value in values[8:])
    red, green, blue, white = zip(points[::2], points[1::2], strict=True)
    return MasteringDisplay(green, blue, red, white, most, least)


def content_light(frame: av.VideoFrame) -> ContentLight | None:
    """Content light level of a frame, None where there is none."""
    data = _side_data(frame, Type.CONTENT_LIGHT_LEVEL)
    if len(data) < _LIGHT.size:
        return None
    return ContentLight(*(min(value, _MAX_U16) for value in _LIGHT.unpack_from(data)))


def _all_side_data(frame: av.VideoFrame) -> Iterator[SideData]:
    return iter(cast(Iterable[SideData], frame.side_data))


def _side_data(frame: av.VideoFrame, kind: Type) -> bytes:
    return next((bytes(data) for data in _all_side_data(frame) if data.type == kind), b"")


def _scaled(value: tuple[int, int], units: int, most: int) -> int:
    """Round a rational to whole units, as FFmpeg does for SEI messages."""
    numerator, denominator = value
    if denominator <= 0:
        return 0
    return min(max((2 * numerator * units + denominator) // (2 * denominator), 0), most)


class DynamicMetadata:
    """Carries HDR10+ from the packets of an HEVC or AV1 stream to the frames that are decoded of them, byte for byte.

    FFmpeg has a frame's HDR10+ as a structure of its own, which PyAV does not write back; what the packets have is
    the message itself. It rides on packets and frames as ``opaque``, through reordering and through filters. What is
    lost is said once, at ``level`` of :mod:`logging`.

    Raises:
        CorruptDataError: a damaged hvcC record.
    """

    def __init__(self, stream: av.VideoStream, *, name: str, level: int) -> None:
        self._name = name
        self._level = level
        self._codec = codec_name(stream)
        self._length_size = self._hevc_length_size(stream)
        self._warned: set[str] = set()
        stream.codec_context.copy_opaque = True

    def _hevc_length_size(self, stream: av.VideoStream) -> int:
        try:
            return length_size(stream) if self._codec == "hevc" else 0
        except CorruptDataError as error:
            raise CorruptDataError(f"{self._name}: {error}") from error

    def attach(self, packet: av.Packet[Any]) -> None:
        """Note the HDR10+ messages of a packet; a damaged one has none, which is said once."""
        try:
            found = tuple(message for message in self._messages(packet) if message.startswith(_HDR10_PLUS))
        except CorruptDataError:
            self._warn("HDR10+ metadata may be lost, a packet is damaged")
            return
        if found:
            packet.opaque = tuple(sei.write_t35(message) for message in found)

    def _messages(self, packet: av.Packet[Any]) -> Iterator[bytes]:
        if self._codec == "hevc" and packet.size:
            return t35.of_hevc(nal_units(bytes(packet), self._length_size))
        return t35.of_av1(bytes(packet)) if self._codec == "av1" else iter(())

    def of(self, frame: av.VideoFrame) -> tuple[bytes, ...]:
        """SEI NAL units of a frame; none of one whose HDR10+ a filter took away, as tone mapping does."""
        kinds = {data.type for data in _all_side_data(frame)}
        messages = frame.opaque if Type.DYNAMIC_HDR_PLUS in kinds else None
        if isinstance(messages, tuple):
            kinds.discard(Type.DYNAMIC_HDR_PLUS)
        for kind in kinds & _UNKEPT.keys():
            self._warn(_UNKEPT[kind])
        return messages if isinstance(messages, tuple) else ()

    def _warn(self, words: str) -> None:
        """Say something about this file, once."""
        if words not in self._warned:
            logger.log(self._level, "%s: %s", self._name, words)
        self._warned.add(words)
