"""The payload of one keyframe: everything that turns a latent into the exact reference picture (docs/FORMAT.md)."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Any

from ffhybrid import hevc
from ffhybrid.errors import CorruptDataError, GeometryError, UnsupportedError
from ffhybrid.gop import ParameterSets
from ffhybrid.picture import Colour, PictureSpec

MAGIC = b"FFHK"
VERSION = 1
CHROMA_420 = 1
MAX_NAME = 31
MAX_SIZE = 2 << 20
"""Bytes of a whole payload; stock tools were seen to carry SEI messages of this size."""

_HEAD = struct.Struct(">4sBB")
_GEOMETRY = struct.Struct(">HHHHBBBBBBIQI")
_LENGTH = struct.Struct(">I")
_MD5S = struct.Struct("16s16s16s")
_CRC = struct.Struct(">I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One keyframe's latent with what is needed to check the picture made from it.

    ``spec`` is the shown size, ``coded_width`` and ``coded_height`` that of the SPS, which ``fixups`` and
    ``md5s`` (Y, Cb, Cr) refer to. ``pictures`` counts the pictures of the GOP when it was encoded;
    ``parameter_sets`` is :func:`parameter_set_digest` of the stream that the keyframe belongs to.
    """

    generator: str
    spec: PictureSpec
    coded_width: int
    coded_height: int
    pictures: int
    parameter_sets: int
    seed: int
    latent: bytes
    fixups: bytes
    md5s: tuple[bytes, bytes, bytes]

    def to_bytes(self) -> bytes:
        """Serialise; the last four bytes are the CRC-32C of all before."""
        name = self.generator.encode("ascii")
        if not 1 <= len(name) <= MAX_NAME:
            raise ValueError(f"generator name {self.generator!r} has not 1 to {MAX_NAME} characters")
        colour = self.spec.colour
        body = b"".join(
            (
                _HEAD.pack(MAGIC, VERSION, len(name)),
                name,
                _GEOMETRY.pack(
                    self.spec.width,
                    self.spec.height,
                    self.coded_width,
                    self.coded_height,
                    CHROMA_420,
                    self.spec.bit_depth,
                    colour.primaries,
                    colour.transfer,
                    colour.matrix,
                    int(colour.full_range),
                    self.pictures,
                    self.parameter_sets,
                    self.seed,
                ),
                _LENGTH.pack(len(self.latent)),
                self.latent,
                _LENGTH.pack(len(self.fixups)),
                self.fixups,
                _MD5S.pack(*self.md5s),
            )
        )
        if len(body) + _CRC.size > MAX_SIZE:
            raise UnsupportedError(f"a payload of {len(body)} bytes is beyond the limit of {MAX_SIZE}")
        return body + _CRC.pack(hevc.crc32c(body))

    @classmethod
    def from_bytes(cls, data: bytes) -> Payload:
        """Parse and check a payload.

        Raises:
            CorruptDataError: wrong magic, lengths that do not add up, a CRC that does not match, bad values.
            UnsupportedError: a version or chroma format that this program does not know.
        """
        if len(data) > MAX_SIZE:
            raise CorruptDataError(f"the payload has {len(data)} bytes, more than the limit of {MAX_SIZE}")
        reader = _Reader(data)
        magic, version, name_length = reader.unpack(_HEAD)
        if magic != MAGIC:
            raise CorruptDataError("the payload does not begin with its magic number")
        if version != VERSION:
            raise UnsupportedError(f"the payload has version {version}; this program reads version {VERSION}")
        name = reader.take(name_length)
        geometry = reader.unpack(_GEOMETRY)
        latent = reader.take(reader.unpack(_LENGTH)[0])
        fixups = reader.take(reader.unpack(_LENGTH)[0])
        md5s = reader.unpack(_MD5S)
        (crc,) = reader.unpack(_CRC)
        if reader.left:
            raise CorruptDataError(f"the payload has {reader.left} bytes behind its end")
        if crc != hevc.crc32c(data[: -_CRC.size]):
            raise CorruptDataError("the payload's CRC does not match its bytes")
        return _checked(name, geometry, latent, fixups, (md5s[0], md5s[1], md5s[2]))

    def check_stream(self, sets: ParameterSets) -> None:
        """Refuse a payload that was made for another stream.

        Raises:
            GeometryError: another picture size or bit depth, or other parameter sets.
        """
        sps = hevc.parse_sps(sets.sps)
        ours = (self.spec.width, self.spec.height, self.coded_width, self.coded_height, self.spec.bit_depth)
        theirs = (sps.width, sps.height, sps.coded_width, sps.coded_height, sps.bit_depth)
        if ours != theirs:
            raise GeometryError(
                f"the payload is for {ours[0]}x{ours[1]} at {ours[4]} bits, "
                f"the video is {theirs[0]}x{theirs[1]} at {theirs[4]} bits"
            )
        if self.parameter_sets != parameter_set_digest(sets):
            raise GeometryError("the payload was made for other parameter sets than the video has")


class _Reader:
    """Takes bytes off the front and never past the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pos = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._pos

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise CorruptDataError(f"the payload announces {size} bytes where {self.left} are left")
        self._pos += size
        return self._data[self._pos - size : self._pos]

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        return layout.unpack(self.take(layout.size))


def _checked(
    name: bytes, geometry: tuple[int, ...], latent: bytes, fixups: bytes, md5s: tuple[bytes, bytes, bytes]
) -> Payload:
    width, height, coded_width, coded_height, chroma, depth, primaries, transfer, matrix, full_range = geometry[:10]
    if chroma != CHROMA_420:
        raise UnsupportedError(f"the payload has chroma_format_idc {chroma}; this program knows 4:2:0 only")
    if not name or not name.isascii() or not name.decode("ascii").isprintable():
        raise CorruptDataError("the payload's generator name is empty or not printable")
    in_range = 0 < width <= coded_width < width + 64 and 0 < height <= coded_height < height + 64
    if not in_range or width % 2 or height % 2 or depth not in (8, 10):
        raise CorruptDataError(f"the payload has an impossible picture size: {width}x{height}, {depth} bits")
    return Payload(
        generator=name.decode("ascii"),
        spec=PictureSpec(width, height, depth, Colour(primaries, transfer, matrix, bool(full_range))),
        coded_width=coded_width,
        coded_height=coded_height,
        pictures=geometry[10],
        parameter_sets=geometry[11],
        seed=geometry[12],
        latent=latent,
        fixups=fixups,
        md5s=md5s,
    )


def parameter_set_digest(sets: ParameterSets) -> int:
    """First 8 bytes, big-endian, of the SHA-256 of VPS, SPS and PPSs, each with a four-byte length before it."""
    digest = hashlib.sha256(hevc.join_length_prefixed(sets.nal_units)).digest()
    return int.from_bytes(digest[:8], "big")
