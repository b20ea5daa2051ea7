"""Quantised latents of autoencoders as bytes: one byte of step, then the codes; nothing here needs torch."""

from __future__ import annotations

import math

from ffhybrid.errors import CorruptDataError
from ffhybrid.filters.codes import MAX_COUNT, Codes, decode_codes, encode_codes

STEPS_AN_OCTAVE = 24
LAST_STEP = 255
_FINEST = -8.0


def real_step(step: int) -> float:
    """Give the distance of two codes, in latents of unit scale: 2^-8 and up, in 24 steps an octave."""
    return math.exp2(_FINEST + step / STEPS_AN_OCTAVE)


def nearest_step(real: float) -> int:
    """Find the step nearest to a distance, on a logarithmic scale."""
    return min(max(round((math.log2(real) - _FINEST) * STEPS_AN_OCTAVE), 0), LAST_STEP)


def write_body(step: int, codes: Codes) -> bytes:
    """Serialise codes, (channels, rows, columns)."""
    return bytes([step]) + encode_codes(codes)


def read_body(data: bytes, shape: tuple[int, int, int]) -> tuple[float, Codes]:
    """Parse; returns the real step and the codes.

    Raises:
        CorruptDataError: it is empty, damaged, or for a picture beyond all bounds.
    """
    if not data:
        raise CorruptDataError("the latent ends before its step")
    if shape[0] * shape[1] * shape[2] > MAX_COUNT:
        raise CorruptDataError(f"a latent of {shape} is beyond the limit of {MAX_COUNT} codes")
    return real_step(data[0]), decode_codes(data[1:], shape)
