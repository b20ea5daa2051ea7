"""The body of a ``cadm`` latent: a palette, and an index a pixel; nothing here needs torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ffhybrid.core import leb128
from ffhybrid.errors import CorruptDataError
from ffhybrid.filters.codes import Codes, Indices, decode_codes, decode_indices, encode_codes, encode_indices

LEAST_COLOURS, MOST_COLOURS = 2, 256
MOST_STEPS = 50
_HEAD = 2


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """What is left of a picture, and in how many steps it is restored.

    ``colours`` are (count, 3) Y, Cb and Cr around mid-grey in 8-bit units, ``indices`` (rows, columns).
    """

    steps: int
    colours: Codes
    indices: Indices

    def to_bytes(self) -> bytes:
        """Serialise."""
        count = len(self.colours)
        palette = encode_codes(np.ascontiguousarray(self.colours.T)[:, None])
        head = bytes([count - 1, self.steps]) + leb128.encode(len(palette))
        return head + palette + encode_indices(self.indices, depth_of(count))

    @classmethod
    def from_bytes(cls, data: bytes, grid: tuple[int, int]) -> Body:
        """Parse; ``grid`` is rows and columns of pixels.

        Raises:
            CorruptDataError: lengths that do not add up, values out of range.
        """
        if len(data) < _HEAD:
            raise CorruptDataError("the latent ends before its number of colours")
        count, steps = data[0] + 1, data[1]
        if count < LEAST_COLOURS or not 1 <= steps <= MOST_STEPS:
            raise CorruptDataError(f"the latent has an impossible number of colours, {count}, or of steps, {steps}")
        size, start = leb128.decode(data, _HEAD)
        if size > len(data) - start:
            raise CorruptDataError(f"the latent announces a palette of {size} bytes and has {len(data) - start}")
        colours = decode_codes(data[start : start + size], (3, 1, count))[:, 0].T
        indices = decode_indices(data[start + size :], grid, depth_of(count))
        if int(indices.max()) >= count:
            raise CorruptDataError(f"the latent has a pixel of colour {int(indices.max())} of {count}")
        return cls(steps, colours, indices)


def depth_of(count: int) -> int:
    """Give the bits of an index into so many colours."""
    return (count - 1).bit_length()
