"""SEI messages of static HDR metadata: mastering display colour volume and content light level (H.265 annex D)."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from ffhybrid.core.presentation import ContentLight, MasteringDisplay, Presentation
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.hevc.nal import is_prefix_sei
from ffhybrid.hevc.sei import read_messages, write_message

MASTERING_DISPLAY_PAYLOAD_TYPE, CONTENT_LIGHT_PAYLOAD_TYPE = 137, 144
_MASTERING_DISPLAY = struct.Struct(">8H2I")
_CONTENT_LIGHT = struct.Struct(">2H")


def write_mastering_display(display: MasteringDisplay) -> bytes:
    """Write the message (H.265 clause D.2.28) in a NAL unit of its own."""
    points = (*display.green, *display.blue, *display.red, *display.white_point)
    data = _MASTERING_DISPLAY.pack(*points, display.max_luminance, display.min_luminance)
    return write_message(MASTERING_DISPLAY_PAYLOAD_TYPE, data)


def write_content_light(light: ContentLight) -> bytes:
    """Write the message (H.265 clause D.2.35) in a NAL unit of its own."""
    return write_message(CONTENT_LIGHT_PAYLOAD_TYPE, _CONTENT_LIGHT.pack(light.maximum, light.frame_average))


def write_static_metadata(presentation: Presentation) -> tuple[bytes, ...]:
    """SEI NAL units for every keyframe (H.265 clauses D.3.28 and D.3.35: in every IRAP picture)."""
    display, light = presentation.mastering_display, presentation.content_light
    return (
        *((write_mastering_display(display),) if display else ()),
        *((write_content_light(light),) if light else ()),
    )


def keyframe_sei(gop: SourceGop) -> tuple[bytes, ...]:
    """SEI NAL units of a GOP's keyframe: those of the whole video, then its own."""
    return (*write_static_metadata(gop.presentation), *gop.sei[0])


def static_metadata(nal_units: Iterable[bytes]) -> tuple[MasteringDisplay | None, ContentLight | None]:
    """Read mastering display and content light level out of an access unit's prefix SEI messages.

    Raises:
        CorruptDataError: a damaged SEI NAL unit.
    """
    display, light = None, None
    for nal in nal_units:
        if not is_prefix_sei(nal):
            continue
        for kind, data in read_messages(nal):
            if kind == MASTERING_DISPLAY_PAYLOAD_TYPE and len(data) >= _MASTERING_DISPLAY.size:
                display = _read_mastering_display(data)
            elif kind == CONTENT_LIGHT_PAYLOAD_TYPE and len(data) >= _CONTENT_LIGHT.size:
                light = ContentLight(*_CONTENT_LIGHT.unpack_from(data))
    return display, light


def static_metadata_sei(nal_units: Iterable[bytes]) -> tuple[bytes, ...]:
    """Write again what :func:`static_metadata` reads, as SEI NAL units for another IRAP picture.

    Raises:
        CorruptDataError: as there.
    """
    display, light = static_metadata(nal_units)
    return write_static_metadata(Presentation(mastering_display=display, content_light=light))


def _read_mastering_display(data: bytes) -> MasteringDisplay:
    gx, gy, bx, by, rx, ry, wx, wy, most, least = _MASTERING_DISPLAY.unpack_from(data)
    return MasteringDisplay((gx, gy), (bx, by), (rx, ry), (wx, wy), most, least)
