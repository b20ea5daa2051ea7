"""The latent of generator ``enhance``, and the integer decoder of the built-in networks.

A latent says which network it belongs to, what is known of its picture, and how strongly detail and texture are added
(docs/FORMAT.md section 4). Nothing here needs torch.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ffhybrid._cext import ffi, lib
from ffhybrid.core.buffers import new_picture, planes_of
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import CorruptDataError, UnsupportedError
from ffhybrid.filters.codes import decode_codes, encode_codes

VERSION, PRIOR_SIZE = 1, 4
NETWORKS = Path(__file__).with_name("networks")
"""Files of networks, by their digests: every one that was ever built in, so that old files restore."""
NEWEST = bytes.fromhex("59d43cec")
"""The digest of the one that new latents belong to."""
LOWEST_QP, HIGHEST_QP = lib.FFH_ENHANCE_MIN_QP, lib.FFH_ENHANCE_MAX_QP
STRENGTH_STEPS = 32
"""Strengths are multiples of one over this, up to 255 of them."""
MOST_NOISES = 256
MOST_DISTANCE = (1 << 16) - 1
_HEAD = struct.Struct(f"<B{PRIOR_SIZE}sbBBBB")
_DISTANCE = struct.Struct("<H")
_ANCHOR = struct.Struct("<BBB")
_PREDICTED, _BY_BLOCK = 1, 2
"""Flags: of P pictures, and of a strength of texture for every block; the others are reserved."""
BLOCK = lib.FFH_ENHANCE_BLOCK
"""Luma samples on a side of a block."""
MOST_LEVEL, WHOLE_LEVEL = 3, 2
"""Of a block, and the level at which its texture is as strong as the picture's is said to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the network is told of a picture.

    Attributes:
        qp: of the base picture's first slice.
        distance: of a P picture, how many pictures in output order it is after the last generated one; None for I.
    """

    qp: int
    distance: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Strengths:
    """How much is added to a base: multiples of texture and detail in steps of 1/32, and which noise texture is of.

    ``levels``, rows of blocks from the top, multiply texture by halves, 0 to 3 of them, and run into each other; empty
    for none.
    """

    texture: float = 1.0
    detail: float = 1.0
    noise: int = 0
    levels: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhanceLatent:
    """Everything that a latent holds; ``digest`` is its network's."""

    known: Known
    strengths: Strengths
    digest: bytes = field(default_factory=lambda: NEWEST)


LATENT_SIZE = _HEAD.size
"""Bytes of an I picture's."""


class Network:
    """A network as the C core has it.

    Args:
        data: of the file that :mod:`ffhybrid.filters.enhance.rounding` makes.

    Raises:
        CorruptDataError: it is none, or one whose sums could leave 32 bits.
    """

    def __init__(self, data: bytes) -> None:
        made = ffi.new("ffh_enhancer **")
        _check(lib.ffh_enhancer_read(data, len(data), made), "the file of the enhancement network is damaged")
        self.digest = hashlib.sha256(data).digest()[:PRIOR_SIZE]
        self._enhancer = ffi.gc(made[0], lib.ffh_enhancer_free)

    def look(self, base: Picture, known: Known, *, threads: int) -> Enhancement:
        """See what is missing in a base picture.

        Raises:
            CorruptDataError: a picture, or something known of it, beyond the format's bounds.
        """
        given = ffi.new(
            "ffh_enhance_known *", [known.qp, known.distance is not None, min(known.distance or 0, MOST_DISTANCE)]
        )
        made = ffi.new("ffh_enhancement **")
        below = planes_of(base)
        code = lib.ffh_enhance_look(self._enhancer, given, below.pointer, base.width, base.height, threads, made)
        _check(code, "the enhance latent does not fit its picture")
        return Enhancement(self._enhancer, ffi.gc(made[0], lib.ffh_enhancement_free), base, threads)


