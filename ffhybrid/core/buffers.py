"""Bytes and samples on their way into the C core (``cext/``) and out of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ffhybrid._cext import ffi, lib
from ffhybrid.core.picture import Picture, PictureSpec, Plane

if TYPE_CHECKING:
    from ffhybrid._cext import CData, ffh_buf, ffh_planes


def built(build: Callable[[ffh_buf], int], check: Callable[[int], object]) -> bytes:
    """Run a function that appends to a buffer; give what it wrote.

    Args:
        build: calls it with the buffer; gives its return code.
        check: raises what an error's code means.
    """
    buf = ffi.new("ffh_buf *")
    try:
        check(build(buf))
        return bytes(ffi.buffer(buf.data, buf.size)[:])
    finally:
        lib.ffh_buf_free(buf)


class Rows(NamedTuple):
    """Rows of samples as the C core takes them; ``pointer`` is good as long as ``owner`` is kept."""

    pointer: CData
    stride: int
    owner: Plane


def rows_of(plane: Plane) -> Rows:
    """Point at the samples of a plane, or at those of a copy in which the samples of a row are adjacent."""
    packed = plane if plane.strides[1] == plane.itemsize else np.ascontiguousarray(plane)
    return Rows(ffi.cast("uint8_t *", packed.ctypes.data), packed.strides[0], packed)


class Planes(NamedTuple):
    """A picture as an ``ffh_planes``; ``pointer`` is good as long as ``owner`` is kept."""

    pointer: ffh_planes
    owner: tuple[Rows, ...]


def planes_of(picture: Picture) -> Planes:
    """Point at the planes of a picture that is read."""
    owner = tuple(map(rows_of, picture.planes))
    pointers, strides = [rows.pointer for rows in owner], [rows.stride for rows in owner]
    return Planes(ffi.new("ffh_planes *", [pointers, strides, picture.bit_depth]), owner)


def new_picture(spec: PictureSpec) -> tuple[Picture, Planes]:
    """Make a picture and point at its planes, which the C core fills."""
    picture = Picture.zeros(spec)
    return picture, planes_of(picture)


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), as of RFC 3720 appendix B.4."""
    return lib.ffh_crc32c(data, len(data))
