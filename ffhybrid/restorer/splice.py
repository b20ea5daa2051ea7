"""The splice: from a payload back to the exact reference picture, and that as a keyframe in front of its GOP."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from ffhybrid import hevc
from ffhybrid.core.frames import coded_picture
from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.core.payload import Payload, picture_md5
from ffhybrid.core.picture import Picture
from ffhybrid.errors import CorruptDataError, GeometryError, VerificationError, at
from ffhybrid.filters.registry import sequence_names
from ffhybrid.hevc import SpliceEffort, sei
from ffhybrid.hevc.decoding import decode_access_units
from ffhybrid.hevc.static_metadata import static_metadata_sei
from ffhybrid.restorer.anchors import with_anchors
from ffhybrid.restorer.generator_decode import GeneratorDecode

NATIVE_IDR = "hevc"
"""Name in payloads of GOPs that keep x265's own I-frame: it lies where others have the placeholder."""


@dataclass(frozen=True, slots=True)
class RestoredGop:
    """Standard HEVC: ``parameter_sets`` are the stream's own at level 8.5, and the PPS of lossless keyframes.

    ``generator`` has made what is generated of it, None where nothing is.
    """

    parameter_sets: ParameterSets
    access_units: tuple[AccessUnit, ...]
    time_base: Fraction
    generator: str | None


def decode_keyframe(
    gop: HybridGop, generator_decode: GeneratorDecode | None = None
) -> tuple[Payload, Picture, tuple[bytes, bytes, bytes]]:
    """Make the reference picture of a GOP, at its coded size, and check it against its MD5.

    Returns:
        The payload, the picture, and the MD5s of its planes.

    Raises:
        CorruptDataError, UnsupportedError: a payload that cannot be read.
        GeometryError: a payload of another stream.
        ModelError: a model that is not there.
        VerificationError: the generated picture is not the one that the encoder saw.
    """
    payload = _payload(gop)
    picture = _reference(gop, payload, generator_decode or GeneratorDecode())
    return payload, picture, sei.picture_md5s(picture)


def _reference(gop: HybridGop, payload: Payload, generator_decode: GeneratorDecode) -> Picture:
    if payload.generator == NATIVE_IDR:
        return _native_idr(gop, payload)
    if not is_generated_whole(payload):
        return generator_decode.picture(payload, None if payload.base_md5 is None else _base(gop, payload))
    pictures = generator_decode.pictures(payload)
    first = next(pictures)
    deque(pictures, maxlen=0)  # Their MD5 is seen behind the last one.
    return first


def _native_idr(gop: HybridGop, payload: Payload) -> Picture:
    if payload.latent or payload.fixups or payload.anchors:
        raise CorruptDataError("the native IDR is not one picture alone")
    picture = _shown(gop, payload, what="native IDR")
    if picture_md5(sei.picture_md5s(picture)) != payload.picture_md5:
        raise VerificationError("the native IDR does not match its MD5")
    return picture


def _base(gop: HybridGop, payload: Payload) -> Picture:
    picture = _shown(gop, payload, what="base picture").cropped(payload.spec.width, payload.spec.height)
    if picture_md5(sei.picture_md5s(picture)) != payload.base_md5:
        raise VerificationError("the base picture is damaged or was coded anew: it does not match its MD5")
    return picture


def _shown(gop: HybridGop, payload: Payload, *, what: str) -> Picture:
    """Decode what stock players show of a keyframe, at its coded size; ``what`` is for messages."""
    with at(f"the {what}"):
        frames = list(decode_access_units([gop.placeholder.nal_units], gop.parameter_sets, crop=False))
    if len(frames) != 1:
        raise CorruptDataError(f"the {what} is not one picture alone")
    return coded_picture(frames[0], payload.spec.bit_depth)


def restore_gop(
    gop: HybridGop, *, effort: SpliceEffort = SpliceEffort.FAST, generator_decode: GeneratorDecode | None = None
) -> RestoredGop:
    """Put the lossless keyframe in the placeholder's place, or keep a native IDR, and anchors in the places of theirs.

    All other P and B pictures stay as they are.
    Where P and B pictures carry picture hashes the keyframe gets one as well.
    """
    payload, generator_decode = _payload(gop), generator_decode or GeneratorDecode()
    if is_generated_whole(payload):
        return _generated(gop, payload, effort, generator_decode)
    picture = _reference(gop, payload, generator_decode)
    md5s = sei.picture_md5s(picture)
    if payload.generator == NATIVE_IDR:
        return _restored(gop, gop.placeholder.nal_units, md5s)
    restored = splice(gop, picture, md5s, effort=effort)
    if not payload.anchors:
        return restored
    units = with_anchors(
        gop,
        payload,
        restored.access_units[0],
        restored.parameter_sets,
        effort=effort,
        generator_decode=generator_decode,
    )
    return replace(restored, access_units=units)


