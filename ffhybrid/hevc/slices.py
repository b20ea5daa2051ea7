"""Slices: what their headers say, and I slices written anew, grey or lossless (H.265 clauses 7.3.6 and 7.3.8)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from ffhybrid._cext import ffi, lib
from ffhybrid.core.buffers import rows_of
from ffhybrid.core.gop import ParameterSets
from ffhybrid.core.picture import Picture
from ffhybrid.errors import CorruptDataError
from ffhybrid.hevc.nal import checked, written
from ffhybrid.hevc.parameter_sets import parsed


class SpliceEffort(StrEnum):
    """How hard lossless pictures are squeezed; its samples are the same for each."""

    FAST = "fast"
    MEDIUM = "medium"
    SLOW = "slow"


def slice_pps_id(nal: bytes) -> int:
    """``slice_pic_parameter_set_id`` of a slice segment."""
    header = ffi.new("ffh_slice_header *")
    checked(lib.ffh_parse_slice_pps_id(nal, len(nal), header), "a slice header")
    return int(header.slice_pic_parameter_set_id)


def slice_type(nal: bytes, sets: ParameterSets) -> str:
    """``"B"``, ``"P"`` or ``"I"`` for the first slice segment of a slice."""
    return "BPI"[_header(nal, sets).slice_type]


def slice_qp(nal: bytes, sets: ParameterSets) -> int:
    """``SliceQpY`` of the first slice segment of a slice (H.265 equation 7-54)."""
    return int(_header(nal, sets).slice_qp)


def collocated_distance(nal: bytes, sets: ParameterSets) -> int:
    """POC of the picture that a slice takes temporal motion vectors from, less its own; 0 where it takes none."""
    return int(_header(nal, sets).collocated_delta_poc)


def _header(nal: bytes, sets: ParameterSets) -> Any:
    header = ffi.new("ffh_slice_header *")
    pps = _pps_by_id(sets, slice_pps_id(nal))
    checked(lib.ffh_parse_slice_header(nal, len(nal), parsed("sps", sets.sps), pps, header), "a slice header")
    return header


def _pps_by_id(sets: ParameterSets, pps_id: int) -> Any:
    for nal in sets.pps:
        pps = parsed("pps", nal)
        if pps.pps_pic_parameter_set_id == pps_id:
            return pps
    raise CorruptDataError(f"a slice refers to PPS {pps_id}, which the stream does not have")


def placeholder_idr(sets: ParameterSets, nal_unit_type: int) -> bytes:
    """Write a mid-grey IDR slice that is valid under the stream's own first PPS."""
    sps, pps = parsed("sps", sets.sps), parsed("pps", sets.pps[0])
    return written("the placeholder", lambda buf: lib.ffh_write_grey_idr(sps, pps, nal_unit_type, buf))


def lossless_irap(
    sets: ParameterSets,
    pps: bytes,
    nal_unit_type: int,
    picture: Picture,
    *,
    pic_order_cnt: int = 0,
    effort: SpliceEffort = SpliceEffort.FAST,
    threads: int = 1,
) -> bytes:
    """Write an IDR or CRA slice that decodes to exactly ``picture``, which must have the coded size of the SPS.

    A CRA picture has ``pic_order_cnt``, and refers to nothing. ``pps`` is what :func:`lossless_pps` gave. The slice
    data follow H.265 clause 7.3.8 with ``cu_transquant_bypass_flag`` set for every coding unit. Several threads share
    the CTU rows of a stream with wavefront rows; the bytes do not depend on their number.
    """
    sps = parsed("sps", sets.sps)
    size = (sps.pic_width_in_luma_samples, sps.pic_height_in_luma_samples, sps.bit_depth_luma)
    if size != (picture.width, picture.height, picture.bit_depth):
        raise ValueError("the picture has not the size and bit depth that its SPS codes")
    planes = [rows_of(plane) for plane in picture.planes]
    native = ffi.new("ffh_picture *", [[rows.pointer for rows in planes], [rows.stride for rows in planes]])
    parsed_pps = parsed("pps", pps)
    level = list(SpliceEffort).index(effort)
    return written(
        "the lossless keyframe",
        lambda buf: lib.ffh_write_lossless_irap(
            sps, parsed_pps, nal_unit_type, pic_order_cnt, native, level, threads, buf
        ),
    )