class Enhancement:
    """What a network sees in a base picture; pictures of any strengths can be made of it."""

    def __init__(self, enhancer: Any, seen: Any, base: Picture, threads: int) -> None:
        self._enhancer, self._seen, self._base, self._threads = enhancer, seen, base, threads

    def picture(self, strengths: Strengths) -> Picture:
        """Make the picture; the same samples for any number of threads."""
        made, to = new_picture(PictureSpec(self._base.width, self._base.height, self._base.bit_depth))
        given, blocks = ffi.new("ffh_enhance_strengths *", _strength_bytes(strengths)), self._blocks(strengths)
        below = planes_of(self._base)
        code = lib.ffh_enhance_compose(
            self._enhancer, self._seen, given, blocks, below.pointer, to.pointer, self._threads
        )
        _check(code, "the enhance latent does not fit its picture")
        return made

    def _blocks(self, strengths: Strengths) -> Any:
        """Give the strength of every block as bytes, NULL where there are no levels."""
        if not strengths.levels:
            return ffi.NULL
        if np.shape(strengths.levels) != blocks_of(self._base.width, self._base.height):
            raise ValueError("the levels are not those of this picture's blocks")
        texture, _, _ = _strength_bytes(strengths)
        values = np.array(strengths.levels, np.int64).ravel() * texture // WHOLE_LEVEL
        return ffi.new("uint8_t[]", values.clip(0, 255).tolist())


