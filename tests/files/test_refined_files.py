"""Files whose latents refine base pictures: what stock players show, restoring without torch, base pictures touched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

import ffhybrid
from ffhybrid import hevc
from ffhybrid.core.buffers import crc32c
from ffhybrid.core.frames import coded_picture
from ffhybrid.core.payload import Payload
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.encoder.keyframes import BaseCoder
from ffhybrid.errors import VerificationError
from ffhybrid.filters.enhance import codec
from ffhybrid.muxer.matroska.writer import MatroskaWriter
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.restorer.splice import restore_gop
from ffhybrid.source.video import VideoSource
from media import ffmpeg, packets, unstated_video
from support import clip, ffmpegs, first_gop, hybrid_gops, psnr, pyav_copy, run, tool

LENGTH = 8
SPEC = PictureSpec(96, 80)
CROP = "crop=96:80"
X265 = ffhybrid.X265Options(crf=32, preset="veryfast")
THIS_PRIOR = bytes([codec.VERSION]) + codec.NEWEST
"""The first bytes of latents."""
LEAST_PSNR, STOCK_LOSS = 25, 1.5
"""Decibels that a stock player shows at least, and how far they are from those of a restored file at most."""


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two GOPs of the default generator."""
    path = tmp_path_factory.mktemp("refined") / "hybrid.mkv"
    options = ffhybrid.EncodeOptions(
        fallback=False,
        generator_options={"preset": "ultrafast", "tune": "psnr", "device": "cpu"},
        keyframe_budget=600,
        limits=ffhybrid.GopLimits(length=LENGTH, scene_threshold=0),
        source=ffhybrid.SourceOptions(filters=CROP),
        frames=2 * LENGTH,
        picture_hashes=True,
        x265=X265,
    )
    ffhybrid.encode(clip("carphone_pristine.mp4"), path, options=options, engine="local:1")
    return path


@pytest.fixture(scope="module")
def restored(hybrid: Path) -> Path:
    path = hybrid.with_name("restored.mkv")
    assert ffhybrid.restore(hybrid, path).damaged == ()
    return path


@pytest.fixture(scope="module")
def source() -> list[Picture]:
    with VideoSource(clip("carphone_pristine.mp4"), options=ffhybrid.SourceOptions(filters=CROP)) as video:
        return [frame.picture for frame in video.frames(limit=2 * LENGTH)]


def pictures(raw: bytes) -> list[Picture]:
    """Cut 8-bit planes into pictures."""
    samples = np.frombuffer(raw, np.uint8).reshape(-1, SPEC.samples)
    return [Picture.from_samples(one, SPEC) for one in samples]


def decibels(shown: list[Picture], source: list[Picture]) -> float:
    return float(np.mean([psnr(ours, theirs) for ours, theirs in zip(shown, source, strict=True)]))


def decoded(path: Path) -> list[Picture]:
    with av.open(path) as container:
        return [coded_picture(frame, 8) for frame in container.decode(video=0)]


def assert_good(shown: list[Picture], restored: Path, source: list[Picture]) -> None:
    stock, ours = decibels(shown, source), decibels(decoded(restored), source)
    assert stock > LEAST_PSNR
    assert abs(ours - stock) < STOCK_LOSS


@pytest.mark.parametrize("carriage", ffhybrid.Carriage)
@pytest.mark.parametrize("name", ["imageio-ffmpeg", "debian"])
def test_stock_ffmpeg_shows_the_video(
    name: str, carriage: ffhybrid.Carriage, hybrid: Path, restored: Path, source: list[Picture], tmp_path: Path
) -> None:
    """Base pictures, and P and B pictures that follow them; nothing is said about it."""
    if name not in ffmpegs():
        pytest.skip(f"no ffmpeg of {name}")
    carried, raw = tmp_path / "carried.mkv", tmp_path / "shown.yuv"
    ffhybrid.remux(hybrid, carried, carriage=carriage)
    said = run(ffmpegs()[name], "-v", "warning", "-i", carried, "-map", "0:v:0", "-f", "rawvideo", raw)
    assert said.stderr == ""
    assert_good(pictures(raw.read_bytes()), restored, source)


@pytest.mark.parametrize("carriage", ffhybrid.Carriage)
def test_libde265_shows_the_same(
    carriage: ffhybrid.Carriage, hybrid: Path, restored: Path, source: list[Picture], tmp_path: Path
) -> None:
    carried, stream, raw = tmp_path / "carried.mkv", tmp_path / "stream.hevc", tmp_path / "shown.yuv"
    ffhybrid.remux(hybrid, carried, carriage=carriage)
    ffmpeg("-i", carried, "-map", "0:v:0", "-c", "copy", stream)
    said = run(tool("libde265-dec265"), "-q", "-o", raw, stream).stderr
    assert said.splitlines() == [line for line in said.splitlines() if line.startswith("nFrames decoded: 16 ")]
    shown = pictures(raw.read_bytes())
    assert all(ours.same_samples(theirs) for ours, theirs in zip(shown, decoded(hybrid), strict=True))
    assert_good(shown, restored, source)


def test_a_stripped_file_shows_the_same(hybrid: Path, tmp_path: Path) -> None:
    ffhybrid.strip(hybrid, tmp_path / "stripped.mkv")
    shown = decoded(tmp_path / "stripped.mkv")
    assert all(ours.same_samples(theirs) for ours, theirs in zip(shown, decoded(hybrid), strict=True))


