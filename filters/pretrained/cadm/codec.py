"""The body of a ``cadm`` latent: a palette, and an index a pixel; nothing here needs torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ffhybrid import leb128
from ffhybrid.errors import CorruptDataError
from ffhybrid.filters.codes import Codes, Indices, decode_codes, decode_indices, encode_codes, encode_indices

LEAST_DEPTH, MOST_DEPTH = 4, 8
"""Bits of a colour's index (n in the paper)."""
MOST_STEPS = 50
_HEAD = 2


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """What is left of a picture, and in how many steps it is restored.

    ``colours`` are (2^depth, 3) Y, Cb and Cr around mid-grey in 8-bit units, ``indices`` (rows, columns).
    """

    depth: int
    steps: int
    colours: Codes
    indices: Indices

    def to_bytes(self) -> bytes:
        """Serialise."""
        palette = encode_codes(np.ascontiguousarray(self.colours.T)[:, None])
        head = bytes([self.depth, self.steps]) + leb128.encode(len(palette))
        return head + palette + encode_indices(self.indices, self.depth)

    @classmethod
    def from_bytes(cls, data: bytes, grid: tuple[int, int]) -> Body:
        """Parse; ``grid`` is rows and columns of pixels.

        Raises:
            CorruptDataError: lengths that do not add up, values out of range.
        """
        if len(data) < _HEAD:
            raise CorruptDataError("the latent ends before its number of colours")
        depth, steps = data[:_HEAD]
        if not LEAST_DEPTH <= depth <= MOST_DEPTH or not 1 <= steps <= MOST_STEPS:
            raise CorruptDataError(f"the latent has impossible 2^{depth} colours or {steps} steps")
        size, start = leb128.decode(data, _HEAD)
        if size > len(data) - start:
            raise CorruptDataError(f"the latent announces a palette of {size} bytes and has {len(data) - start}")
        colours = decode_codes(data[start : start + size], (3, 1, 1 << depth))[:, 0].T
        return cls(depth, steps, colours, decode_indices(data[start + size :], grid, depth))
