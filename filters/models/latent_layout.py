"""Layout of the latents of these generators, byte for byte (docs/FORMAT.md); nothing here needs torch."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ffhybrid.core import leb128
from ffhybrid.errors import CorruptDataError, UnsupportedError

VERSION = 1
MAX_REDUCTION = 2
TILE_UNIT = 8
LEAST_TILE = 3
"""The least side of a tile in units; smaller ones would be all overlap."""

_HEAD = struct.Struct(">BB8sBB")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLatent:
    """A latent: which model, what it is asked to make, and what corrects that where arithmetic differs.

    ``architecture`` is an index into the classes that the generator takes, ``model`` the first 8 bytes of its SHA-256.
    The model's picture is ``2^reduction`` times smaller than the asked one. ``tile`` is the side of tiles in latent
    samples, 0 where the model sees the picture as a whole. A latent is correctable if it was written with a correction,
    which may be empty all the same.
    """

    architecture: int
    model: bytes
    reduction: int
    tile: int
    body: bytes
    is_correctable: bool = False
    correction: bytes = b""

    @staticmethod
    def overhead() -> int:
        """Bytes of a latent beside its body, without a correction."""
        return _HEAD.size + 1

    @property
    def size(self) -> int:
        """Bytes without a correction."""
        return self.overhead() + len(self.body)

    def to_bytes(self) -> bytes:
        """Serialise."""
        head = _HEAD.pack(VERSION, self.architecture, self.model, self.reduction, self.tile // TILE_UNIT)
        size = len(self.correction) + 1 if self.is_correctable else 0
        return b"".join((head, leb128.encode(size), self.correction, self.body))

    @classmethod
    def from_bytes(cls, data: bytes) -> ModelLatent:
        """Parse.

        Raises:
            CorruptDataError: lengths that do not add up, values out of range.
            UnsupportedError: another version.
        """
        if len(data) < _HEAD.size:
            raise CorruptDataError("the latent is shorter than its header")
        version, architecture, model, reduction, tile = _HEAD.unpack_from(data)
        if version != VERSION:
            raise UnsupportedError(f"the latent has version {version}; this program reads version {VERSION}")
        if reduction > MAX_REDUCTION:
            raise CorruptDataError(f"the latent has an impossible reduction of 2^{reduction}")
        if 0 < tile < LEAST_TILE:
            raise CorruptDataError(f"the latent has impossible tiles of {tile * TILE_UNIT} samples")
        code, start = leb128.decode(data, _HEAD.size)
        size = max(code - 1, 0)
        if size > len(data) - start:
            raise CorruptDataError(f"the latent announces a correction of {size} bytes and has {len(data) - start}")
        return cls(
            architecture=architecture,
            model=model,
            reduction=reduction,
            tile=tile * TILE_UNIT,
            is_correctable=code > 0,
            correction=data[start : start + size],
            body=data[start + size :],
        )
