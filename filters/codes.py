"""Arrays of small integers, grids of tokens and grids of colours as bytes: the adaptive coders of the C core."""

from __future__ import annotations

import math
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from ffhybrid._cext import ffi, lib
from ffhybrid.core.buffers import built
from ffhybrid.errors import CorruptDataError

Codes: TypeAlias = NDArray[np.int8]
Tokens: TypeAlias = NDArray[np.uint16]
Indices: TypeAlias = NDArray[np.uint8]
Sample = TypeVar("Sample", np.int8, np.uint16, np.uint8)
MAX_CODE = 127
MAX_COUNT, MAX_CHANNELS = lib.FFH_CODES_MAX_COUNT, lib.FFH_CODES_MAX_CHANNELS
MAX_TOKENS, MAX_KINDS = lib.FFH_TOKENS_MAX_COUNT, lib.FFH_TOKENS_MAX_KINDS
MAX_INDICES = lib.FFH_PALETTE_MAX_COUNT


def encode_codes(codes: Codes) -> bytes:
    """Code an array (channels, rows, columns) of integers from -127 to 127.

    Raises:
        ValueError: -128, or more integers than :data:`MAX_COUNT`.
    """
    values = np.ascontiguousarray(codes, np.int8)
    channels, rows, columns = values.shape
    return built(lambda buf: lib.ffh_codes_encode(_pointer(values), channels, rows, columns, buf), _check)


def decode_codes(data: bytes, shape: tuple[int, int, int]) -> Codes:
    """Read an array of a known shape (channels, rows, columns).

    Raises:
        CorruptDataError: the bytes lead out of the range of integers.
        ValueError: more integers than :data:`MAX_COUNT`.
    """
    values = _room(shape, np.int8, MAX_COUNT)
    _check(lib.ffh_codes_decode(data, len(data), *shape, _pointer(values)))
    return values


def encode_tokens(tokens: Tokens, kinds: int) -> bytes:
    """Code a grid (rows, columns) of tokens below ``kinds``.

    Raises:
        ValueError: a token or a size that the format does not have.
    """
    values = np.ascontiguousarray(tokens, np.uint16)
    rows, columns = values.shape
    return built(lambda buf: lib.ffh_tokens_encode(_pointer(values), rows, columns, kinds, buf), _check)


def decode_tokens(data: bytes, shape: tuple[int, int], kinds: int) -> Tokens:
    """Read a grid of a known shape (rows, columns) of tokens below ``kinds``.

    Raises:
        CorruptDataError: the bytes lead to tokens that there are not.
        ValueError: a size that the format does not have.
    """
    values = _room(shape, np.uint16, MAX_TOKENS)
    _check(lib.ffh_tokens_decode(data, len(data), *shape, kinds, _pointer(values)))
    return values


def encode_indices(indices: Indices, depth: int) -> bytes:
    """Code a grid (rows, columns) of indices below 2^depth into a palette whose neighbours are alike.

    Raises:
        ValueError: an index or a size that the format does not have.
    """
    values = np.ascontiguousarray(indices, np.uint8)
    rows, columns = values.shape
    return built(lambda buf: lib.ffh_palette_encode(_pointer(values), rows, columns, depth, buf), _check)


def decode_indices(data: bytes, shape: tuple[int, int], depth: int) -> Indices:
    """Read a grid of a known shape (rows, columns) of indices below 2^depth; any bytes are some grid.

    Raises:
        ValueError: a size that the format does not have.
    """
    values = _room(shape, np.uint8, MAX_INDICES)
    _check(lib.ffh_palette_decode(data, len(data), *shape, depth, _pointer(values)))
    return values


def _room(shape: tuple[int, ...], kind: type[Sample], most: int) -> NDArray[Sample]:
    """Make room for an array whose size is that of a file's header."""
    if min(shape) < 1 or math.prod(shape) > most:
        raise ValueError(f"an array of {shape} is beyond the limit of {most} integers")
    return np.empty(shape, kind)


def _pointer(values: NDArray[Any]) -> Any:
    """Point at an array, which this keeps."""
    return ffi.from_buffer(f"{values.dtype}_t[]", values)


def _check(code: int) -> None:
    if code == lib.FFH_ENOMEM:
        raise MemoryError("the latent's integers")
    if code == lib.FFH_EINVAL:
        raise ValueError("integers or sizes beyond what the format has")
    if code:
        raise CorruptDataError("the latent's integers are damaged")
