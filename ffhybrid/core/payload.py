"""The payload of one keyframe: everything that turns a latent into the exact reference picture (docs/FORMAT.md)."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Any

from ffhybrid.core import leb128
from ffhybrid.core.buffers import crc32c
from ffhybrid.core.picture import Colour, PictureSpec
from ffhybrid.errors import CorruptDataError, UnsupportedError

MAGIC = b"FFHK"
VERSION, VERSION_WITH_ANCHORS = 2, 3
CHROMA_420 = 1
MAX_NAME = 31
MAX_SIZE = 2 << 20
"""Bytes of a whole payload; stock tools were seen to carry SEI messages of this size."""

_HEAD = struct.Struct(">4sBB")
_GEOMETRY = struct.Struct(">HHHHBBBBBBQ")
_MD5 = struct.Struct("16s")
_CRC = struct.Struct(">I")
_NO_BASE, _HAS_BASE = b"\0", b"\1"
_ANCHOR_MD5 = struct.Struct("8s")
_LEAST_ANCHOR = 3 + _ANCHOR_MD5.size
"""Bytes of an anchor without latent and fix-ups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A P picture of the GOP that the generator enhances before later pictures refer to it.

    ``place`` is its number in the GOP, from 1 on, in order of decoding as of presentation; ``latent`` says how it is
    enhanced. ``fixups`` and ``picture_md5`` (:func:`anchor_md5`) refer to the coded size.
    """

    place: int
    latent: bytes
    fixups: bytes
    picture_md5: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One keyframe's latent with what is needed to check the picture made from it.

    ``spec`` is the shown size, ``coded_width`` and ``coded_height`` that of the SPS, which ``fixups`` and
    ``picture_md5`` (:func:`picture_md5`) refer to. ``pictures`` counts the pictures of the GOP when it was encoded;
    ``parameter_sets`` is ``hevc.parameter_set_digest`` of the stream that the keyframe belongs to. ``base_md5`` is what
    :func:`picture_md5` gives of the decoded base picture, at its coded size, where the latent refines one.
    ``anchors`` come in the order of their places.
    """

    generator: str
    spec: PictureSpec
    coded_width: int
    coded_height: int
    pictures: int
    parameter_sets: int
    base_md5: bytes | None
    latent: bytes
    fixups: bytes
    picture_md5: bytes
    anchors: tuple[Anchor, ...] = ()

    def to_bytes(self) -> bytes:
        """Serialise; the last four bytes are the CRC-32C of all before."""
        name = self.generator.encode("ascii")
        if not 1 <= len(name) <= MAX_NAME:
            raise ValueError(f"generator name {self.generator!r} has not 1 to {MAX_NAME} characters")
        colour = self.spec.colour
        body = b"".join(
            (
                _HEAD.pack(MAGIC, VERSION_WITH_ANCHORS if self.anchors else VERSION, len(name)),
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
                    self.parameter_sets,
                ),
                leb128.encode(self.pictures),
                _NO_BASE if self.base_md5 is None else _HAS_BASE + _MD5.pack(self.base_md5),
                _sized(self.latent),
                _sized(self.fixups),
                _MD5.pack(self.picture_md5),
                _anchor_bytes(self.anchors),
            )
        )
        if len(body) + _CRC.size > MAX_SIZE:
            raise UnsupportedError(f"a payload of {len(body)} bytes is beyond the limit of {MAX_SIZE}")
        return body + _CRC.pack(crc32c(body))

    @classmethod
    def from_bytes(cls, data: bytes) -> Payload:
        """Parse and check a payload.

        Raises:
            CorruptDataError: wrong magic, lengths that do not add up, a CRC that does not match, bad values.
            UnsupportedError: a version or chroma format that this program does not know.
        """
        if len(data) > MAX_SIZE:
            raise CorruptDataError(f"the payload has {len(data)} bytes, more than the limit of {MAX_SIZE}")
        reader = _PayloadReader(data)
        magic, version, name_length = reader.unpack(_HEAD)
        if magic != MAGIC:
            raise CorruptDataError("the payload does not begin with its magic number")
        if version not in (VERSION, VERSION_WITH_ANCHORS):
            known = f"versions {VERSION} and {VERSION_WITH_ANCHORS}"
            raise UnsupportedError(f"the payload has version {version}; this program reads {known}")
        name = reader.take(name_length)
        geometry = reader.unpack(_GEOMETRY)
        pictures = reader.number()
        base_md5 = reader.base_md5()
        latent = reader.take(reader.number())
        fixups = reader.take(reader.number())
        (md5,) = reader.unpack(_MD5)
        anchors = reader.anchors(pictures) if version == VERSION_WITH_ANCHORS else ()
        (crc,) = reader.unpack(_CRC)
        if reader.left:
            raise CorruptDataError(f"the payload has {reader.left} bytes behind its end")
        if crc != crc32c(data[: -_CRC.size]):
            raise CorruptDataError("the payload's CRC does not match its bytes")
        return cls(
            generator=_checked_name(name),
            spec=_checked_spec(geometry),
            coded_width=geometry[2],
            coded_height=geometry[3],
            pictures=pictures,
            parameter_sets=geometry[10],
            base_md5=base_md5,
            latent=latent,
            fixups=fixups,
            picture_md5=md5,
            anchors=anchors,
        )


