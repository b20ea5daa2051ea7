"""Decoding whole HEVC pictures, cropped rows and columns included, with FFmpeg's decoder as the judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
import numpy as np

from ffhybrid import hevc
from ffhybrid.errors import VerificationError
from ffhybrid.gop import ParameterSets
from ffhybrid.picture import Picture, Plane

CHECKED = "crccheck+explode"
"""``-err_detect`` flags under which a wrong picture hash SEI is an error, not a log line."""


def open_decoder(sets: ParameterSets, *, crop: bool = True) -> av.VideoCodecContext:
    """Open an HEVC decoder that refuses damage and wrong picture hashes.

    ``crop=False`` gives pictures at their coded size, as later pictures refer to them.
    """
    decoder = av.CodecContext.create("hevc", "r")
    decoder.extradata = hevc.write_hvcc(sets)
    decoder.options = {"err_detect": CHECKED, "apply_cropping": str(int(crop))}
    decoder.open()
    return decoder


def decode_access_units(
    access_units: Iterable[tuple[bytes, ...]], sets: ParameterSets, *, crop: bool = True
) -> Iterator[av.VideoFrame]:
    """Decode access units given in decoding order; frames come in output order.

    Raises:
        VerificationError: damaged slices, or a picture that differs from its picture hash SEI.
    """
    try:
        decoder = open_decoder(sets, crop=crop)
        for nal_units in access_units:
            yield from decoder.decode(av.Packet(hevc.join_length_prefixed(nal_units)))
        yield from decoder.decode(None)
    except av.error.InvalidDataError as error:
        raise VerificationError(f"a picture does not decode to what its hash says: {error}") from error


def coded_picture(frame: av.VideoFrame, bit_depth: int) -> Picture:
    """Copy the planes of a decoded 4:2:0 frame."""
    y, cb, cr = (plane_samples(plane, bit_depth).copy() for plane in frame.planes)
    return Picture(y, cb, cr, bit_depth)


def plane_samples(plane: av.video.plane.VideoPlane, bit_depth: int) -> Plane:
    """View the samples of a plane without its padding, (rows, columns)."""
    samples = np.frombuffer(memoryview(plane), np.uint8 if bit_depth == 8 else np.uint16)
    return samples.reshape(plane.height, -1)[:, : plane.width]
