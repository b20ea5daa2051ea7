"""The promise of the project: what is restored is, sample for sample, what the encoder saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import ffhybrid
from ffhybrid import hevc
from ffhybrid.core import fixups
from ffhybrid.core.frames import coded_picture
from ffhybrid.core.gop import HybridGop, ParameterSets
from ffhybrid.core.payload import Payload
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.gop_encoder import GopEncoder
from ffhybrid.errors import VerificationError
from ffhybrid.hevc import sei
from ffhybrid.hevc.decoding import decode_access_units
from ffhybrid.restorer.generators import create
from ffhybrid.restorer.splice import decode_keyframe, restore_gop, splice
from ffhybrid.source.gop_planning import plan_gops
from ffhybrid.source.video import VideoSource
from ffhybrid.x265.reference_lock import encode_locked
from support import EXACT, clip, ffmpegs, run, tool

OPTIONS = ffhybrid.EncodeOptions(
    fallback=False,
    limits=ffhybrid.GopLimits(length=16),
    picture_hashes=True,
    x265=ffhybrid.X265Options(crf=30, preset="fast"),
)


@pytest.fixture(scope="module")
def source_gop(tmp_path_factory: pytest.TempPathFactory) -> SourceGop:
    return spooled("null", tmp_path_factory.mktemp("frames"))


def spooled(filters: str, folder: Path) -> SourceGop:
    """The first 16 pictures of a clip, filtered."""
    with VideoSource(clip("bikes.mp4"), options=ffhybrid.SourceOptions(filters=filters)) as source:
        return next(plan_gops(source.frames(limit=16), source.info, folder, limits=OPTIONS.limits))


@pytest.fixture(scope="module")
def gop(source_gop: SourceGop) -> HybridGop:
    return GopEncoder(create("thumbnail"), OPTIONS).encode(source_gop)[0]


def decoded(units: list[tuple[bytes, ...]], sets: ParameterSets) -> list[Picture]:
    return [coded_picture(frame, 8) for frame in decode_access_units(units, sets, crop=False)]


def test_restored_pictures_are_the_reconstruction_of_x265(source_gop: SourceGop) -> None:
    hybrid, _ = GopEncoder(create("thumbnail"), OPTIONS).encode(source_gop)
    keyframe = create("thumbnail").generate(Payload.from_bytes(hybrid.payload).latent, source_gop.spec)
    locked = encode_locked(source_gop, keyframe, OPTIONS.x265)
    theirs = decoded([unit.nal_units for unit in locked.coded.access_units], locked.coded.parameter_sets)
    restored = restore_gop(hybrid)
    ours = decoded([unit.nal_units for unit in restored.access_units], restored.parameter_sets)
    assert len(ours) == 16
    assert all(a.same_samples(b) for a, b in zip(ours, theirs, strict=True))


def test_inter_pictures_are_untouched(gop: HybridGop) -> None:
    assert restore_gop(gop).access_units[1:] == gop.inter


def test_other_decoders_agree(gop: HybridGop, tmp_path: Path) -> None:
    restored = restore_gop(gop)
    stream = tmp_path / "restored.hevc"
    units = (nal for unit in restored.access_units for nal in unit.nal_units)
    stream.write_bytes(hevc.join_annexb([*restored.parameter_sets.nal_units, *units]))
    for binary in ffmpegs().values():
        assert run(binary, "-v", "error", *EXACT, "-i", stream, "-f", "null", "-").stderr == ""
    raw = tmp_path / "restored.yuv"
    run(tool("libde265-dec265"), "-q", "-c", "-o", raw, stream)
    pictures = decoded([unit.nal_units for unit in restored.access_units], restored.parameter_sets)
    assert raw.read_bytes() == b"".join(plane.tobytes() for picture in pictures for plane in picture.planes)


def with_payload(gop: HybridGop, **changes: object) -> HybridGop:
    return replace(gop, payload=replace(Payload.from_bytes(gop.payload), **changes).to_bytes())


def test_one_changed_fixup_fails_the_keyframe_md5(gop: HybridGop) -> None:
    _, picture, _ = decode_keyframe(gop)
    wrong = picture.padded(picture.width, picture.height)
    wrong = Picture(wrong.y.copy(), wrong.cb, wrong.cr)
    wrong.y[8, 8] ^= 1
    payload = Payload.from_bytes(gop.payload)
    generated = create("thumbnail").generate(payload.latent, payload.spec).padded(picture.width, picture.height)
    with pytest.raises(VerificationError, match="MD5"):
        restore_gop(with_payload(gop, fixups=fixups.difference(generated, wrong)))


def test_one_changed_sample_fails_in_every_decoder(gop: HybridGop, tmp_path: Path) -> None:
    """Negative control: the keyframe's own hash comes from the payload."""
    _, picture, md5s = decode_keyframe(gop)
    wrong = Picture(picture.y.copy(), picture.cb, picture.cr)
    wrong.y[100, 100] ^= 1
    stream = tmp_path / "wrong.hevc"
    restored = splice(gop, wrong, md5s)
    units = [nal for unit in restored.access_units for nal in unit.nal_units]
    stream.write_bytes(hevc.join_annexb([*restored.parameter_sets.nal_units, *units]))
    for binary in ffmpegs().values():
        assert run(binary, *EXACT, "-i", stream, "-f", "null", "-", check=False).returncode != 0
    assert "checksum mismatch" in run(tool("libde265-dec265"), "-c", "-q", stream, check=False).stderr