class _PayloadReader:
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

    def number(self) -> int:
        value, self._pos = leb128.decode(self._data, self._pos)
        return value

    def base_md5(self) -> bytes | None:
        flag = self.take(len(_HAS_BASE))
        if flag not in (_NO_BASE, _HAS_BASE):
            raise CorruptDataError("the payload tells neither that there is a base picture nor that there is none")
        return self.take(_MD5.size) if flag == _HAS_BASE else None

    def anchors(self, pictures: int) -> tuple[Anchor, ...]:
        """Take all anchors of a GOP of so many pictures."""
        count, place = self.number(), 0
        if not 0 < count * _LEAST_ANCHOR <= self.left:
            raise CorruptDataError(f"the payload announces {count} anchors where {self.left} bytes are left")
        found = []
        for _ in range(count):
            gap = self.number()
            place += gap
            if not gap or place >= pictures:
                raise CorruptDataError("the payload has an anchor outside its GOP")
            latent, fixups = self.take(self.number()), self.take(self.number())
            (md5,) = self.unpack(_ANCHOR_MD5)
            found.append(Anchor(place=place, latent=latent, fixups=fixups, picture_md5=md5))
        return tuple(found)

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        return layout.unpack(self.take(layout.size))


def _checked_name(name: bytes) -> str:
    if not name or not name.isascii() or not name.decode("ascii").isprintable():
        raise CorruptDataError("the payload's generator name is empty or not printable")
    return name.decode("ascii")


def _checked_spec(geometry: tuple[int, ...]) -> PictureSpec:
    width, height, coded_width, coded_height, chroma, depth, primaries, transfer, matrix, full_range = geometry[:10]
    if chroma != CHROMA_420:
        raise UnsupportedError(f"the payload has chroma_format_idc {chroma}; this program knows 4:2:0 only")
    in_range = 0 < width <= coded_width < width + 64 and 0 < height <= coded_height < height + 64
    if not in_range or width % 2 or height % 2 or depth not in (8, 10):
        raise CorruptDataError(f"the payload has an impossible picture size: {width}x{height}, {depth} bits")
    return PictureSpec(width, height, depth, Colour(primaries, transfer, matrix, bool(full_range)))


def _sized(data: bytes) -> bytes:
    return leb128.encode(len(data)) + data


def _anchor_bytes(anchors: tuple[Anchor, ...]) -> bytes:
    if not anchors:
        return b""
    written, place = [leb128.encode(len(anchors))], 0
    for anchor in anchors:
        md5 = _ANCHOR_MD5.pack(anchor.picture_md5)
        written += [leb128.encode(anchor.place - place), _sized(anchor.latent), _sized(anchor.fixups), md5]
        place = anchor.place
    return b"".join(written)


def anchor_md5(md5s: tuple[bytes, bytes, bytes]) -> bytes:
    """Give the first 8 bytes of :func:`picture_md5`: a GOP has several anchors, and damage is all that they tell."""
    return picture_md5(md5s)[: _ANCHOR_MD5.size]


def picture_md5(md5s: tuple[bytes, bytes, bytes]) -> bytes:
    """MD5 of the MD5s of Y, Cb and Cr after each other: a small keyframe has no room for three."""
    return hashlib.md5(b"".join(md5s), usedforsecurity=False).digest()