def test_the_default_generator_restores_without_torch(hybrid: Path, tmp_path: Path) -> None:
    script = f"""
import sys, ffhybrid
ffhybrid.probe({str(hybrid)!r})
assert ffhybrid.verify({str(hybrid)!r}).hashes_verified == {2 * LENGTH}
ffhybrid.restore({str(hybrid)!r}, {str(tmp_path / "restored.mkv")!r})
assert not [name for name in sys.modules if name.split(".")[0] in ("torch", "safetensors", "lpips")]
"""
    subprocess.run([sys.executable, "-P", "-c", script], check=True)
    assert {gop.generator for gop in ffhybrid.probe(hybrid).gops} == {"enhance"}
    assert (tmp_path / "restored.mkv").exists()


def test_base_and_latent_together_are_the_keyframe_that_was_asked_for(hybrid: Path) -> None:
    for gop in hybrid_gops(hybrid):
        payload, base = Payload.from_bytes(gop.payload), gop.placeholder.nal_units[-1]
        assert payload.base_md5 is not None
        assert len(payload.latent) + len(base) == pytest.approx(600, rel=0.05)


def touched(hybrid: Path, target: Path, gop: int, touch: Callable[[bytes], bytes]) -> Path:
    """Copy a file by PyAV, with the slice of one base picture changed."""

    def change(found: list[av.Packet]) -> list[av.Packet]:
        number = [i for i, packet in enumerate(found) if packet.stream.index == 0 and packet.is_keyframe][gop]
        old = found[number]
        *before, base = hevc.split_length_prefixed(bytes(old))
        new = av.Packet(hevc.join_length_prefixed((*before, touch(base))))
        new.pts, new.dts, new.time_base, new.duration = old.pts, old.dts, old.time_base, old.duration
        new.stream, new.is_keyframe = old.stream, True
        found[number] = new
        return found

    return pyav_copy(hybrid, target, change)


def flipped(base: bytes) -> bytes:
    return base[:-20] + bytes([base[-20] ^ 0x10]) + base[-19:]


def coded_anew(base: bytes, gop: int, folder: Path) -> bytes:
    """Code the picture again at another QP, as tools do that shrink files; the stream's parameter sets stay."""
    skipped = f"{CROP},select='gte(n\\,{gop * LENGTH})'"
    again = BaseCoder(first_gop("carphone_pristine.mp4", 1, folder, filters=skipped), X265).within(len(base) * 2 // 3)
    assert again.data != base
    return again.data


@pytest.mark.parametrize("gop", [0, 1])
@pytest.mark.parametrize("tool_is", ["careless", "a transcoder"])
def test_a_touched_base_picture_is_named_and_costs_its_gop_alone(
    tool_is: str, gop: int, hybrid: Path, restored: Path, tmp_path: Path
) -> None:
    def touch(base: bytes) -> bytes:
        return flipped(base) if tool_is == "careless" else coded_anew(base, gop, tmp_path)

    path, output = touched(hybrid, tmp_path / "touched.mkv", gop, touch), tmp_path / "restored.mkv"
    (damage,) = ffhybrid.restore(path, output).damaged
    assert damage.index == gop
    assert "the base picture" in damage.reason
    everything = [packet.data for packet in unstated_video(restored)]
    others = everything[LENGTH:] if gop == 0 else everything[:LENGTH]
    assert [packet.data for packet in unstated_video(output)] == others
    with pytest.raises(VerificationError, match=f"GOP {gop}.* the base picture"):
        ffhybrid.verify(path)


def test_bytes_of_zero_behind_a_slice_do_no_harm(hybrid: Path, restored: Path, tmp_path: Path) -> None:
    """H.265 allows them (clause B.2), and muxers write them."""
    path = touched(hybrid, tmp_path / "longer.mkv", 1, lambda base: base + bytes(5))
    assert ffhybrid.restore(path, tmp_path / "restored.mkv").damaged == ()
    assert packets(tmp_path / "restored.mkv", "video") == packets(restored, "video")


def test_a_base_picture_of_another_gop_is_no_base_picture(hybrid: Path) -> None:
    first, second = hybrid_gops(hybrid)
    with pytest.raises(VerificationError, match="the base picture is damaged or was coded anew"):
        restore_gop(replace(first, placeholder=second.placeholder))


def with_payloads(hybrid: Path, target: Path, change: Callable[[bytes], bytes]) -> Path:
    """Write a file anew, its payloads changed and whole."""
    with (
        HybridReader(hybrid) as reader,
        target.open("wb") as file,
        MatroskaWriter(file, video=reader.video) as writer,
    ):
        for gop in reader.gops():
            body = change(gop.payload[:-4])
            writer.write_gop(replace(gop, payload=body + crc32c(body).to_bytes(4, "big")))
    return target


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"FFHK\2", b"FFHK\1", "the payload has version 1; this program reads versions 2 and 3"),
        (THIS_PRIOR, b"\2" + THIS_PRIOR[1:], "the enhance latent has a version that this program does not know"),
        (
            THIS_PRIOR,
            b"\1what",
            "the enhance latent belongs to another network: another version of ffhybrid made it",
        ),
    ],
    ids=["payload", "latent", "prior"],
)
def test_files_of_other_versions_are_said_to_be_that_and_no_damage(
    old: bytes, new: bytes, message: str, hybrid: Path, tmp_path: Path
) -> None:
    path = with_payloads(hybrid, tmp_path / "other.mkv", lambda payload: payload.replace(old, new, 1))
    with pytest.raises(ffhybrid.UnsupportedError) as raised:
        ffhybrid.restore(path, tmp_path / "restored.mkv")
    assert str(raised.value).endswith(message)
    assert str(path) in str(raised.value)
    assert not (tmp_path / "restored.mkv").exists()
    with pytest.raises(ffhybrid.UnsupportedError, match=message):
        ffhybrid.verify(path)
