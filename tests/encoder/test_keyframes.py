"""Base pictures and previews: within the asked bytes, and of the very stream that they stand in."""

from __future__ import annotations

from pathlib import Path

import pytest

from ffhybrid import Placeholder, X265Options, hevc
from ffhybrid.core.frames import coded_picture
from ffhybrid.core.gop import ParameterSets
from ffhybrid.core.payload import picture_md5
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import Keyframe, encode_generated
from ffhybrid.encoder.keyframes import PREVIEW_SIZE, BaseCoder, fit_keyframe
from ffhybrid.filters import Likeness
from ffhybrid.filters.base import BasePicture, Refinement
from ffhybrid.hevc import sei
from ffhybrid.hevc.decoding import decode_access_units
from ffhybrid.restorer.generators import create
from ffhybrid.x265.reference_lock import encode_locked
from support import first_gop, psnr

SOURCES = {
    "8 bits": None,
    "10 bits": "format=yuv420p10le",
    "98x66": "crop=98:66",
    "10 bits, 98x66": "crop=98:66,format=yuv420p10le",
}
OPTIONS = X265Options(crf=35, preset="superfast")


@pytest.fixture(scope="module")
def gop(tmp_path_factory: pytest.TempPathFactory) -> SourceGop:
    """Two pictures, 176x144."""
    return first_gop("carphone_pristine.mp4", 2, tmp_path_factory.mktemp("gop"))


def decoded(slice_nal: bytes, sets: ParameterSets, bit_depth: int, *, crop: bool = True) -> Picture:
    (frame,) = decode_access_units([(slice_nal,)], sets, crop=crop)
    return coded_picture(frame, bit_depth)


@pytest.mark.parametrize(("size", "used"), [(200, 0.8), (400, 0.85), (700, 0.9), (1500, 0.95), (4000, 0.93)])
def test_the_asked_bytes_are_a_limit_that_is_used(gop: SourceGop, size: int, used: float) -> None:
    """From one QP to the next pictures of 400 bytes change by a sixth."""
    base = BaseCoder(gop, OPTIONS).within(size)
    assert used * size <= base.size == len(base.data) <= size


def test_one_coder_gives_better_pictures_of_more_bytes(gop: SourceGop) -> None:
    """A search remembers what it has seen of other sizes."""
    coder, source = BaseCoder(gop, OPTIONS), gop.picture(0)
    bases = [coder.within(size) for size in (1000, 300, 600)]
    assert all(0.88 * size <= base.size <= size for base, size in zip(bases, (1000, 300, 600), strict=True))
    best, worst, middle = (psnr(base.picture, source) for base in bases)
    assert 20 < worst < middle < best


def test_where_no_picture_is_so_small_the_smallest_there_is_is_given(gop: SourceGop) -> None:
    coder = BaseCoder(gop, OPTIONS)
    smallest = coder.within(1)
    assert 1 < smallest.size < 150
    assert smallest.size <= coder.within(150).size <= 150


@pytest.mark.parametrize("preset", ["superfast", "medium"])
@pytest.mark.parametrize("source", SOURCES)
def test_a_base_picture_belongs_to_the_stream_of_its_gop(source: str, preset: str, tmp_path: Path) -> None:
    """P and B pictures of a locked encode have the parameter sets under which it is that picture."""
    gop, options = first_gop("carphone_pristine.mp4", 2, tmp_path, filters=SOURCES[source]), X265Options(preset=preset)
    base = BaseCoder(gop, options).within(500)
    sets = encode_locked(gop, base.picture, options).coded.parameter_sets
    assert decoded(base.data, sets, gop.spec.bit_depth).same_samples(base.picture)
    assert (base.picture.width, base.picture.height) == (gop.spec.width, gop.spec.height)
    other = encode_locked(gop, gop.picture(1), options).coded.parameter_sets
    assert hevc.parameter_set_digest(sets) == hevc.parameter_set_digest(other)


def test_a_gop_shows_the_base_picture_that_its_payload_names(gop: SourceGop) -> None:
    base = BaseCoder(gop, OPTIONS).within(900)

    class Copy:
        """Refines nothing: what is at issue is where base pictures go."""

        name, reproducibility = "overfit", None

        def refine(self, latent: bytes, base: Picture, spec: object) -> Picture:
            return base

    keyframe = Keyframe.refined(Copy(), Refinement(b"latent", base), gop.spec)
    coded = encode_generated(gop, keyframe, OPTIONS)
    shown = [nal for nal in coded.hybrid.placeholder.nal_units if hevc.is_slice(nal)]
    assert shown == [base.data]
    assert coded.payload.base_md5 == picture_md5(sei.picture_md5s(base.picture))
    assert coded.payload.latent == b"latent"


def test_generators_without_a_base_picture_get_a_preview(gop: SourceGop) -> None:
    keyframe = fit_keyframe(create("thumbnail"), Likeness(gop.picture(0)), BaseCoder(gop, OPTIONS), budget=2000)
    preview = keyframe.shown
    assert isinstance(preview, BasePicture)
    assert 0.9 * PREVIEW_SIZE <= preview.size <= PREVIEW_SIZE
    assert psnr(preview.picture, gop.picture(0)) > 22
    coded = encode_generated(gop, keyframe, OPTIONS)
    assert coded.hybrid.placeholder.nal_units[-1] == preview.data
    assert (coded.payload.base_md5, keyframe.refinement) == (None, None)


def test_a_grey_placeholder_is_mid_grey_and_tiny(gop: SourceGop) -> None:
    bases = BaseCoder(gop, OPTIONS)
    thumbnail, likeness = create("thumbnail"), Likeness(gop.picture(0))
    keyframe = fit_keyframe(thumbnail, likeness, bases, budget=2000, placeholder=Placeholder.GREY)
    coded = encode_generated(gop, keyframe, OPTIONS)
    assert coded.hybrid.placeholder.size < 100
    grey = decoded(coded.hybrid.placeholder.nal_units[-1], coded.hybrid.parameter_sets, gop.spec.bit_depth)
    assert {int(value) for value in grey.samples()} == {128}
