"""Last picture of a bitstream: whether its end is missing, found by decoding where no container tells."""

from __future__ import annotations

from collections.abc import Sequence

from ffhybrid.core.gop import AccessUnit, ParameterSets
from ffhybrid.errors import VerificationError
from ffhybrid.hevc import sei
from ffhybrid.hevc.decoding import check_decodes, decode_pictures
from ffhybrid.hevc.nal import is_slice
from ffhybrid.hevc.parameter_sets import parse_sps

_TAILS = (b"\x00\x00\x03" * 16, b"\xff" * 32)
"""Bytes that may follow those of a slice: the least and the greatest that an arithmetic decoder can read on."""


def is_last_picture_cut(units: Sequence[AccessUnit], sets: ParameterSets) -> bool:
    """Whether the end of the last of several pictures, which are given in decoding order, is missing.

    An arithmetic decoder that runs into missing bytes gives other samples for the least and the greatest bytes that may
    stand there; one that is done does not look at them. A picture hash behind the slices tells by itself.

    Raises:
        VerificationError: the pictures before it do not decode.
    """
    *before, last = units
    try:
        tails = _TAILS if is_slice(last.nal_units[-1]) else (b"", b"")
        least, greatest = (_decoded(units, sets, last.nal_units[-1] + tail) for tail in tails)
    except VerificationError:
        least = greatest = []
    if {len(least), len(greatest)} != {len(units)}:
        check_decodes(before, sets)
        return True
    place = sorted(unit.pts for unit in units).index(last.pts)
    differing = [index for index, pair in enumerate(zip(least, greatest, strict=True)) if pair[0] != pair[1]]
    if differing not in ([], [place]):
        raise VerificationError("its pictures do not decode to the same samples twice")
    return bool(differing)


def _decoded(
    units: Sequence[AccessUnit], sets: ParameterSets, last_nal_unit: bytes
) -> list[tuple[bytes, bytes, bytes]]:
    """MD5s of the planes of all pictures, with another NAL unit in the place of the last one."""
    depth = parse_sps(sets.sps).bit_depth
    *before, last = (unit.nal_units for unit in units)
    pictures = decode_pictures([*before, (*last[:-1], last_nal_unit)], sets, depth)
    return [sei.picture_md5s(picture) for picture in pictures]