def blocks_of(width: int, height: int) -> tuple[int, int]:
    """Rows and columns of the blocks of a picture."""
    return -(-height // BLOCK), -(-width // BLOCK)


@cache
def network(digest: bytes) -> Network:
    """Load a built-in network, once.

    Raises:
        UnsupportedError: this version of ffhybrid has none of that digest.
    """
    path = NETWORKS / f"{digest.hex()}.bin"
    if not path.is_file():
        raise UnsupportedError("the enhance latent belongs to another network: another version of ffhybrid made it")
    return Network(path.read_bytes())


def write_latent(latent: EnhanceLatent) -> bytes:
    """Serialise.

    Raises:
        ValueError: a value beyond the format's bounds.
    """
    known = latent.known
    if not LOWEST_QP <= known.qp <= HIGHEST_QP:
        raise ValueError(f"QP {known.qp} is beyond {LOWEST_QP} to {HIGHEST_QP}")
    flags, distance = 0, b""
    if known.distance is not None:
        if not 1 <= known.distance <= MOST_DISTANCE:
            raise ValueError(f"a distance of {known.distance} pictures is beyond 1 to {MOST_DISTANCE}")
        flags, distance = _PREDICTED, _DISTANCE.pack(known.distance)
    strengths, levels = _strength_bytes(latent.strengths), b""
    if latent.strengths.levels:
        flags, levels = flags | _BY_BLOCK, encode_codes(np.array([latent.strengths.levels], np.int8))
    return _HEAD.pack(VERSION, latent.digest, known.qp, *strengths, flags) + distance + levels


def read_latent(data: bytes, spec: PictureSpec) -> EnhanceLatent:
    """Parse what belongs to such a picture.

    Raises:
        CorruptDataError, UnsupportedError: as :func:`decode`.
    """
    if data[:1] != bytes([VERSION]):
        raise UnsupportedError("the enhance latent has a version that this program does not know")
    if len(data) < _HEAD.size:
        raise CorruptDataError("the enhance latent ends inside its head")
    _, digest, qp, texture, detail, noise, flags = _HEAD.unpack_from(data)
    if flags & ~(_PREDICTED | _BY_BLOCK):
        raise UnsupportedError("the enhance latent has a part that this program does not know")
    rest = data[_HEAD.size :]
    distance, rest = _read_distance(rest) if flags & _PREDICTED else (None, rest)
    if not flags & _BY_BLOCK and rest:
        raise CorruptDataError("the enhance latent is damaged: it has another length than its flags say")
    levels = _read_levels(rest, spec) if flags & _BY_BLOCK else ()
    if not LOWEST_QP <= qp <= HIGHEST_QP:
        raise CorruptDataError(f"the enhance latent is damaged: there is no QP {qp}")
    strengths = Strengths(texture=texture / STRENGTH_STEPS, detail=detail / STRENGTH_STEPS, noise=noise, levels=levels)
    return EnhanceLatent(known=Known(qp=qp, distance=distance), strengths=strengths, digest=digest)


def _read_distance(rest: bytes) -> tuple[int, bytes]:
    if len(rest) < _DISTANCE.size:
        raise CorruptDataError("the enhance latent is damaged: it has another length than its flags say")
    (distance,) = _DISTANCE.unpack_from(rest)
    if not distance:
        raise CorruptDataError("the enhance latent is damaged: a P picture is no picture after the last generated one")
    return int(distance), rest[_DISTANCE.size :]


def _read_levels(rest: bytes, spec: PictureSpec) -> tuple[tuple[int, ...], ...]:
    found = decode_codes(rest, (1, *blocks_of(spec.width, spec.height)))[0]
    if found.min() < 0 or found.max() > MOST_LEVEL:
        raise CorruptDataError(f"the enhance latent is damaged: a block has another level than 0 to {MOST_LEVEL}")
    return tuple(tuple(row) for row in found.tolist())


def decode(data: bytes, base: Picture, spec: PictureSpec, *, threads: int) -> Picture:
    """Make the picture of a base picture and the latent that enhances it; the same samples for any number of threads.

    Raises:
        CorruptDataError: a latent that is damaged, or a picture size beyond the format's.
        UnsupportedError: another version of the latent, or a network that this version of ffhybrid lacks.
    """
    latent = read_latent(data, spec)
    if (base.width, base.height, base.bit_depth) != (spec.width, spec.height, spec.bit_depth):
        raise CorruptDataError("the base picture has another size or bit depth than the picture")
    if not any(_strength_bytes(latent.strengths)[:2]):
        return base
    return network(latent.digest).look(base, latent.known, threads=threads).picture(latent.strengths)


def write_anchor(strengths: Strengths) -> bytes:
    """Serialise the latent of an anchor: its network is that of the GOP's keyframe, its QP that of its slice.

    Raises:
        ValueError: a value beyond the format's bounds.
    """
    return _ANCHOR.pack(*_strength_bytes(strengths))


def network_of(latent: bytes) -> bytes:
    """Say the digest of the network of an I picture's latent.

    Raises:
        CorruptDataError: a latent that is too short to say it.
    """
    if len(latent) < _HEAD.size:
        raise CorruptDataError("the enhance latent ends inside its head")
    return latent[1 : 1 + PRIOR_SIZE]


def decode_anchor(data: bytes, base: Picture, known: Known, *, digest: bytes, threads: int) -> Picture:
    """Make an anchor of a P picture, a latent and a network; the same samples for any number of threads.

    Raises:
        CorruptDataError: a latent that is damaged, or a picture size beyond the format's.
        UnsupportedError: a network that this version of ffhybrid lacks.
    """
    if len(data) != _ANCHOR.size:
        raise CorruptDataError(f"the enhance latent of an anchor has {len(data)} bytes instead of {_ANCHOR.size}")
    texture, detail, noise = _ANCHOR.unpack(data)
    if not texture and not detail:
        return base
    strengths = Strengths(texture=texture / STRENGTH_STEPS, detail=detail / STRENGTH_STEPS, noise=noise)
    return network(digest).look(base, known, threads=threads).picture(strengths)


def _strength_bytes(strengths: Strengths) -> tuple[int, int, int]:
    texture, detail = (round(part * STRENGTH_STEPS) for part in (strengths.texture, strengths.detail))
    for value in (texture, detail, strengths.noise):
        if not 0 <= value < 256:
            raise ValueError(f"{strengths} are beyond a byte each")
    return texture, detail, strengths.noise


def _check(code: int, damage: str) -> None:
    if code == 0:
        return
    if code == lib.FFH_ENOMEM:
        raise MemoryError("a picture")
    raise CorruptDataError(damage)
