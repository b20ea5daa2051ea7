"""Anchors: the P picture at every so many pictures of a GOP, enhanced by the generator before others refer to it.

A GOP is coded in segments, each against exactly the picture that it begins with, as the first is against the keyframe:
what is enhanced at a segment's end is what the next one refers to. In the file all of them are one ordinary GOP, in
which an anchor is the P picture that x265 coded, its base; nothing but a few bytes in the payload tells of it.
Neural-enhanced streaming (NEMO, NeuroScaler) enhances such pictures behind the decoder; what refers to them drifts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit
from ffhybrid.core.payload import Anchor, anchor_md5
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.errors import EncoderError
from ffhybrid.filters.base import AnchorGenerator, BasePicture
from ffhybrid.hevc import sei
from ffhybrid.hevc.compact_parameter_sets import SliceRecoder
from ffhybrid.hevc.decoding import decode_last, decode_pictures
from ffhybrid.x265.encoding import Segment, X265Gop
from ffhybrid.x265.options import X265Options
from ffhybrid.x265.reference_lock import LockedEncode, encode_locked, encode_nearly_locked

ANCHOR_STRENGTH = 0.5
"""Of detail and texture (``benchmarks/quality/anchors.py``): what anchors add is carried on to the next one, which adds
to that."""
USUAL_INTERVAL = 30
"""Pictures from one anchor to the next where nobody says."""
LEAST_BEHIND = 4
"""Pictures behind an anchor, at least: fewer do not show what it gives."""


@dataclass(frozen=True, slots=True)
class Anchoring:
    """Anchors at every ``interval`` pictures, enhanced by a generator as strongly as ``strength`` says."""

    generator: AnchorGenerator
    interval: int
    strength: float

    def places(self, pictures: int) -> tuple[int, ...]:
        """Numbers of the pictures that become anchors."""
        return tuple(range(self.interval, pictures - LEAST_BEHIND, self.interval))


@dataclass(frozen=True, slots=True)
class Chain:
    """A GOP coded in segments: the first locked encode, ``stream``, which is the whole GOP, segments, and anchors."""

    first: LockedEncode
    stream: X265Gop
    segments: tuple[X265Gop, ...]
    anchors: tuple[Anchor, ...]


def encode_chain(
    gop: SourceGop,
    keyframe: Picture,
    options: X265Options,
    anchoring: Anchoring | None,
    *,
    latent: bytes,
    is_trial: bool,
) -> Chain:
    """Code a GOP against the keyframe of a latent, and against the anchors that come of it, if there are to be any.

    Raises:
        EncoderError: x265 failed, or did not code an anchor as asked.
    """
    lock = encode_nearly_locked if is_trial else encode_locked
    places = anchoring.places(len(gop)) if anchoring else ()
    if anchoring is None or not places:
        only = lock(gop, keyframe, options)
        return Chain(only, only.coded, (only.coded,), ())
    bounds = (0, *places, len(gop) - 1)
    locked: list[LockedEncode] = []
    picture = keyframe
    for first, last in pairwise(bounds):
        if locked:
            distance = first - bounds[len(locked) - 1]
            picture = _enhanced(anchoring, locked[-1].coded, gop, latent=latent, distance=distance)
        segment = Segment(begins_with_anchor=bool(locked), ends_in_anchor=last in places)
        locked.append(lock(gop.part(first, last + 1), picture, options, segment=segment))
    segments = tuple(each.coded for each in locked)
    anchors = tuple(_anchor(anchoring, place, each) for place, each in zip(places, locked[1:], strict=True))
    return Chain(locked[0], _joined(gop, segments, places), segments, anchors)


def decode_segments(segments: Sequence[X265Gop], bit_depth: int) -> Iterator[Picture]:
    """Decode what a restored file shows, in order of presentation: of anchors the generated picture, not its base."""
    for number, segment in enumerate(segments, 1):
        units = segment.access_units
        pictures = decode_pictures((unit.nal_units for unit in units), segment.parameter_sets, bit_depth)
        yield from islice(pictures, len(units) - (number < len(segments)))


def _enhanced(anchoring: Anchoring, coded: X265Gop, gop: SourceGop, *, latent: bytes, distance: int) -> Picture:
    """Make the anchor of a segment's last picture, at the shown size."""
    spec, generator = gop.spec, anchoring.generator
    decoded = decode_last(coded.access_units, coded.parameter_sets, spec.bit_depth).cropped(spec.width, spec.height)
    data = coded.last_slice
    base = BasePicture(decoded, data, hevc.slice_qp(data, coded.parameter_sets))
    of_anchor = generator.anchor_latent(anchoring.strength)
    return generator.enhance(of_anchor, base, spec, keyframe=latent, distance=distance)


def _anchor(anchoring: Anchoring, place: int, locked: LockedEncode) -> Anchor:
    return Anchor(
        place=place,
        latent=anchoring.generator.anchor_latent(anchoring.strength),
        fixups=locked.fixups,
        picture_md5=anchor_md5(sei.picture_md5s(locked.keyframe)),
    )


def _joined(gop: SourceGop, segments: Sequence[X265Gop], places: Sequence[int]) -> X265Gop:
    """Put segments after each other, in the whole GOP's picture order count."""
    whole = segments[0]
    if any(segment.parameter_sets != whole.parameter_sets for segment in segments):
        raise EncoderError(f"GOP {gop.index}: x265 gave its segments different parameter sets")
    recoder = SliceRecoder(whole.parameter_sets)
    inter: list[AccessUnit] = list(whole.inter)
    for place, segment in zip(places, segments[1:], strict=True):
        inter += [recoder.unit(unit, anchor=place) for unit in segment.inter]
    return replace(whole, inter=tuple(inter))
