"""Carriage of a payload: in a track of its own, or inside the placeholder access unit; and how it is found again.

Both ways use the same SEI message, user_data_unregistered with :data:`PAYLOAD_UUID`, so that turning one carriage
into the other moves one NAL unit. Every placeholder carries a short binding tag besides.

Picture hashes are those of restored pictures, which stock decoders do not have. In a file they are user data, of
:data:`HASH_UUID`, so that decoders that check hashes do not take them for their own; whatever is read has them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.errors import CorruptDataError, UnsupportedError
from ffhybrid.hevc import sei
from ffhybrid.muxer.statement import HYBRID_STATEMENT, STATEMENT_UUID, read_statement, write_statement
from ffhybrid.muxer.timing import Timing, read_timing, timing_of, write_timing

PAYLOAD_UUID = bytes.fromhex("6fd1c2b07a4e4c0d9b5e3c8a41f7e260")
BINDING_UUID = bytes.fromhex("b3a9447e52c84f1e8d06f19c7be5a3d4")
HASH_UUID = bytes.fromhex("30d0b2e87b3a4951b13fa92b18349694")
_CARRIED = (PAYLOAD_UUID, BINDING_UUID, STATEMENT_UUID)
BINDING_SIZE, MAX_BINDING = 8, 1 << 16
MAX_PAYLOAD = 2 << 20
NEURAL_SIDE = 64
"""Width and height of the neural track's pictures in samples."""


class Carriage(StrEnum):
    """Where payloads lie in a file."""

    TRACK = "track"
    INBAND = "inband"


@dataclass(frozen=True, slots=True)
class CarriedUnit:
    """An access unit taken apart: what the carriage put in, parameter sets, and the coded picture itself.

    ``picture`` keeps slices, picture hashes, and the SEI messages of others. ``statement`` is what the file says it is.
    """

    binding: bytes | None
    payload: bytes | None
    parameter_sets: tuple[bytes, ...]
    picture: tuple[bytes, ...]
    timing: Timing | None = None
    statement: str | None = None

    @property
    def placeholder(self) -> tuple[bytes, ...]:
        """NAL units that the keyframe keeps; a suffix would be the hash of the grey picture, which is not restored."""
        return tuple(nal for nal in self.picture if hevc.is_slice(nal) or hevc.is_prefix_sei(nal))


def binding_tag(payload: bytes) -> bytes:
    """First 8 bytes of the payload's SHA-256, by which a placeholder names its payload."""
    return hashlib.sha256(payload).digest()[:BINDING_SIZE]


def _payload_sei(payload: bytes) -> bytes:
    if len(payload) > MAX_PAYLOAD:
        raise UnsupportedError(f"a payload of {len(payload)} bytes is beyond the limit of {MAX_PAYLOAD}")
    return sei.write_user_data(PAYLOAD_UUID, payload)


class GopCarrier:
    """Puts GOPs into the form that they have in a file, one after the other; the first one says what the file is."""

    def __init__(self, carriage: Carriage) -> None:
        self._carriage = carriage
        self._statement: tuple[bytes, ...] = (write_statement(HYBRID_STATEMENT),)

    def access_units(self, gop: HybridGop) -> tuple[AccessUnit, ...]:
        """Access units of the next GOP.

        Raises:
            UnsupportedError: a payload that is too large.
        """
        statement, self._statement = self._statement, ()
        messages = (*_placeholder_messages(gop, self._carriage), *statement)
        return _with_messages(gop, messages, [tuple(map(hidden_hash, unit.nal_units)) for unit in gop.inter])


def stripped_access_units(gop: HybridGop) -> tuple[AccessUnit, ...]:
    """Access units of a GOP with its binding tag alone: what stock tools see, and where its payload belongs."""
    pictures = [tuple(nal for nal in unit.nal_units if not sei.is_picture_hash(nal)) for unit in gop.inter]
    return _with_messages(gop, _placeholder_messages(gop, Carriage.TRACK), pictures)


def _with_messages(
    gop: HybridGop, messages: tuple[bytes, ...], pictures: Iterable[tuple[bytes, ...]]
) -> tuple[AccessUnit, ...]:
    """Put messages before the placeholder, and other NAL units in the place of those of P and B pictures."""
    placeholder = replace(gop.placeholder, nal_units=(*messages, *gop.placeholder.nal_units))
    inter = (replace(unit, nal_units=nal_units) for unit, nal_units in zip(gop.inter, pictures, strict=True))
    return (placeholder, *inter)


