"""Arrays of small integers, grids of tokens and grids of colours as bytes: the adaptive coders of the C core."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ffhybrid._cext import ffi, lib
from ffhybrid.errors import CorruptDataError

Codes: TypeAlias = NDArray[np.int8]
MAX_CODE = 127
MAX_COUNT, MAX_CHANNELS = int(lib.FFH_CODES_MAX_COUNT), int(lib.FFH_CODES_MAX_CHANNELS)
Tokens: TypeAlias = NDArray[np.uint16]
Indices: TypeAlias = NDArray[np.uint8]
MAX_INDICES = int(lib.FFH_PALETTE_MAX_COUNT)
MAX_TOKENS, MAX_KINDS = int(lib.FFH_TOKENS_MAX_COUNT), int(lib.FFH_TOKENS_MAX_KINDS)


def encode_codes(codes: Codes) -> bytes:
    """Code an array (channels, rows, columns) of integers from -127 to 127.

    Raises:
        ValueError: -128, or more integers than :data:`MAX_COUNT`.
    """
    values = np.ascontiguousarray(codes, np.int8)
    buf = ffi.new("ffh_buf *")
    try:
        _check(lib.ffh_codes_encode(ffi.from_buffer("int8_t[]", values), *values.shape, buf))
        return bytes(ffi.buffer(buf.data, buf.size)[:])
    finally:
        lib.ffh_buf_free(buf)


def decode_codes(data: bytes, shape: tuple[int, int, int]) -> Codes:
    """Read an array of a known shape (channels, rows, columns).

    Raises:
        CorruptDataError: the bytes lead out of the range of integers.
        ValueError: more integers than :data:`MAX_COUNT`.
    """
    if min(shape) < 1 or shape[0] * shape[1] * shape[2] > MAX_COUNT:
        raise ValueError(f"an array of {shape} is beyond the limit of {MAX_COUNT} integers")
    values = np.empty(shape, np.int8)
    _check(lib.ffh_codes_decode(data, len(data), *shape, ffi.from_buffer("int8_t[]", values)))
    return values


def encode_tokens(tokens: Tokens, kinds: int) -> bytes:
    """Code a grid (rows, columns) of tokens below ``kinds``.

    Raises:
        ValueError: a token or a size that the format does not have.
    """
    values = np.ascontiguousarray(tokens, np.uint16)
    buf = ffi.new("ffh_buf *")
    try:
        _check(lib.ffh_tokens_encode(ffi.from_buffer("uint16_t[]", values), *values.shape, kinds, buf))
        return bytes(ffi.buffer(buf.data, buf.size)[:])
    finally:
        lib.ffh_buf_free(buf)


def decode_tokens(data: bytes, shape: tuple[int, int], kinds: int) -> Tokens:
    """Read a grid of a known shape (rows, columns) of tokens below ``kinds``.

    Raises:
        CorruptDataError: the bytes lead to tokens that there are not.
        ValueError: a size that the format does not have.
    """
    if min(shape) < 1 or shape[0] * shape[1] > MAX_TOKENS:
        raise ValueError(f"a grid of {shape} is beyond the limit of {MAX_TOKENS} tokens")
    values = np.empty(shape, np.uint16)
    _check(lib.ffh_tokens_decode(data, len(data), *shape, kinds, ffi.from_buffer("uint16_t[]", values)))
    return values


def encode_indices(indices: Indices, depth: int) -> bytes:
    """Code a grid (rows, columns) of indices below 2^depth into a palette whose neighbours are alike.

    Raises:
        ValueError: an index or a size that the format does not have.
    """
    values = np.ascontiguousarray(indices, np.uint8)
    buf = ffi.new("ffh_buf *")
    try:
        _check(lib.ffh_palette_encode(ffi.from_buffer("uint8_t[]", values), *values.shape, depth, buf))
        return bytes(ffi.buffer(buf.data, buf.size)[:])
    finally:
        lib.ffh_buf_free(buf)


def decode_indices(data: bytes, shape: tuple[int, int], depth: int) -> Indices:
    """Read a grid of a known shape (rows, columns) of indices below 2^depth; any bytes are some grid.

    Raises:
        ValueError: a size that the format does not have.
    """
    if min(shape) < 1 or shape[0] * shape[1] > MAX_INDICES:
        raise ValueError(f"a grid of {shape} is beyond the limit of {MAX_INDICES} indices")
    values = np.empty(shape, np.uint8)
    _check(lib.ffh_palette_decode(data, len(data), *shape, depth, ffi.from_buffer("uint8_t[]", values)))
    return values


def _check(code: int) -> None:
    if code == lib.FFH_ENOMEM:
        raise MemoryError("the latent's integers")
    if code == lib.FFH_EINVAL:
        raise ValueError("integers or sizes beyond what the format has")
    if code:
        raise CorruptDataError("the latent's integers are damaged")
