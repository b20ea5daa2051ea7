"""ITU-T T.35 messages of coded pictures: SEI messages of HEVC, metadata OBUs of AV1."""

from __future__ import annotations

from collections.abc import Iterator

from ffhybrid import hevc
from ffhybrid.core import leb128
from ffhybrid.errors import CorruptDataError
from ffhybrid.hevc import sei

_OBU_METADATA, _METADATA_T35 = 5, 4
_EXTENSION, _HAS_SIZE = 4, 2
"""Flags of an OBU header (AV1 specification section 5.3.2)."""


def of_hevc(nal_units: list[bytes]) -> Iterator[bytes]:
    """Messages of an access unit, country code first.

    Raises:
        CorruptDataError: a damaged SEI message.
    """
    for nal in nal_units:
        if hevc.is_prefix_sei(nal):
            yield from sei.read_t35(nal)


def of_av1(data: bytes) -> Iterator[bytes]:
    """Messages of a temporal unit of low-overhead OBUs, country code first (AV1 specification section 5.8.2).

    Raises:
        CorruptDataError: OBUs that do not add up.
    """
    position = 0
    while position < len(data):
        header = data[position]
        start = position + (2 if header & _EXTENSION else 1)
        size, start = leb128.decode(data, start) if header & _HAS_SIZE else (len(data) - start, start)
        position = start + size
        if position > len(data):
            raise CorruptDataError("an OBU is longer than its temporal unit")
        if header >> 3 & 15 == _OBU_METADATA:
            kind, begin = leb128.decode(data, start)
            if kind == _METADATA_T35:
                yield data[begin:position].rstrip(b"\0").removesuffix(b"\x80")
