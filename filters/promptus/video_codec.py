"""The body of a ``promptus-video`` latent: prompts of some pictures of a GOP, and how far apart those are."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ffhybrid.core import leb128
from ffhybrid.errors import CorruptDataError
from ffhybrid.filters.codes import MAX_CHANNELS, Codes, decode_codes, encode_codes
from ffhybrid.filters.promptus.codec import MAX_RANK, MAX_SEED, MAX_WIDTH, TOKENS, PromptBody, Quantiser

MAX_PROMPTS = MAX_CHANNELS
MAX_PICTURES = 1 << 12
"""30 seconds, as long as a GOP lasts at most, at 120 pictures a second and more."""
MAX_CODES = 1 << 21
"""The most codes: as many as a payload has room for at 8 bits each."""
_TAIL = struct.Struct(">BbBbB")


def is_possible(pictures: int, interval: int) -> bool:
    """Whether so many pictures with prompts so far apart have room in a latent."""
    return 0 < pictures <= MAX_PICTURES and interval > 0 and (pictures - 1) // interval < MAX_PROMPTS - 1


def prompted(pictures: int, interval: int) -> tuple[int, ...]:
    """List the pictures that have a prompt: every ``interval``th, and the last, so that a GOP stands alone."""
    return (*range(0, pictures - 1, interval), pictures - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceBody:
    """Prompts of a GOP, all of one rank and with the same quantisers.

    ``codes`` are int8, (prompts, rank, tokens + width), as :class:`PromptBody` has them; ``seed`` is that of the noise.
    """

    pictures: int
    interval: int
    seed: int
    u: Quantiser
    v: Quantiser
    codes: Codes

    def prompt(self, index: int) -> PromptBody:
        """Give one of the prompts."""
        return PromptBody(seed=self.seed, start=b"", u=self.u, v=self.v, codes=self.codes[index])

    def to_bytes(self) -> bytes:
        """Serialise; every prompt is predicted from those before."""
        _, rank, columns = self.codes.shape
        numbers = (self.pictures, self.interval, columns - TOKENS, self.seed)
        tail = _TAIL.pack(self.u.step, self.u.offset, self.v.step, self.v.offset, rank)
        return b"".join((*map(leb128.encode, numbers), tail, encode_codes(self.codes)))

    @classmethod
    def from_bytes(cls, data: bytes) -> SequenceBody:
        """Parse.

        Raises:
            CorruptDataError: lengths that do not add up, values out of range, damaged codes.
        """
        (pictures, interval, width, seed), at = leb128.decode_all(data, 0, 4)
        if len(data) < at + _TAIL.size:
            raise CorruptDataError("the prompts of a GOP end before their quantisers")
        u_step, u_offset, v_step, v_offset, rank = _TAIL.unpack_from(data, at)
        if not (1 <= rank <= MAX_RANK and 1 <= width <= MAX_WIDTH and seed <= MAX_SEED):
            raise CorruptDataError(f"prompts of rank {rank}, width {width} and seed {seed} are impossible")
        if not is_possible(pictures, interval):
            raise CorruptDataError(f"{pictures} pictures with prompts every {interval} are impossible")
        shape = (len(prompted(pictures, interval)), rank, TOKENS + width)
        if shape[0] * shape[1] * shape[2] > MAX_CODES:
            raise CorruptDataError(f"prompts of {shape} are beyond the limit of {MAX_CODES} codes")
        return cls(
            pictures=pictures,
            interval=interval,
            seed=seed,
            u=Quantiser(u_step, u_offset),
            v=Quantiser(v_step, v_offset),
            codes=decode_codes(data[at + _TAIL.size :], shape),
        )
