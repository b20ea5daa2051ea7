"""Anchors: P pictures of a GOP made anew by its generator, each the first picture of a segment that refers to it.

A segment is decoded up to its last picture, the base of the next anchor; the generator enhances that, and the lossless
picture goes into its place, as a CRA picture: nothing behind it refers to anything before.
"""

from __future__ import annotations

from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.core.payload import Payload
from ffhybrid.errors import CorruptDataError, at
from ffhybrid.filters.base import BasePicture
from ffhybrid.hevc import SpliceEffort, sei
from ffhybrid.hevc.decoding import decode_last
from ffhybrid.hevc.static_metadata import static_metadata_sei
from ffhybrid.restorer.generator_decode import GeneratorDecode


def with_anchors(
    gop: HybridGop,
    payload: Payload,
    keyframe: AccessUnit,
    sets: ParameterSets,
    *,
    effort: SpliceEffort,
    generator_decode: GeneratorDecode,
) -> tuple[AccessUnit, ...]:
    """Put anchors into the places of their bases; those beyond the end of a cut GOP are no damage.

    Args:
        gop: the GOP as the file has it.
        payload: that of the GOP.
        keyframe: the restored one.
        sets: of the restored stream; the last PPS is that of lossless pictures.
        effort: how hard the anchors are squeezed.
        generator_decode: how they are made.

    Returns:
        All access units, in decoding order.

    Raises:
        VerificationError: a base picture that is damaged, or was coded anew.
        CorruptDataError: a payload whose generator has no anchors, or a damaged latent.
    """
    units, first = [keyframe, *gop.inter], 0
    static = static_metadata_sei(gop.placeholder.nal_units)
    for anchor in payload.anchors:
        if anchor.place >= len(units):
            break
        with at(f"anchor at picture {anchor.place}"):
            base = _base(units[first : anchor.place + 1], gop, payload, sets)
            picture = generator_decode.anchor(payload, anchor, base, distance=anchor.place - first)
            lossless = hevc.lossless_irap(
                gop.parameter_sets,
                sets.pps[-1],
                hevc.NalType.CRA,
                picture,
                pic_order_cnt=anchor.place,
                effort=effort,
            )
        units[anchor.place] = _replaced(units[anchor.place], (*static, lossless), sei.picture_md5s(picture))
        first = anchor.place
    return tuple(units)


def _base(segment: list[AccessUnit], gop: HybridGop, payload: Payload, sets: ParameterSets) -> BasePicture:
    """Decode the last picture of a segment, at the shown size."""
    slices = [nal for nal in segment[-1].nal_units if hevc.is_slice(nal)]
    if len(slices) != 1:
        raise CorruptDataError("its base picture is not one slice")
    spec, qp = payload.spec, hevc.slice_qp(slices[0], gop.parameter_sets)
    return BasePicture(decode_last(segment, sets, spec.bit_depth).cropped(spec.width, spec.height), slices[0], qp)


def _replaced(base: AccessUnit, nal_units: tuple[bytes, ...], md5s: tuple[bytes, bytes, bytes]) -> AccessUnit:
    """Keep the messages of a base picture, and give what takes its place a picture hash where it has one."""
    picture_hash = (sei.write_picture_hash(md5s),) if sei.has_picture_hash(base.nal_units) else ()
    return AccessUnit((*hevc.prefix_sei(base.nal_units), *nal_units, *picture_hash), base.pts, base.duration)
