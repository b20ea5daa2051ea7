"""The base picture: a first approximation as an AV1 key frame, which the latents and the network refine.

A transform codec with large blocks and directed prediction says more about smooth areas and long edges in a few
hundred bytes than latents can; latents and network bring back what it washes out. AV1 is decoded bit-exactly
everywhere (AV1 Bitstream & Decoding Process Specification, section 7), as the reference lock needs.
"""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from functools import cache, partial
from typing import Any, cast

import av
from av.error import FFmpegError

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import CorruptDataError, EncoderError
from ffhybrid.filters.overfit import svt_av1

LEAST_SIDE = 64
"""The least side of a picture that SVT-AV1 takes; smaller ones are extended to it."""
CRFS = (8, 63)
LEAST_EFFORT = 6
_OBU_TYPE, _OBU_TEMPORAL_DELIMITER = 0x78, 2
_TEMPORAL_DELIMITER_SIZE = 2


def encode(picture: Picture, *, crf: int, effort: int) -> bytes:
    """Code a picture as one AV1 key frame: sequence header and frame, without temporal delimiter.

    Args:
        picture: of 8 or 10 bits, sides even.
        crf: of SVT-AV1, within :data:`CRFS`.
        effort: SVT-AV1's preset, 0 the slowest.

    Raises:
        EncoderError: it is not to be had, or makes nothing.
    """
    whole = picture.padded(max(picture.width, LEAST_SIDE), max(picture.height, LEAST_SIDE))
    encoder = cast(Any, av.CodecContext.create("libsvtav1", "w"))
    encoder.width, encoder.height = whole.width, whole.height
    encoder.pix_fmt = _pixel_format(picture.bit_depth)
    encoder.framerate, encoder.time_base = Fraction(25), Fraction(1, 25)
    encoder.options = {"preset": str(effort), "crf": str(crf), "svtav1-params": "avif=1:lp=1"}
    frame = av.VideoFrame.from_ndarray(whole.samples().reshape(-1, whole.width), format=encoder.pix_fmt)
    frame.pts = 0
    try:
        with svt_av1.contained():
            data = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    except FFmpegError as error:
        raise EncoderError(f"libsvtav1 does not code the base picture: {error}") from error
    if not data:
        raise EncoderError("libsvtav1 gave nothing for the base picture")
    if (data[0] & _OBU_TYPE) >> 3 == _OBU_TEMPORAL_DELIMITER:
        return data[_TEMPORAL_DELIMITER_SIZE:]
    return data


def encode_within(picture: Picture, size: int, *, effort: int) -> bytes | None:
    """Code a picture at the lowest CRF that gives at most ``size`` bytes; None if there is none.

    Bisection at the least effort finds where to look.
    """
    coded = cache(partial(encode, picture, effort=effort))
    low, high = CRFS
    crf = bisect_left(range(low, high), -size, key=lambda crf: -len(encode(picture, crf=crf, effort=LEAST_EFFORT)))
    crf += low
    while crf <= high and len(coded(crf=crf)) > size:
        crf += 1
    while crf > low and len(coded(crf=crf - 1)) <= size:
        crf -= 1
    return coded(crf=crf) if crf <= high else None


def decode(data: bytes, spec: PictureSpec) -> Picture:
    """Decode a base picture; film grain is not applied.

    Raises:
        CorruptDataError: it is damaged, or of another size or format than ``spec``.
    """
    width, height = max(spec.width, LEAST_SIDE), max(spec.height, LEAST_SIDE)
    decoder = cast(Any, av.CodecContext.create("libdav1d", "r"))
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(width * height), "export_side_data": "film_grain"}
    try:
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    except FFmpegError as error:
        raise CorruptDataError(f"the base picture does not decode: {error.strerror}") from error
    if len(frames) != 1:
        raise CorruptDataError(f"the base picture has {len(frames)} frames")
    frame = frames[0]
    if (frame.width, frame.height, frame.format.name) != (width, height, _pixel_format(spec.bit_depth)):
        raise CorruptDataError(f"the base picture is {frame.width}x{frame.height} {frame.format.name}")
    whole = PictureSpec(width, height, spec.bit_depth)
    return Picture.from_samples(frame.to_ndarray().ravel(), whole).cropped(spec.width, spec.height)


def _pixel_format(bit_depth: int) -> str:
    return "yuv420p" if bit_depth == 8 else "yuv420p10le"
