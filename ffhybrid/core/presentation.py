"""How a player is to show decoded pictures, beyond the colour of their samples: values that no decoder needs."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from ffhybrid import hevc, sei

MASTERING_DISPLAY_PAYLOAD_TYPE, CONTENT_LIGHT_PAYLOAD_TYPE = 137, 144
_MASTERING_DISPLAY = struct.Struct(">8H2I")
_CONTENT_LIGHT = struct.Struct(">2H")

Chromaticity = tuple[int, int]
"""CIE 1931 x and y in units of 0.00002."""


@dataclass(frozen=True, slots=True)
class MasteringDisplay:
    """The display that a programme was graded on (SMPTE ST 2086), in the units of H.265 clause D.3.28.

    Luminances count 0.0001 cd/m2. What is not known is 0.
    """

    green: Chromaticity
    blue: Chromaticity
    red: Chromaticity
    white_point: Chromaticity
    max_luminance: int
    min_luminance: int

    def to_sei(self) -> bytes:
        """Write the message in a NAL unit of its own."""
        points = (*self.green, *self.blue, *self.red, *self.white_point)
        data = _MASTERING_DISPLAY.pack(*points, self.max_luminance, self.min_luminance)
        return sei.write_message(MASTERING_DISPLAY_PAYLOAD_TYPE, data)

    @classmethod
    def from_sei(cls, data: bytes) -> MasteringDisplay:
        """Read the payload of the message, at least 24 bytes."""
        gx, gy, bx, by, rx, ry, wx, wy, most, least = _MASTERING_DISPLAY.unpack_from(data)
        return cls((gx, gy), (bx, by), (rx, ry), (wx, wy), most, least)


@dataclass(frozen=True, slots=True)
class ContentLight:
    """MaxCLL and MaxFALL (CTA-861.3) in cd/m2, 0 where they are not known."""

    maximum: int
    frame_average: int

    def to_sei(self) -> bytes:
        """Write the message (H.265 clause D.2.35) in a NAL unit of its own."""
        return sei.write_message(CONTENT_LIGHT_PAYLOAD_TYPE, _CONTENT_LIGHT.pack(self.maximum, self.frame_average))

    @classmethod
    def from_sei(cls, data: bytes) -> ContentLight:
        """Read the payload of the message, at least 4 bytes."""
        return cls(*_CONTENT_LIGHT.unpack_from(data))


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a picture is turned for viewing: ``roll`` degrees clockwise, after mirroring it left to right.

    These are ProjectionPoseRoll and, with a ProjectionPoseYaw of 180, its mirror image, as FFmpeg takes them for the
    display matrix of MP4.
    """

    roll: float
    is_mirrored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """All of it; None where the source does not say.

    ``chroma_location`` is ``chroma_sample_loc_type_top_field`` of H.265 (figure E.1): 0 left, 1 centre, 2 top left,
    3 top, 4 bottom left, 5 bottom.
    """

    chroma_location: int | None = None
    orientation: Orientation | None = None
    mastering_display: MasteringDisplay | None = None
    content_light: ContentLight | None = None

    def sei(self) -> tuple[bytes, ...]:
        """SEI NAL units for every keyframe (H.265 clauses D.3.28 and D.3.35: in every IRAP picture)."""
        return tuple(value.to_sei() for value in (self.mastering_display, self.content_light) if value)


def static_metadata(nal_units: Iterable[bytes]) -> tuple[MasteringDisplay | None, ContentLight | None]:
    """Read mastering display and content light level out of an access unit's prefix SEI messages.

    Raises:
        CorruptDataError: a damaged SEI NAL unit.
    """
    display, light = None, None
    for nal in nal_units:
        if not hevc.is_prefix_sei(nal):
            continue
        for kind, data in sei.read_messages(nal):
            if kind == MASTERING_DISPLAY_PAYLOAD_TYPE and len(data) >= _MASTERING_DISPLAY.size:
                display = MasteringDisplay.from_sei(data)
            elif kind == CONTENT_LIGHT_PAYLOAD_TYPE and len(data) >= _CONTENT_LIGHT.size:
                light = ContentLight.from_sei(data)
    return display, light
