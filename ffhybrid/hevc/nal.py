"""NAL units: types, start codes and lengths, emulation prevention (H.265 clauses 7.3.1 and 7.4.2, annex B).

NAL units are ``bytes`` with their two-byte header and emulation prevention, without start code or length.
Every function raises :class:`CorruptDataError` for bytes that break the syntax and :class:`UnsupportedError`
for valid syntax that cannot be spliced exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Any

from ffhybrid._cext import ffi, lib
from ffhybrid.core.buffers import built
from ffhybrid.errors import CorruptDataError, UnsupportedError

LENGTH_SIZE = 4
"""Bytes of the lengths before NAL units that we write, as all muxers do; fewer do not hold a lossless keyframe."""
MAX_NAL_UNITS = 4096
"""The most NAL units that an access unit is taken for; level 6.2 allows 600 slices in a picture (H.265 table A.8)."""
_START_CODE = b"\0\0\0\1"
_LOWEST_HEADER = b"\x00\x01"
"""Bits of a NAL unit header that say layer 0 and sub-layer 0, for access units without a slice."""
_ANY_PICTURE = b"\x50"
"""``pic_type`` 2, by which slices may be I, P and B, and the trailing bits (H.265 clause 7.3.2.5)."""


class NalType(IntEnum):
    """``nal_unit_type`` values that are named in this project (H.265 table 7-1)."""

    TRAIL_R = 1
    IDR_W_RADL = 19
    IDR_N_LP = 20
    CRA = 21
    VPS = 32
    SPS = 33
    PPS = 34
    AUD = 35
    PREFIX_SEI = 39
    SUFFIX_SEI = 40


def checked(code: int, what: str) -> int:
    """Give what a function of the C core returned, or raise the error that its code means for ``what``."""
    if code >= 0:
        return code
    if code <= lib.FFH_EUNSUPPORTED:
        tool = ffi.string(lib.ffh_unsupported_tool(code)).decode()
        raise UnsupportedError(f"{what} uses {tool}, which cannot be spliced exactly")
    if code == lib.FFH_ENOMEM:
        raise MemoryError(what)
    if code == lib.FFH_EINVAL:
        raise ValueError(f"{what}: invalid argument")
    raise CorruptDataError(f"{what} is damaged or is not what it claims to be")


def written(what: str, build: Callable[[Any], int]) -> bytes:
    """Run a writer of the C core that appends to a buffer and return what it wrote."""
    return built(build, lambda code: checked(code, what))


def split_units(data: bytes, advance: Callable[[Any, Any], int], what: str) -> Iterator[bytes]:
    """Iterate a C splitter that reports the extent of one NAL unit a call."""
    start, length = ffi.new("size_t *"), ffi.new("size_t *")
    while checked(advance(start, length), what):
        if length[0]:
            yield data[start[0] : start[0] + length[0]]


def split_annexb(data: bytes) -> list[bytes]:
    """Split an Annex B byte stream; bytes before the first start code are not looked at."""
    pos = ffi.new("size_t *")
    return list(split_units(data, lambda s, n: lib.ffh_next_annexb(data, len(data), pos, s, n), "an Annex B stream"))


def split_length_prefixed(data: bytes, length_size: int = LENGTH_SIZE) -> list[bytes]:
    """Split NAL units that big-endian lengths of 1, 2 or 4 bytes precede (ISO/IEC 14496-15)."""
    pos = ffi.new("size_t *")
    return list(
        split_units(
            data,
            lambda s, n: lib.ffh_next_length_prefixed(data, len(data), length_size, pos, s, n),
            "a length-prefixed access unit",
        )
    )


def join_annexb(nal_units: Iterable[bytes]) -> bytes:
    """Put a four-byte start code before every NAL unit."""
    return b"".join(_START_CODE + nal for nal in nal_units)


def join_length_prefixed(nal_units: Iterable[bytes]) -> bytes:
    """Put a four-byte big-endian length before every NAL unit."""
    return b"".join(len(nal).to_bytes(LENGTH_SIZE, "big") + nal for nal in nal_units)


def nal_type(nal: bytes) -> int:
    """``nal_unit_type`` of a NAL unit."""
    if len(nal) < 2:
        raise CorruptDataError("a NAL unit is shorter than its header")
    return (nal[0] >> 1) & 0x3F


def layer_id(nal: bytes) -> int:
    """``nuh_layer_id``; decoders of one layer leave out what is not of layer 0 (H.265 clause 7.4.2.2)."""
    return (nal[0] & 1) << 5 | nal[1] >> 3


def is_slice(nal: bytes) -> bool:
    """Whether the NAL unit is a slice segment (VCL)."""
    return nal_type(nal) < NalType.VPS


def is_parameter_set(nal: bytes) -> bool:
    """Whether the NAL unit is a VPS, SPS or PPS."""
    return nal_type(nal) in (NalType.VPS, NalType.SPS, NalType.PPS)


def is_prefix_sei(nal: bytes) -> bool:
    """Whether the NAL unit holds SEI messages that stand before the slices."""
    return nal_type(nal) == NalType.PREFIX_SEI


def prefix_sei(nal_units: Iterable[bytes]) -> tuple[bytes, ...]:
    """Give those of an access unit that hold SEI messages before the slices."""
    return tuple(filter(is_prefix_sei, nal_units))


def is_idr(nal: bytes) -> bool:
    """Whether the NAL unit is a slice segment of an IDR picture."""
    return nal_type(nal) in (NalType.IDR_W_RADL, NalType.IDR_N_LP)


def is_random_access(nal_units: Iterable[bytes]) -> bool:
    """Whether an access unit is an IDR or CRA picture, at which decoding may begin."""
    return any(nal_type(nal) in (NalType.IDR_W_RADL, NalType.IDR_N_LP, NalType.CRA) for nal in nal_units)


def access_unit_delimiter(nal_units: Sequence[bytes]) -> bytes:
    """Write the delimiter of an access unit, in the layer and the sub-layer of its slices (H.265 clause 7.4.2.2)."""
    layer, temporal_id = next((nal[:2] for nal in nal_units if is_slice(nal)), _LOWEST_HEADER)
    return bytes([NalType.AUD << 1 | layer & 1, temporal_id]) + _ANY_PICTURE


def rbsp(nal: bytes) -> bytes:
    """Payload of a NAL unit without header and emulation prevention bytes."""
    return written("a NAL unit", lambda buf: lib.ffh_nal_to_rbsp(nal, len(nal), buf))
