"""Carriage of a payload: in a track of its own, or inside the placeholder access unit; and how it is found again.

Both ways use the same SEI message, user_data_unregistered with :data:`PAYLOAD_UUID`, so that turning one carriage
into the other moves one NAL unit. Every placeholder carries a short binding tag besides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ffhybrid import hevc
from ffhybrid.core.gop import HybridGop, ParameterSets
from ffhybrid.errors import CorruptDataError, UnsupportedError
from ffhybrid.hevc import sei
from ffhybrid.muxer.timing import Timing, read_timing, timing_of, write_timing

PAYLOAD_UUID = bytes.fromhex("6fd1c2b07a4e4c0d9b5e3c8a41f7e260")
BINDING_UUID = bytes.fromhex("b3a9447e52c84f1e8d06f19c7be5a3d4")
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

    ``picture`` keeps slices and the SEI messages of others (picture hashes).
    """

    binding: bytes | None
    payload: bytes | None
    parameter_sets: tuple[bytes, ...]
    picture: tuple[bytes, ...]
    timing: Timing | None = None

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


def placeholder_nal_units(gop: HybridGop, carriage: Carriage) -> tuple[bytes, ...]:
    """NAL units of the placeholder access unit: binding tag, the payload if it travels in band, the grey IDR."""
    bound = binding_tag(gop.payload) + write_timing(timing_of(gop))
    binding = sei.write_user_data(BINDING_UUID, bound)
    inband = (_payload_sei(gop.payload),) if carriage is Carriage.INBAND else ()
    return (binding, *inband, *gop.placeholder.nal_units)


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
    binding = payload = None
    sets: list[bytes] = []
    picture: list[bytes] = []
    for nal in units:
        if hevc.is_parameter_set(nal):
            sets.append(nal)
        elif hevc.is_prefix_sei(nal):
            found = _carried(nal)
            binding = found.get(BINDING_UUID, binding)
            payload = found.get(PAYLOAD_UUID, payload)
            if not found:
                picture.append(nal)
        elif hevc.nal_type(nal) != hevc.NalType.AUD:
            picture.append(nal)
    if binding is None:
        return CarriedUnit(None, payload, tuple(sets), tuple(picture))
    timing = read_timing(binding[BINDING_SIZE:])
    return CarriedUnit(binding[:BINDING_SIZE], payload, tuple(sets), tuple(picture), timing)


def _carried(nal: bytes) -> dict[bytes, bytes]:
    found = {uuid: data for uuid, data in sei.read_user_data(nal) if uuid in (PAYLOAD_UUID, BINDING_UUID)}
    if len(found.get(PAYLOAD_UUID, b"")) > MAX_PAYLOAD:
        raise CorruptDataError(f"a payload is larger than the limit of {MAX_PAYLOAD} bytes")
    if not BINDING_SIZE <= len(found.get(BINDING_UUID, bytes(BINDING_SIZE))) <= MAX_BINDING:
        raise CorruptDataError(f"a binding message has not {BINDING_SIZE} to {MAX_BINDING} bytes")
    return found
