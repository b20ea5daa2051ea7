"""Still pictures through x265 in this process, as FFmpeg lays 8-bit 4:2:0 out: (3/2 rows, columns)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from ffhybrid import hevc

INIT_QP = 26
"""Of x265's picture parameter sets."""
PARAMS = "keyint=1:info=0:hash=0:wpp=0:pools=none:frame-threads=1:log-level=error"

Samples = NDArray[np.uint8]


def planes(rgb: NDArray[np.float32]) -> Samples:
    """Convert RGB, (rows, columns, 3) in 0 to 255, to 4:2:0 of limited range."""
    samples = np.ascontiguousarray(rgb.round().clip(0, 255).astype(np.uint8))
    return av.VideoFrame.from_ndarray(samples, format="rgb24").reformat(format="yuv420p").to_ndarray()


def code_still(source: Samples, params: str, *, preset: str) -> tuple[Samples, int]:
    """Code one IDR picture; returns it decoded, and its slice's QP: 3 less than x265 was told by ``qp=``."""
    rows, columns = source.shape[0] * 2 // 3, source.shape[1]
    encoder = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height, encoder.pix_fmt = columns, rows, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(25), Fraction(1, 25)
    encoder.options = {"preset": preset, "x265-params": f"{params}:{PARAMS}"}
    frame = av.VideoFrame.from_ndarray(source, format="yuv420p")
    frame.pts = 0
    stream = b"".join(map(bytes, [*encoder.encode(frame), *encoder.encode(None)]))
    decoder = av.CodecContext.create("hevc", "r")
    decoded = [*decoder.decode(av.Packet(stream)), *decoder.decode(None)][0].to_ndarray()
    return decoded, _slice_qp(stream, sao="sao=1" in params)


def _slice_qp(stream: bytes, *, sao: bool) -> int:
    """Read the QP of an IDR picture's first slice (H.265 clause 7.3.6.1)."""
    header = next(nal for nal in hevc.split_annexb(stream) if hevc.is_slice(nal))[2:24].replace(b"\0\0\3", b"\0\0")
    bits = iter("".join(f"{byte:08b}" for byte in header)[2:])
    _exp_golomb(bits)
    _exp_golomb(bits)
    if sao:
        next(bits), next(bits)
    value = _exp_golomb(bits)
    return INIT_QP + ((value + 1) // 2 if value % 2 else -(value // 2))


def _exp_golomb(bits: Iterator[str]) -> int:
    zeros = 0
    while next(bits) == "0":
        zeros += 1
    return (1 << zeros) - 1 + int("0" + "".join(next(bits) for _ in range(zeros)), 2)
