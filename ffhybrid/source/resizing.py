"""Smaller pictures of a video: which size, and averaging areas."""

from __future__ import annotations

from dataclasses import replace

import av
from av.video.reformatter import Interpolation

from ffhybrid.core.frames import video_frame
from ffhybrid.core.picture import Picture, PictureSpec

LEAST_SIDE = 16


def scaled_spec(spec: PictureSpec, *, width: int | None, height: int | None) -> PictureSpec:
    """Give the spec of pictures of another size, with even sides.

    Args:
        spec: of the source.
        width: in luma samples; None keeps the size.
        height: None keeps the source's shape, and never enlarges it.
    """
    if width is None or (height is None and width >= spec.width):
        return spec
    columns = max(width // 2 * 2, LEAST_SIDE)
    rows = round(spec.height * columns / spec.width / 2) * 2 if height is None else height // 2 * 2
    return replace(spec, width=columns, height=max(rows, LEAST_SIDE))


def resized(picture: Picture, spec: PictureSpec) -> av.VideoFrame:
    """Turn a picture into a frame of a spec's size."""
    frame = video_frame(picture)
    if (spec.width, spec.height) == (frame.width, frame.height):
        return frame
    return frame.reformat(width=spec.width, height=spec.height, interpolation=Interpolation.AREA)