def splice(
    gop: HybridGop,
    picture: Picture,
    md5s: tuple[bytes, bytes, bytes],
    *,
    effort: SpliceEffort = SpliceEffort.FAST,
) -> RestoredGop:
    """Code ``picture`` as the IDR picture of a GOP, under a PPS of its own; ``md5s`` go into its picture hash."""
    return _restored(gop, (*hevc.prefix_sei(gop.placeholder.nal_units), _lossless(gop, picture, effort)), md5s)


def _lossless(gop: HybridGop, picture: Picture, effort: SpliceEffort) -> bytes:
    slices = [nal for nal in gop.placeholder.nal_units if hevc.is_slice(nal)]
    if len(slices) != 1 or not hevc.is_idr(slices[0]):
        raise CorruptDataError("the placeholder is not one IDR slice")
    pps = _lossless_pps(gop.parameter_sets)
    return hevc.lossless_irap(gop.parameter_sets, pps, hevc.nal_type(slices[0]), picture, effort=effort)


def _generated(
    gop: HybridGop, payload: Payload, effort: SpliceEffort, generator_decode: GeneratorDecode
) -> RestoredGop:
    """Code all pictures of a GOP; where a cut has taken its end, those that are left."""
    units = sorted(gop.access_units, key=lambda unit: unit.pts)
    if len(units) > payload.pictures:
        raise CorruptDataError(f"the GOP has {len(units)} pictures, its payload {payload.pictures}")
    static = static_metadata_sei(gop.placeholder.nal_units)
    messages = [(*(() if unit is gop.placeholder else static), *hevc.prefix_sei(unit.nal_units)) for unit in units]
    coded = [
        _lossless(gop, picture, effort)
        for index, picture in enumerate(generator_decode.pictures(payload))
        if index < len(units)
    ]
    if len(coded) != len(units):
        raise CorruptDataError(f"the latent has {len(coded)} pictures, the GOP {len(units)}")
    restored = (
        AccessUnit((*before, idr), unit.pts, unit.duration)
        for before, idr, unit in zip(messages, coded, units, strict=True)
    )
    return RestoredGop(_restored_sets(gop.parameter_sets), tuple(restored), gop.time_base, payload.generator)


def is_generated_whole(payload: Payload) -> bool:
    """Whether a payload makes all pictures of its GOP."""
    return payload.generator in sequence_names()


def check_stream(payload: Payload, sets: ParameterSets) -> None:
    """Refuse a payload that was made for another stream.

    Raises:
        GeometryError: another picture size or bit depth, or other parameter sets.
    """
    sps, spec = hevc.parse_sps(sets.sps), payload.spec
    ours = (spec.width, spec.height, payload.coded_width, payload.coded_height, spec.bit_depth)
    theirs = (sps.width, sps.height, sps.coded_width, sps.coded_height, sps.bit_depth)
    if ours != theirs:
        raise GeometryError(
            f"the payload is for {ours[0]}x{ours[1]} at {ours[4]} bits, "
            f"the video is {theirs[0]}x{theirs[1]} at {theirs[4]} bits"
        )
    if payload.parameter_sets != hevc.parameter_set_digest(sets):
        raise GeometryError("the payload was made for other parameter sets than the video has")


def _payload(gop: HybridGop) -> Payload:
    payload = Payload.from_bytes(gop.payload)
    check_stream(payload, gop.parameter_sets)
    return payload


def _restored(gop: HybridGop, keyframe: tuple[bytes, ...], md5s: tuple[bytes, bytes, bytes]) -> RestoredGop:
    """Put an access unit together; all GOPs of a stream have the same parameter sets, that of lossless ones too."""
    nal_units = keyframe
    if has_picture_hashes(gop):
        nal_units += (sei.write_picture_hash(md5s),)
    generator = Payload.from_bytes(gop.payload).generator
    return RestoredGop(
        _restored_sets(gop.parameter_sets),
        (AccessUnit(nal_units, gop.placeholder.pts, gop.placeholder.duration), *gop.inter),
        gop.time_base,
        None if generator == NATIVE_IDR else generator,
    )


def has_picture_hashes(gop: HybridGop) -> bool:
    """Whether the P and B pictures carry decoded picture hash SEI messages."""
    return any(sei.has_picture_hash(unit.nal_units) for unit in gop.inter[:1])


@lru_cache(maxsize=16)
def _restored_sets(sets: ParameterSets) -> ParameterSets:
    """Add the PPS of lossless keyframes, and claim no level.

    How large a lossless keyframe is depends on what it shows, and headers are written before any of them is known.
    """
    vps, sps = (hevc.with_level(nal, hevc.LEVEL_8_5) for nal in (sets.vps, sets.sps))
    return ParameterSets(vps, sps, (*sets.pps, _lossless_pps(sets)))


@lru_cache(maxsize=16)
def _lossless_pps(sets: ParameterSets) -> bytes:
    return hevc.lossless_pps(sets)
