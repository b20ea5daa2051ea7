"""HEVC bitstream operations by name; the syntax itself is handled by the C core (``cext/``).

NAL units are ``bytes`` with their two-byte header and emulation prevention, without start code or length.
Every function raises :class:`CorruptDataError` for bytes that break the syntax and :class:`UnsupportedError`
for valid syntax that cannot be spliced exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from ffhybrid._cext import ffi, lib
from ffhybrid.core import built, packed_rows, pointer
from ffhybrid.errors import CorruptDataError, UnsupportedError
from ffhybrid.gop import ParameterSets
from ffhybrid.picture import Picture

MAX_PPS_ID = 63
LEVEL_8_5 = 255
"""``general_level_idc`` of streams that keep no level's limits, as x265 writes it for lossless ones."""


class NalType(IntEnum):
    """``nal_unit_type`` values that are named in this project (H.265 table 7-1)."""

    IDR_W_RADL = 19
    IDR_N_LP = 20
    CRA = 21
    VPS = 32
    SPS = 33
    PPS = 34
    AUD = 35
    PREFIX_SEI = 39
    SUFFIX_SEI = 40


class SpliceEffort(StrEnum):
    """How hard the lossless keyframe is squeezed; its samples are the same for each."""

    FAST = "fast"
    MEDIUM = "medium"
    SLOW = "slow"


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


def checked(code: int, what: str) -> int:
    """Give what a function of the C core returned, or raise the error that its code means for ``what``."""
    if code >= 0:
        return code
    if code == lib.FFH_EUNSUPPORTED:
        raise UnsupportedError(f"{what} uses an HEVC tool that cannot be spliced exactly")
    if code == lib.FFH_ENOMEM:
        raise MemoryError(what)
    if code == lib.FFH_EINVAL:
        raise ValueError(f"{what}: invalid argument")
    raise CorruptDataError(f"{what} is damaged or is not what it claims to be")


def written(what: str, build: Callable[[Any], int]) -> bytes:
    """Run a writer of the C core that appends to a buffer and return what it wrote."""
    return built(build, lambda code: checked(code, what))


def _units(data: bytes, advance: Callable[[Any, Any], int], what: str) -> Iterator[bytes]:
    """Iterate a C splitter that reports the extent of one NAL unit a call."""
    start, length = ffi.new("size_t *"), ffi.new("size_t *")
    while checked(advance(start, length), what):
        if length[0]:
            yield data[start[0] : start[0] + length[0]]


def split_annexb(data: bytes) -> list[bytes]:
    """Split an Annex B byte stream; bytes before the first start code are not looked at."""
    pos = ffi.new("size_t *")
    return list(_units(data, lambda s, n: int(lib.ffh_next_annexb(data, len(data), pos, s, n)), "an Annex B stream"))


def split_length_prefixed(data: bytes, length_size: int = 4) -> list[bytes]:
    """Split NAL units that big-endian lengths of 1, 2 or 4 bytes precede (ISO/IEC 14496-15)."""
    pos = ffi.new("size_t *")
    return list(
        _units(
            data,
            lambda s, n: int(lib.ffh_next_length_prefixed(data, len(data), length_size, pos, s, n)),
            "a length-prefixed access unit",
        )
    )


def join_annexb(nal_units: Iterable[bytes]) -> bytes:
    """Put a four-byte start code before every NAL unit."""
    return b"".join(b"\0\0\0\1" + nal for nal in nal_units)


def join_length_prefixed(nal_units: Iterable[bytes]) -> bytes:
    """Put a four-byte big-endian length before every NAL unit."""
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nal_units)


def nal_type(nal: bytes) -> int:
    """``nal_unit_type`` of a NAL unit."""
    if len(nal) < 2:
        raise CorruptDataError("a NAL unit is shorter than its header")
    return (nal[0] >> 1) & 0x3F


def is_slice(nal: bytes) -> bool:
    """Whether the NAL unit is a slice segment (VCL)."""
    return nal_type(nal) < NalType.VPS


def is_prefix_sei(nal: bytes) -> bool:
    """Whether the NAL unit holds SEI messages that stand before the slices."""
    return nal_type(nal) == NalType.PREFIX_SEI


def is_idr(nal: bytes) -> bool:
    """Whether the NAL unit is a slice segment of an IDR picture."""
    return nal_type(nal) in (NalType.IDR_W_RADL, NalType.IDR_N_LP)


def rbsp(nal: bytes) -> bytes:
    """Payload of a NAL unit without header and emulation prevention bytes."""
    return written("a NAL unit", lambda buf: int(lib.ffh_nal_to_rbsp(nal, len(nal), buf)))


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), as of RFC 3720 appendix B.4."""
    return int(lib.ffh_crc32c(data, len(data)))


def parsed(kind: str, nal: bytes) -> Any:
    """Parse a parameter set of a kind (``"vps"``, ``"sps"``, ``"pps"``) into the C core's struct."""
    parsed = ffi.new(f"ffh_{kind} *")
    checked(getattr(lib, f"ffh_parse_{kind}")(nal, len(nal), parsed), f"the {kind.upper()}")
    return parsed


def parse_sps(nal: bytes) -> Sps:
    """Read the picture geometry of an SPS NAL unit."""
    sps = parsed("sps", nal)
    left, right = 2 * sps.conf_win_left_offset, 2 * sps.conf_win_right_offset
    top, bottom = 2 * sps.conf_win_top_offset, 2 * sps.conf_win_bottom_offset
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


