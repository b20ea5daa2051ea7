"""One GOP at given qualities: a generated keyframe with P and B pictures locked to it, or x265's own keyframe."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, HybridGop
from ffhybrid.core.payload import Payload, picture_md5
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.core.source_gop import SourceGop, write_planes
from ffhybrid.encoder.anchors import Anchoring, decode_segments, encode_chain
from ffhybrid.errors import EncoderError, VerificationError
from ffhybrid.filters import Generator
from ffhybrid.filters.base import BasePicture, Refinement, RefiningGenerator, SequenceGenerator
from ffhybrid.hevc import sei
from ffhybrid.hevc.decoding import check_decodes, decode_pictures
from ffhybrid.hevc.static_metadata import keyframe_sei
from ffhybrid.restorer.generator_decode import GeneratorDecode, sequence_md5
from ffhybrid.restorer.splice import NATIVE_IDR, restore_gop
from ffhybrid.x265.encoding import X265Gop, encode_gop
from ffhybrid.x265.options import KEYFRAME_FACTOR, X265Options, keyframe_zones

GREY_CRF = 51.0
IN_ORDER = {"bframes": "0"}
"""Options for pictures that are only there to be counted: what a cut leaves of them are the first ones."""


@dataclass(frozen=True, slots=True)
class CodedGop:
    """A GOP with picture hashes: as a file holds it, and with its keyframe as x265 made it, in segments if need be.

    ``crf`` is that of the P and B pictures; ``keyframe`` is the generated one, if it is that alone; ``windows`` are the
    lambda windows that the lock tried. ``keyframe_factor`` is that of :func:`encode_native_idr`.
    """

    hybrid: HybridGop
    stream: X265Gop
    payload: Payload
    crf: float
    keyframe: Keyframe | None = None
    windows: int = 0
    keyframe_factor: float = KEYFRAME_FACTOR
    anchoring: Anchoring | None = None
    segments: tuple[X265Gop, ...] = ()

    @property
    def governed_size(self) -> int:
        """Bytes that change with the CRF: P and B pictures without their hashes, and x265's own keyframe."""
        is_native_idr = self.payload.generator == NATIVE_IDR
        return self.stream.inter_size + self.hybrid.placeholder.size * is_native_idr

    @property
    def size(self) -> int:
        """Bytes of the elementary streams without picture hashes: payload, placeholder, P and B pictures."""
        return len(self.hybrid.payload) + self.hybrid.placeholder.size + self.stream.inter_size

    def pictures(self) -> Iterator[Picture]:
        """Decode what a restored file shows, in order of presentation."""
        yield from decode_segments(self.segments or (self.stream,), self.payload.spec.bit_depth)

    def stock_pictures(self) -> Iterator[Picture]:
        """Decode what a stock player shows of the hybrid file, in order of presentation."""
        nal_units = (unit.nal_units for unit in without_hashes(self.hybrid).access_units)
        yield from decode_pictures(nal_units, self.stream.parameter_sets, self.payload.spec.bit_depth)


@dataclass(frozen=True, slots=True, eq=False)
class Keyframe:
    """A latent, the picture that it gives, and the name of its generator.

    ``shown`` stands in the stream, None for mid-grey; ``refines_shown`` tells that it is what the latent refines.
    """

    generator: str
    latent: bytes
    picture: Picture
    shown: BasePicture | None = None
    refines_shown: bool = False

    @classmethod
    def generated(cls, generator: Generator, latent: bytes, spec: PictureSpec) -> Keyframe:
        """Make the picture of a latent."""
        return cls(generator.name, latent, generator.generate(latent, spec))

    @classmethod
    def refined(cls, generator: RefiningGenerator, refinement: Refinement, spec: PictureSpec) -> Keyframe:
        """Make the picture of a latent and its base picture."""
        base = refinement.base
        picture = generator.refine(refinement.latent, base.picture, spec)
        return cls(generator.name, refinement.latent, picture, base, refines_shown=True)

    @property
    def refinement(self) -> Refinement | None:
        """Latent and base picture, if there is one."""
        return Refinement(self.latent, self.shown) if self.shown and self.refines_shown else None

    def base_md5(self) -> bytes | None:
        """Give what a payload holds of the base picture."""
        refinement = self.refinement
        return picture_md5(sei.picture_md5s(refinement.base.picture)) if refinement else None


def encode_generated(
    gop: SourceGop,
    keyframe: Keyframe,
    options: X265Options,
    *,
    anchoring: Anchoring | None = None,
    is_trial: bool = False,
) -> CodedGop:
    """Code P and B pictures against a generated picture (HybridPrompt section 3.2, step II), and against anchors.

    A trial shows and takes nearly as much, and cannot be restored.
    """
    chain = encode_chain(gop, keyframe.picture, options, anchoring, latent=keyframe.latent, is_trial=is_trial)
    locked, stream = chain.first, chain.stream
    payload = _payload(
        gop, stream, keyframe.generator, locked.keyframe, latent=keyframe.latent, differences=locked.fixups
    )
    payload = replace(payload, base_md5=keyframe.base_md5(), anchors=chain.anchors)
    hybrid = _hybrid(gop, stream, payload, keyframe.shown.data if keyframe.shown else _grey_idr(stream))
    return CodedGop(
        hybrid,
        stream,
        payload,
        options.crf,
        keyframe,
        len(locked.windows),
        anchoring=anchoring,
        segments=chain.segments,
    )