def test_a_wrong_keyframe_fails_the_picture_hashes(gop: HybridGop, tmp_path: Path) -> None:
    """Negative control: even with matching keyframe MD5s the P and B pictures give a wrong reference away."""
    _, picture, _ = decode_keyframe(gop)
    wrong = Picture(picture.y.copy(), picture.cb, picture.cr)
    wrong.y[::8, ::8] ^= 16
    restored = splice(gop, wrong, sei.picture_md5s(wrong))
    units = [unit.nal_units for unit in restored.access_units]
    with pytest.raises(VerificationError):
        decoded(units, restored.parameter_sets)
    stream = tmp_path / "wrong.hevc"
    stream.write_bytes(hevc.join_annexb([*restored.parameter_sets.nal_units, *(nal for unit in units for nal in unit)]))
    for binary in ffmpegs().values():
        assert run(binary, *EXACT, "-i", stream, "-f", "null", "-", check=False).returncode != 0


def test_picture_hashes_are_kept_only_when_asked_for(source_gop: SourceGop) -> None:
    hybrid, _ = GopEncoder(create("thumbnail"), replace(OPTIONS, picture_hashes=False)).encode(source_gop)
    assert not any(sei.is_picture_hash(nal) for unit in hybrid.inter for nal in unit.nal_units)
    assert len(restore_gop(hybrid).access_units[0].nal_units) == 1


def test_a_payload_of_another_stream_is_refused(gop: HybridGop) -> None:
    spec = replace(Payload.from_bytes(gop.payload).spec, width=320, height=240)
    with pytest.raises(ffhybrid.GeometryError, match="320x240"):
        restore_gop(with_payload(gop, spec=spec, coded_width=320, coded_height=240))
    with pytest.raises(ffhybrid.GeometryError, match="parameter sets"):
        restore_gop(with_payload(gop, parameter_sets=1))


@pytest.mark.parametrize(
    ("generator", "options", "filters"),
    [("thumbnail", {}, "null"), ("overfit", {"preset": "ultrafast"}, "scale=192:80")],
)
def test_ten_bit_video_restores_exactly(tmp_path: Path, generator: str, options: dict[str, str], filters: str) -> None:
    import numpy as np

    source_gop = spooled(filters, tmp_path)
    path = tmp_path / "ten.yuv"
    samples = np.fromfile(source_gop.path, np.uint8).astype(np.uint16) * 4
    (samples + np.random.default_rng(0).integers(0, 4, samples.size, dtype=np.uint16)).tofile(path)
    ten = replace(source_gop, path=path, spec=replace(source_gop.spec, bit_depth=10))
    hybrid, report = GopEncoder(create(generator, **options), OPTIONS).encode(ten)
    assert report.pictures == 16
    assert decode_keyframe(hybrid)[1].bit_depth == 10


def test_encoding_is_deterministic(source_gop: SourceGop, gop: HybridGop) -> None:
    assert GopEncoder(create("thumbnail"), OPTIONS).encode(source_gop)[0] == gop
