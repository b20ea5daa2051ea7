"""Taking a hybrid file apart: each GOP's payload as a file, and its keyframe as a PNG picture."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ffhybrid.keyframe import regenerate
from ffhybrid.muxer.reader import HybridReader
from ffhybrid.outputs import pending_output
from ffhybrid.payload import Payload
from ffhybrid.picture import Picture
from ffhybrid.regeneration import Regeneration
from ffhybrid.restoring import located
from ffhybrid.source import PIXEL_FORMATS


def extract(path: Path, folder: Path, *, overwrite: bool, regeneration: Regeneration | None = None) -> Iterator[Path]:
    """Write ``gop-00000.payload`` and ``gop-00000.png`` for every GOP and yield their paths.

    Raises:
        UsageError: a file is there already and may not be overwritten.
        VerificationError: a keyframe differs from its MD5s.
    """
    with HybridReader(path) as reader:
        folder.mkdir(parents=True, exist_ok=True)
        for index, gop in enumerate(reader.gops()):
            with located(reader, index, gop):
                payload, picture, _ = regenerate(gop, regeneration)
            target = folder / f"gop-{index:05}.payload"
            with pending_output(target, overwrite=overwrite) as pending:
                pending.write_bytes(gop.payload)
            yield target
            image = target.with_suffix(".png")
            with pending_output(image, overwrite=overwrite) as pending:
                pending.write_bytes(png(picture, payload))
            yield image


def png(picture: Picture, payload: Payload) -> bytes:
    """Encode the shown part of a keyframe as an 8-bit RGB PNG, converted with the payload's matrix and range."""
    shown = picture.cropped(payload.spec.width, payload.spec.height)
    packed = np.concatenate([plane.ravel() for plane in shown.planes]).reshape(-1, shown.width)
    frame = av.VideoFrame.from_ndarray(packed, format=PIXEL_FORMATS[shown.bit_depth])
    colour = payload.spec.colour
    frame.colorspace = colour.matrix
    frame.color_range = 2 if colour.full_range else 1
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = shown.width, shown.height, "rgb24"
    encoder.time_base = Fraction(1)
    packets = [*encoder.encode(frame.reformat(format="rgb24")), *encoder.encode(None)]
    return b"".join(map(bytes, packets))