def parameter_sets(nal_units: Iterable[bytes]) -> ParameterSets:
    """Pick one VPS, one SPS and the PPSs out of NAL units, and check that each of them parses."""
    found: dict[int, list[bytes]] = {NalType.VPS: [], NalType.SPS: [], NalType.PPS: []}
    for nal in nal_units:
        kept = found.get(nal_type(nal))
        if kept is not None and nal not in kept:
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


def with_level(nal: bytes, level_idc: int) -> bytes:
    """Copy a VPS or SPS with another ``general_level_idc``; nothing that decoding depends on changes."""
    return written("a parameter set", lambda buf: int(lib.ffh_write_with_level(nal, len(nal), level_idc, buf)))


def write_hvcc(sets: ParameterSets) -> bytes:
    """Write an HEVCDecoderConfigurationRecord with four-byte NAL unit lengths."""
    units = join_length_prefixed(sets.nal_units)
    return written("a parameter set", lambda buf: int(lib.ffh_write_hvcc(units, len(units), buf)))


def read_hvcc(data: bytes) -> tuple[ParameterSets, int]:
    """Read the parameter sets and the NAL length size of an HEVCDecoderConfigurationRecord."""
    iterator = ffi.new("ffh_hvcc_iter *")
    length_size = checked(lib.ffh_read_hvcc(data, len(data), iterator), "the hvcC record")
    units = _units(data, lambda s, n: int(lib.ffh_next_hvcc_nal(data, len(data), iterator, s, n)), "the hvcC record")
    return parameter_sets(units), length_size


def slice_pps_id(nal: bytes) -> int:
    """``slice_pic_parameter_set_id`` of a slice segment."""
    header = ffi.new("ffh_slice_header *")
    checked(lib.ffh_parse_slice_pps_id(nal, len(nal), header), "a slice header")
    return int(header.slice_pic_parameter_set_id)


def slice_type(nal: bytes, sets: ParameterSets) -> str:
    """``"B"``, ``"P"`` or ``"I"`` for the first slice segment of a slice."""
    header = ffi.new("ffh_slice_header *")
    pps = _pps_by_id(sets, slice_pps_id(nal))
    checked(lib.ffh_parse_slice_header(nal, len(nal), parsed("sps", sets.sps), pps, header), "a slice header")
    return "BPI"[header.slice_type]


def _pps_by_id(sets: ParameterSets, pps_id: int) -> Any:
    for nal in sets.pps:
        pps = parsed("pps", nal)
        if pps.pps_pic_parameter_set_id == pps_id:
            return pps
    raise CorruptDataError(f"a slice refers to PPS {pps_id}, which the stream does not have")


def placeholder_idr(sets: ParameterSets, nal_unit_type: int) -> bytes:
    """Write a mid-grey IDR slice that is valid under the stream's own first PPS."""
    sps, pps = parsed("sps", sets.sps), parsed("pps", sets.pps[0])
    return written("the placeholder", lambda buf: int(lib.ffh_write_grey_idr(sps, pps, nal_unit_type, buf)))


def lossless_pps(sets: ParameterSets) -> bytes:
    """Write the PPS for lossless pictures, with the smallest id that the stream does not use itself."""
    used = {int(parsed("pps", nal).pps_pic_parameter_set_id) for nal in sets.pps}
    free = next((pps_id for pps_id in range(MAX_PPS_ID + 1) if pps_id not in used), None)
    if free is None:
        raise UnsupportedError("the stream uses every PPS id, none is left for lossless keyframes")
    pps = ffi.new("ffh_pps *")
    lib.ffh_lossless_pps(parsed("pps", sets.pps[0]), free, pps)
    return written("the lossless PPS", lambda buf: int(lib.ffh_write_pps(pps, buf)))


def lossless_idr(
    sets: ParameterSets,
    pps: bytes,
    nal_unit_type: int,
    picture: Picture,
    *,
    effort: SpliceEffort = SpliceEffort.FAST,
    threads: int = 1,
) -> bytes:
    """Write an IDR slice that decodes to exactly ``picture``, which must have the coded size of the SPS.

    ``pps`` is what :func:`lossless_pps` gave. The slice data follow H.265 clause 7.3.8 with
    ``cu_transquant_bypass_flag`` set for every coding unit. Several threads share the CTU rows of a stream with
    wavefront rows; the bytes do not depend on their number.
    """
    sps = parsed("sps", sets.sps)
    size = (sps.pic_width_in_luma_samples, sps.pic_height_in_luma_samples, sps.bit_depth_luma)
    if size != (picture.width, picture.height, picture.bit_depth):
        raise ValueError("the picture has not the size and bit depth that its SPS codes")
    planes = [packed_rows(plane) for plane in picture.planes]
    native = ffi.new(
        "ffh_picture *",
        {"planes": [pointer(p) for p in planes], "strides": [p.strides[0] for p in planes]},
    )
    parsed_pps = parsed("pps", pps)
    level = list(SpliceEffort).index(effort)
    return written(
        "the lossless keyframe",
        lambda buf: int(lib.ffh_write_lossless_idr(sps, parsed_pps, nal_unit_type, native, level, threads, buf)),
    )


def neural_track_parameter_sets() -> ParameterSets:
    """Parameter sets of the neural track's 64x64 pictures."""
    sps, base, pps = ffi.new("ffh_sps *"), ffi.new("ffh_pps *"), ffi.new("ffh_pps *")
    lib.ffh_neural_track_sps(sps)
    lib.ffh_lossless_pps(base, 0, pps)
    return ParameterSets(
        written("a VPS", lambda buf: int(lib.ffh_write_vps(sps, buf))),
        written("an SPS", lambda buf: int(lib.ffh_write_sps(sps, buf))),
        (written("a PPS", lambda buf: int(lib.ffh_write_pps(pps, buf))),),
    )
