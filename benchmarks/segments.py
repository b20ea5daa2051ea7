"""Segments of a GOP between anchors: coded against a picture as in the locked encode, ending in a P picture."""

from __future__ import annotations

from collections.abc import Sequence

from ffhybrid import X265Options, hevc
from ffhybrid.core.gop import AccessUnit
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.hevc.decoding import decode_pictures
from ffhybrid.x265.encoding import X265Gop, encode_gop
from ffhybrid.x265.reference_lock import NEARLY_LOSSLESS_QP


def code_segment(part: SourceGop, first: Picture, options: X265Options, *, factor: float | None) -> X265Gop:
    """Code pictures against ``first``, which is hardly changed.

    The last one is a P picture with ``factor`` times the bits that x265 would give it, behind another one, so that no B
    picture refers to it; None where it is no anchor.
    """
    zones, predicted, last = [f"0,1,q={NEARLY_LOSSLESS_QP}"], (), len(part) - 1
    if factor is not None:
        zones.append(f"{last},{last + 1},b={factor:g}")
        predicted = (last - 1, last)
    coded = encode_gop(part, options, params={"zones": "/".join(zones)}, keyframe=first, predicted=predicted)
    if factor is not None and coded.inter[-1].pts != part.pts[-1]:
        raise RuntimeError("the anchor is not the last picture in decoding order")
    return coded


def pictures_of(coded: X265Gop) -> Sequence[Picture]:
    """Decode all pictures of an 8-bit segment, in order of presentation."""
    return list(decode_pictures((unit.nal_units for unit in coded.access_units), coded.parameter_sets, 8))


def slice_of(unit: AccessUnit) -> bytes:
    """Take the one slice of a picture."""
    return next(nal for nal in unit.nal_units if hevc.is_slice(nal))
