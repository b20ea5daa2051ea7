"""The body of a ``promptus`` latent: seed, start, quantisers and low-rank factors of a prompt; no torch is needed.

A prompt is U V / sqrt(rank) with U (tokens x rank) and V (rank x width), as in Promptus (section 3.2).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ffhybrid.core import leb128
from ffhybrid.errors import CorruptDataError, UsageError
from ffhybrid.filters.codes import Codes, decode_codes, encode_codes
from ffhybrid.filters.models.latent_codec import real_step

TOKENS = 77
"""The tokens in a prompt of CLIP's text encoder, whose place U and V take."""
MAX_RANK = TOKENS
MAX_SEED = (1 << 24) - 1
MAX_OFFSET = 127
MAX_WIDTH = 1 << 12
_QUANTISERS = struct.Struct(">BbBb")


def check_seed(seed: int) -> int:
    """Return a seed of the noise.

    Raises:
        UsageError: the format has no room for it.
    """
    if not 0 <= seed <= MAX_SEED:
        raise UsageError(f"the seed of a prompt's noise is a number of 24 bits, not {seed}")
    return seed


@dataclass(frozen=True, slots=True)
class Quantiser:
    """Codes c of one factor stand for (c + offset) times the real step; both numbers take a byte."""

    step: int
    offset: int

    def real(self, codes: Codes) -> NDArray[np.float32]:
        """Give the values that codes stand for, in single precision."""
        whole = codes.astype(np.float32) + np.float32(self.offset)
        return whole * np.float32(real_step(self.step))


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptBody:
    """What a latent says of its picture.

    ``codes`` are int8, (rank, tokens + width): in a row a column of U and the row of V that it meets. ``seed`` is that
    of the noise, ``start`` a body of ``vae`` for the latents that are mixed into it, or empty.
    """

    seed: int
    start: bytes
    u: Quantiser
    v: Quantiser
    codes: Codes

    @property
    def rank(self) -> int:
        """Of the prompt."""
        return int(self.codes.shape[0])

    @property
    def width(self) -> int:
        """Numbers in an embedding of one token."""
        return int(self.codes.shape[1]) - TOKENS

    def factors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give U, (tokens, rank), and V, (rank, width)."""
        return self.u.real(self.codes[:, :TOKENS]).T, self.v.real(self.codes[:, TOKENS:])

    def truncated(self, rank: int) -> PromptBody:
        """Keep the first components: of a fit in nested order, a coarser latent of the same picture."""
        if not 1 <= rank <= self.rank:
            raise ValueError(f"a prompt of rank {self.rank} cannot be cut to {rank}")
        return replace(self, codes=self.codes[:rank])

    def to_bytes(self) -> bytes:
        """Serialise."""
        quantisers = _QUANTISERS.pack(self.u.step, self.u.offset, self.v.step, self.v.offset)
        numbers = (self.width, self.seed, len(self.start))
        head = bytes([self.rank]) + b"".join(map(leb128.encode, numbers))
        return b"".join((head, self.start, quantisers, encode_codes(self.codes[None])))

    @classmethod
    def from_bytes(cls, data: bytes) -> PromptBody:
        """Parse.

        Raises:
            CorruptDataError: lengths that do not add up, values out of range, damaged codes.
        """
        if not data or not 1 <= data[0] <= MAX_RANK:
            raise CorruptDataError(f"the prompt has no rank of 1 to {MAX_RANK}")
        (width, seed, start_size), at = leb128.decode_all(data, 1, 3)
        if not 1 <= width <= MAX_WIDTH or seed > MAX_SEED:
            raise CorruptDataError(f"the prompt has an impossible width of {width} or seed of {seed}")
        if start_size > len(data) - at - _QUANTISERS.size:
            raise CorruptDataError("the prompt ends before its quantisers")
        start, at = data[at : at + start_size], at + start_size
        u_step, u_offset, v_step, v_offset = _QUANTISERS.unpack_from(data, at)
        codes = decode_codes(data[at + _QUANTISERS.size :], (1, data[0], TOKENS + width))
        return cls(seed=seed, start=start, u=Quantiser(u_step, u_offset), v=Quantiser(v_step, v_offset), codes=codes[0])
