"""HEVC bitstreams: NAL units, parameter sets, slices, SEI messages, decoding; the syntax itself is in C (``cext/``).

What the room's modules share is named here: ``hevc.split_annexb``, ``hevc.parse_sps``. SEI messages, decoding and the
recoding of slices are modules of their own.
"""

from ffhybrid.hevc.nal import (
    LENGTH_SIZE,
    MAX_NAL_UNITS,
    NalType,
    access_unit_delimiter,
    is_idr,
    is_parameter_set,
    is_prefix_sei,
    is_slice,
    join_annexb,
    join_length_prefixed,
    layer_id,
    nal_type,
    rbsp,
    split_annexb,
    split_length_prefixed,
)
from ffhybrid.hevc.parameter_sets import (
    LEVEL_8_5,
    Sps,
    find_parameter_sets,
    hvcc_length_size,
    lossless_pps,
    neural_track_parameter_sets,
    parameter_set_digest,
    parse_sps,
    read_hvcc,
    with_level,
    write_hvcc,
)
from ffhybrid.hevc.slices import SpliceEffort, lossless_idr, placeholder_idr, slice_pps_id, slice_qp, slice_type

__all__ = [
    "LENGTH_SIZE",
    "LEVEL_8_5",
    "MAX_NAL_UNITS",
    "NalType",
    "SpliceEffort",
    "Sps",
    "access_unit_delimiter",
    "find_parameter_sets",
    "hvcc_length_size",
    "is_idr",
    "is_parameter_set",
    "is_prefix_sei",
    "is_slice",
    "join_annexb",
    "join_length_prefixed",
    "layer_id",
    "lossless_idr",
    "lossless_pps",
    "nal_type",
    "neural_track_parameter_sets",
    "parameter_set_digest",
    "parse_sps",
    "placeholder_idr",
    "rbsp",
    "read_hvcc",
    "slice_pps_id",
    "slice_qp",
    "slice_type",
    "split_annexb",
    "split_length_prefixed",
    "with_level",
    "write_hvcc",
]
