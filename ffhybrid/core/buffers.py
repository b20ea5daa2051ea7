"""Bytes and samples on their way into the C core (``cext/``) and out of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ffhybrid._cext import ffi, lib
from ffhybrid.core.picture import Plane


def built(build: Callable[[Any], int], check: Callable[[int], object]) -> bytes:
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


def packed_rows(plane: Plane) -> Plane:
    """Make the samples of a row adjacent; rows may keep any stride."""
    return plane if plane.strides[1] == plane.itemsize else np.ascontiguousarray(plane)


def pointer(plane: Plane) -> Any:
    """Point at the samples of a plane, which has to be kept as long as this is used."""
    return ffi.cast("const uint8_t *", plane.ctypes.data)


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), as of RFC 3720 appendix B.4."""
    return int(lib.ffh_crc32c(data, len(data)))
