"""Presentation of decoded pictures, beyond the colour of their samples: values that no decoder needs."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class ContentLight:
    """MaxCLL and MaxFALL (CTA-861.3) in cd/m2, 0 where they are not known."""

    maximum: int
    frame_average: int


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
