"""Parameter sets: VPS, SPS and PPS parsed and written (H.265 clause 7.3.2), and the hvcC record around them.

What breaks the syntax raises :class:`CorruptDataError`, valid syntax that cannot be spliced exactly
:class:`UnsupportedError`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ffhybrid._cext import ffi, lib
from ffhybrid.core.gop import ParameterSets
from ffhybrid.errors import CorruptDataError, UnsupportedError
from ffhybrid.hevc.nal import NalType, checked, join_length_prefixed, layer_id, nal_type, split_units, written

MAX_PPS_ID = 63
_HVCC_VERSION = b"\x01"
_HVCC_FIXED_SIZE = 23
_CHROMA_UNITS = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}
"""``SubWidthC`` and ``SubHeightC`` by ``chroma_format_idc`` (H.265 table 6-1)."""
LEVEL_8_5 = 255
"""``general_level_idc`` of streams that keep no level's limits, as x265 writes it for lossless ones."""


@dataclass(frozen=True, slots=True)
class Sps:
    """Geometry from a sequence parameter set; the crop offsets count luma samples.

    ``chroma_location`` is ``chroma_sample_loc_type_top_field`` (figure E.1), None where the VUI has none.
    """

    coded_width: int
    coded_height: int
    crop_left: int
    crop_top: int
    width: int
    height: int
    bit_depth: int
    chroma_format_idc: int
    chroma_location: int | None


def parsed(kind: str, nal: bytes) -> Any:
    """Parse a parameter set of a kind (``"vps"``, ``"sps"``, ``"pps"``) into the C core's struct."""
    parsed = ffi.new(f"ffh_{kind} *")
    checked(getattr(lib, f"ffh_parse_{kind}")(nal, len(nal), parsed), f"the {kind.upper()}")
    return parsed


def parse_sps(nal: bytes) -> Sps:
    """Read the picture geometry of an SPS NAL unit."""
    sps = parsed("sps", nal)
    columns, rows = _CHROMA_UNITS[sps.chroma_format_idc]
    left, right = columns * sps.conf_win_left_offset, columns * sps.conf_win_right_offset
    top, bottom = rows * sps.conf_win_top_offset, rows * sps.conf_win_bottom_offset
    return Sps(
        coded_width=sps.pic_width_in_luma_samples,
        coded_height=sps.pic_height_in_luma_samples,
        crop_left=left,
        crop_top=top,
        width=sps.pic_width_in_luma_samples - left - right,
        height=sps.pic_height_in_luma_samples - top - bottom,
        bit_depth=sps.bit_depth_luma,
        chroma_format_idc=sps.chroma_format_idc,
        chroma_location=sps.chroma_sample_loc_type_top_field if sps.chroma_loc_info_present_flag else None,
    )


def find_parameter_sets(nal_units: Iterable[bytes]) -> ParameterSets:
    """Pick one VPS, one SPS and the PPSs of the base layer out of NAL units, and check that each of them parses."""
    found: dict[int, list[bytes]] = {NalType.VPS: [], NalType.SPS: [], NalType.PPS: []}
    for nal in nal_units:
        kept = found.get(nal_type(nal))
        if kept is not None and nal not in kept and layer_id(nal) == 0:
            kept.append(nal)
    vps, sps, pps = found.values()
    if len(vps) != 1 or len(sps) != 1 or not pps:
        raise CorruptDataError(
            f"expected one VPS, one SPS and at least one PPS, found {len(vps)}, {len(sps)} and {len(pps)}"
        )
    for kind, units in (("vps", vps), ("sps", sps), ("pps", pps)):
        for nal in units:
            parsed(kind, nal)
    return ParameterSets(vps[0], sps[0], tuple(pps))


def parameter_set_digest(sets: ParameterSets) -> int:
    """First 8 bytes, big-endian, of the SHA-256 of VPS, SPS and PPSs, each with a four-byte length before it."""
    return int.from_bytes(hashlib.sha256(join_length_prefixed(sets.nal_units)).digest()[:8], "big")


def with_level(nal: bytes, level_idc: int) -> bytes:
    """Copy a VPS or SPS with another ``general_level_idc``; nothing that decoding depends on changes."""
    return written("a parameter set", lambda buf: lib.ffh_write_with_level(nal, len(nal), level_idc, buf))


def write_hvcc(sets: ParameterSets) -> bytes:
    """Write an HEVCDecoderConfigurationRecord with four-byte NAL unit lengths."""
    units = join_length_prefixed(sets.nal_units)
    return written("a parameter set", lambda buf: lib.ffh_write_hvcc(units, len(units), buf))


def hvcc_length_size(data: bytes) -> int:
    """Bytes of the NAL unit lengths that an hvcC record tells, 0 where data are none (ISO/IEC 14496-15 clause 8.3.3.1).

    Raises:
        CorruptDataError: a damaged record.
    """
    if not data.startswith(_HVCC_VERSION):
        return 0
    size = (data[21] & 3) + 1 if len(data) >= _HVCC_FIXED_SIZE else 0
    if size not in (1, 2, 4):
        raise CorruptDataError("the hvcC record is damaged")
    return size


def read_hvcc(data: bytes) -> ParameterSets | None:
    """Read the parameter sets of an HEVCDecoderConfigurationRecord, None where it has none, as `hev1` allows."""
    iterator = ffi.new("ffh_hvcc_iter *")
    checked(lib.ffh_read_hvcc(data, len(data), iterator), "the hvcC record")
    units = list(
        split_units(data, lambda s, n: lib.ffh_next_hvcc_nal(data, len(data), iterator, s, n), "the hvcC record")
    )
    return find_parameter_sets(units) if units else None


def lossless_pps(sets: ParameterSets) -> bytes:
    """Write the PPS for lossless pictures, with the smallest id that the stream does not use itself."""
    used = {int(parsed("pps", nal).pps_pic_parameter_set_id) for nal in sets.pps}
    free = next((pps_id for pps_id in range(MAX_PPS_ID + 1) if pps_id not in used), None)
    if free is None:
        raise UnsupportedError("the stream uses every PPS id, none is left for lossless keyframes")
    pps = ffi.new("ffh_pps *")
    lib.ffh_lossless_pps(parsed("pps", sets.pps[0]), free, pps)
    return written("the lossless PPS", lambda buf: lib.ffh_write_pps(pps, buf))


def neural_track_parameter_sets() -> ParameterSets:
    """Parameter sets of the neural track's 64x64 pictures."""
    sps, base, pps = ffi.new("ffh_sps *"), ffi.new("ffh_pps *"), ffi.new("ffh_pps *")
    lib.ffh_neural_track_sps(sps)
    lib.ffh_lossless_pps(base, 0, pps)
    return ParameterSets(
        written("a VPS", lambda buf: lib.ffh_write_vps(sps, buf)),
        written("an SPS", lambda buf: lib.ffh_write_sps(sps, buf)),
        (written("a PPS", lambda buf: lib.ffh_write_pps(pps, buf)),),
    )