def _placeholder_messages(gop: HybridGop, carriage: Carriage) -> tuple[bytes, ...]:
    """NAL units that the carriage puts before the placeholder: binding tag, and the payload if it travels in band."""
    bound = binding_tag(gop.payload) + write_timing(timing_of(gop))
    binding = sei.write_user_data(BINDING_UUID, bound)
    return (binding, _payload_sei(gop.payload)) if carriage is Carriage.INBAND else (binding,)


def hidden_hash(nal: bytes) -> bytes:
    """Turn a picture hash into user data that stock decoders pass over; other NAL units stay what they are."""
    message = _suffix_message(nal)
    if message is None or message[0] != sei.PICTURE_HASH_PAYLOAD_TYPE or len(message[1]) != sei.PICTURE_MD5S_SIZE:
        return nal
    return _suffix_sei(nal, sei.USER_DATA_UNREGISTERED_PAYLOAD_TYPE, HASH_UUID + message[1])


def shown_hash(nal: bytes) -> bytes:
    """Turn what :func:`hidden_hash` made of a picture hash into that again, byte for byte.

    Raises:
        CorruptDataError: a damaged SEI message.
    """
    message = _suffix_message(nal)
    if message is None or message[0] != sei.USER_DATA_UNREGISTERED_PAYLOAD_TYPE or not message[1].startswith(HASH_UUID):
        return nal
    md5s = message[1][sei.UUID_SIZE :]
    if len(md5s) != sei.PICTURE_MD5S_SIZE:
        raise CorruptDataError(f"a picture hash has {len(md5s)} bytes, not {sei.PICTURE_MD5S_SIZE}")
    return _suffix_sei(nal, sei.PICTURE_HASH_PAYLOAD_TYPE, md5s)


def _suffix_message(nal: bytes) -> tuple[int, bytes] | None:
    """Read the one message of a suffix SEI NAL unit; None for anything else."""
    messages = sei.read_messages(nal) if hevc.nal_type(nal) == hevc.NalType.SUFFIX_SEI else []
    return messages[0] if len(messages) == 1 else None


def _suffix_sei(like: bytes, payload_type: int, data: bytes) -> bytes:
    """Write a message in a NAL unit of the same layer and sub-layer as another's."""
    return like[:2] + sei.write_message(payload_type, data, kind=hevc.NalType.SUFFIX_SEI)[2:]


def neural_nal_units(gop: HybridGop, sets: ParameterSets) -> tuple[bytes, ...]:
    """NAL units of the neural track's packet: the payload before a grey IDR of 64x64 samples under ``sets``."""
    return (_payload_sei(gop.payload), hevc.placeholder_idr(sets, hevc.NalType.IDR_N_LP))


def split_access_unit(nal_units: Iterable[bytes]) -> CarriedUnit:
    """Take an access unit apart, whatever stock tools added to it (delimiters, parameter sets, other orders).

    Raises:
        CorruptDataError: a damaged SEI message, a payload beyond the limit, or more NAL units than any picture has.
    """
    units = tuple(nal_units)
    if len(units) > hevc.MAX_NAL_UNITS:
        limit = hevc.MAX_NAL_UNITS
        raise CorruptDataError(f"an access unit has {len(units)} NAL units, more than the limit of {limit}")
    found: dict[bytes, bytes] = {}
    sets: list[bytes] = []
    picture: list[bytes] = []
    for nal in units:
        if hevc.is_parameter_set(nal):
            sets.append(nal)
        elif hevc.is_prefix_sei(nal):
            carried = _carried(nal)
            found |= carried
            if not carried:
                picture.append(nal)
        elif hevc.nal_type(nal) != hevc.NalType.AUD:
            picture.append(shown_hash(nal))
    bound = found.get(BINDING_UUID)
    return CarriedUnit(
        binding=bound and bound[:BINDING_SIZE],
        payload=found.get(PAYLOAD_UUID),
        parameter_sets=tuple(sets),
        picture=tuple(picture),
        timing=read_timing(bound[BINDING_SIZE:]) if bound else None,
        statement=read_statement(found.get(STATEMENT_UUID, b"")),
    )


def _carried(nal: bytes) -> dict[bytes, bytes]:
    found = {uuid: data for uuid, data in sei.read_user_data(nal) if uuid in _CARRIED}
    if len(found.get(PAYLOAD_UUID, b"")) > MAX_PAYLOAD:
        raise CorruptDataError(f"a payload is larger than the limit of {MAX_PAYLOAD} bytes")
    if not BINDING_SIZE <= len(found.get(BINDING_UUID, bytes(BINDING_SIZE))) <= MAX_BINDING:
        raise CorruptDataError(f"a binding message has not {BINDING_SIZE} to {MAX_BINDING} bytes")
    return found