def encode_native_idr(gop: SourceGop, options: X265Options, *, factor: float = KEYFRAME_FACTOR) -> CodedGop:
    """Code the whole GOP by x265, the keyframe with ``factor`` times the bits that it would give it."""
    stream = encode_gop(gop, options, params=keyframe_zones(factor=factor))
    keyframe = stream.keyframe(gop.spec.bit_depth)
    payload = _payload(gop, stream, NATIVE_IDR, keyframe, latent=b"", differences=b"")
    hybrid = _hybrid(gop, stream, payload, stream.intra_slice)
    return CodedGop(hybrid, stream, payload, options.crf, keyframe_factor=factor)


def _grey_idr(stream: X265Gop) -> bytes:
    return hevc.placeholder_idr(stream.parameter_sets, hevc.nal_type(stream.intra_slice))


def encode_sequence(gop: SourceGop, generator: SequenceGenerator, latent: bytes, options: X265Options) -> CodedGop:
    """Put a latent that makes every picture into a GOP of grey ones, each all but the first skipped.

    Stock tools see a video of the right length and timestamps, for some tens of bytes a picture.
    """
    with tempfile.TemporaryDirectory(prefix="ffhybrid-grey-") as name:
        grey = _grey(gop, Path(name) / "grey.yuv")
        stream = encode_gop(grey, replace(options, crf=GREY_CRF), params=IN_ORDER)
    keyframe = stream.keyframe(gop.spec.bit_depth)
    pictures = generator.generate_sequence(latent, gop.spec)
    padded = (picture.padded(keyframe.width, keyframe.height) for picture in pictures)
    md5s = b"".join(picture_md5(sei.picture_md5s(picture)) for picture in padded)
    payload = _payload(gop, stream, generator.name, keyframe, latent=latent, differences=b"")
    payload = replace(payload, picture_md5=sequence_md5(md5s))
    return CodedGop(_hybrid(gop, stream, payload, _grey_idr(stream)), stream, payload, GREY_CRF)


def _grey(gop: SourceGop, path: Path) -> SourceGop:
    half = 1 << (gop.spec.bit_depth - 1)
    picture = Picture.zeros(gop.spec)
    for plane in picture.planes:
        plane.fill(half)
    with path.open("wb") as file:
        for _ in range(len(gop)):
            write_planes(file, picture)
    return replace(gop, path=path)


def coded_again(gop: SourceGop, coded: CodedGop, options: X265Options) -> CodedGop:
    """Code a GOP with the keyframe that it has, and other options."""
    if coded.keyframe is None:
        return encode_native_idr(gop, options, factor=coded.keyframe_factor)
    return encode_generated(gop, coded.keyframe, options, anchoring=coded.anchoring)


def intra_size(gop: SourceGop, options: X265Options) -> int:
    """Bytes of the I-frame that x265 makes of the first picture."""
    return len(encode_gop(gop.first(), options, params=keyframe_zones()).intra_slice)


def check(gop: CodedGop, source: SourceGop, generator_decode: GeneratorDecode) -> None:
    """Restore the GOP as a reader would and hold every picture against x265's own hash.

    Raises:
        EncoderError: it does not restore exactly.
    """
    try:
        restored = restore_gop(gop.hybrid, generator_decode=generator_decode)
        decoded = check_decodes(restored.access_units, restored.parameter_sets)
    except VerificationError as error:
        raise EncoderError(f"GOP {source.index} does not restore exactly, it is not written: {error}") from error
    if decoded != len(source):
        raise EncoderError(f"GOP {source.index} restores to {decoded} pictures instead of {len(source)}")


def without_hashes(gop: HybridGop) -> HybridGop:
    """Leave out the picture hashes of P and B pictures."""
    inter = tuple(
        AccessUnit(tuple(nal for nal in unit.nal_units if not sei.is_picture_hash(nal)), unit.pts, unit.duration)
        for unit in gop.inter
    )
    return HybridGop(gop.payload, gop.parameter_sets, gop.placeholder, inter, gop.time_base)


def _payload(
    gop: SourceGop, stream: X265Gop, generator: str, keyframe: Picture, *, latent: bytes, differences: bytes
) -> Payload:
    return Payload(
        generator=generator,
        spec=gop.spec,
        coded_width=keyframe.width,
        coded_height=keyframe.height,
        pictures=len(gop),
        parameter_sets=hevc.parameter_set_digest(stream.parameter_sets),
        base_md5=None,
        latent=latent,
        fixups=differences,
        picture_md5=picture_md5(sei.picture_md5s(keyframe)),
    )


def _hybrid(gop: SourceGop, stream: X265Gop, payload: Payload, placeholder: bytes) -> HybridGop:
    return HybridGop(
        payload=payload.to_bytes(),
        parameter_sets=stream.parameter_sets,
        placeholder=AccessUnit((*keyframe_sei(gop), placeholder), gop.pts[0], gop.durations[0]),
        inter=stream.inter,
        time_base=gop.time_base,
    )
