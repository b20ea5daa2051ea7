"""Pictures as PNG files, which every viewer shows, converted to RGB with their own matrix and range."""

from __future__ import annotations

from fractions import Fraction

import av

from ffhybrid.core.frames import video_frame
from ffhybrid.core.picture import Picture, PictureSpec

_PIXEL_FORMAT = "rgb24"


def png(picture: Picture, spec: PictureSpec) -> bytes:
    """Encode the shown part of a picture as an 8-bit RGB PNG."""
    frame = video_frame(picture.cropped(spec.width, spec.height))
    frame.colorspace = spec.colour.matrix
    frame.color_range = spec.colour.range
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = spec.width, spec.height, _PIXEL_FORMAT
    encoder.time_base = Fraction(1)
    packets = [*encoder.encode(frame.reformat(format=_PIXEL_FORMAT)), *encoder.encode(None)]
    return b"".join(map(bytes, packets))
