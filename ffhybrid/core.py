"""What functions of the C core (``cext/``) write into buffers, as bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ffhybrid._cext import ffi, lib


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
