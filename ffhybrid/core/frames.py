"""PyAV's frames as pictures of ours, and back."""

from __future__ import annotations

import av
import numpy as np

from ffhybrid.core.picture import FULL_RANGE, Colour, Picture, PictureSpec, Plane

PIXEL_FORMATS = {8: "yuv420p", 10: "yuv420p10le"}
SAME_SAMPLES = {
    "yuv420p": 8,
    "yuvj420p": 8,
    "nv12": 8,
    "nv21": 8,
    "yuv420p10le": 10,
    "yuv420p10be": 10,
    "p010le": 10,
    "p010be": 10,
}
"""Pixel formats that hold the samples of one of ours, and their bit depth."""

_PLANAR = {"yuv420p": 8, "yuvj420p": 8, "yuv420p10le": 10}
_SMPTE170M = 6


def frame_picture(frame: av.VideoFrame, spec: PictureSpec) -> Picture:
    """Copy the planes of a frame, repeating an odd last row or column once; what is not 4:2:0 is converted."""
    if _PLANAR.get(frame.format.name) != spec.bit_depth:
        frame = _converted(frame, PIXEL_FORMATS[spec.bit_depth], full_range=spec.colour.full_range)
    planes = []
    for plane, (rows, columns) in zip(frame.planes, spec.plane_shapes, strict=True):
        planes.append(_grown(plane_samples(plane, spec.bit_depth), rows, columns))
    return Picture(planes[0], planes[1], planes[2], spec.bit_depth)


def video_frame(picture: Picture) -> av.VideoFrame:
    """Copy a picture into a frame: the inverse of :func:`frame_picture`."""
    packed = picture.samples().reshape(-1, picture.width)
    return av.VideoFrame.from_ndarray(packed, format=PIXEL_FORMATS[picture.bit_depth])


def colour_of(frame: av.VideoFrame) -> Colour:
    """How the samples that :func:`frame_picture` gives are to be shown: RGB becomes BT.601 of limited range."""
    primaries, transfer = int(frame.color_primaries), int(frame.color_trc)
    if frame.format.is_rgb:
        return Colour(primaries, transfer, _SMPTE170M, False)
    full_range = int(frame.color_range) == FULL_RANGE or frame.format.name.startswith("yuvj")
    return Colour(primaries, transfer, int(frame.colorspace), full_range)


def coded_picture(frame: av.VideoFrame, bit_depth: int) -> Picture:
    """Copy the planes of a decoded 4:2:0 frame."""
    y, cb, cr = (plane_samples(plane, bit_depth).copy() for plane in frame.planes)
    return Picture(y, cb, cr, bit_depth)


def plane_samples(plane: av.video.plane.VideoPlane, bit_depth: int) -> Plane:
    """View the samples of a plane without its padding, (rows, columns)."""
    samples = np.frombuffer(memoryview(plane), np.uint8 if bit_depth == 8 else np.uint16)
    return samples.reshape(plane.height, -1)[:, : plane.width]


def is_420(pixel_format: av.VideoFormat) -> bool:
    """Whether chroma has half the columns and rows of luma."""
    return (pixel_format.chroma_width(2), pixel_format.chroma_height(2)) == (1, 1)


def _converted(frame: av.VideoFrame, target: str, *, full_range: bool) -> av.VideoFrame:
    """Convert to 4:2:0; all but RGB keeps matrix and range."""
    if frame.format.is_rgb:
        return frame.reformat(format=target, dst_colorspace="ITU601", dst_color_range="MPEG")
    kept = "JPEG" if full_range else "MPEG"
    return frame.reformat(format=target, src_color_range=kept, dst_color_range=kept)


def _grown(samples: Plane, rows: int, columns: int) -> Plane:
    missing = ((0, rows - samples.shape[0]), (0, columns - samples.shape[1]))
    return np.ascontiguousarray(np.pad(samples, missing, mode="edge"))
