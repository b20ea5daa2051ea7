"""Pictures as files that every viewer shows, converted to RGB with their own matrix and range."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import av

from ffhybrid.core.frames import video_frame
from ffhybrid.core.picture import FULL_RANGE, LIMITED_RANGE, Picture, PictureSpec


def png(picture: Picture, spec: PictureSpec) -> bytes:
    """Encode the shown part of a picture as an 8-bit RGB PNG."""
    return _encoded(picture, spec, "png", "rgb24", {})


def webp(picture: Picture, spec: PictureSpec, *, quality: int) -> bytes:
    """Encode the shown part of a picture as a lossy WebP of a ``quality`` of 0 to 100."""
    return _encoded(picture, spec, "libwebp", "bgra", {"quality": str(quality)})


def _encoded(picture: Picture, spec: PictureSpec, codec: str, pix_fmt: str, options: dict[str, str]) -> bytes:
    frame = video_frame(picture.cropped(spec.width, spec.height))
    frame.colorspace = spec.colour.matrix
    frame.color_range = FULL_RANGE if spec.colour.full_range else LIMITED_RANGE
    encoder = cast(av.VideoCodecContext, av.CodecContext.create(codec, "w"))
    encoder.width, encoder.height, encoder.pix_fmt = spec.width, spec.height, pix_fmt
    encoder.time_base = Fraction(1)
    encoder.options = options
    packets = [*encoder.encode(frame.reformat(format=pix_fmt)), *encoder.encode(None)]
    return b"".join(map(bytes, packets))
