"""The command line as its users meet it: exit codes, one clear sentence, no traceback, no half-made output."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import pytest

import ffhybrid
from ffhybrid.core.gop import HybridGop
from ffhybrid.core.payload import Payload
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.matroska.writer import MatroskaWriter
from ffhybrid.muxer.reading.reader import HybridReader
from support import clip, ffhybrid_command, ffmpegs, run


def rewritten(source: Path, target: Path, change: object) -> Path:
    """Copy a hybrid file with its second GOP's payload changed."""
    with (
        HybridReader(source) as reader,
        target.open("wb") as file,
        MatroskaWriter(file, video=reader.video, carriage=Carriage.TRACK) as writer,
    ):
        for index, gop in enumerate(reader.gops()):
            writer.write_gop(change(gop) if index == 1 else gop)  # type: ignore[operator]
    return target


def flipped(gop: HybridGop) -> HybridGop:
    data = bytearray(gop.payload)
    data[100] ^= 4
    return replace(gop, payload=bytes(data))


def wrong_length(gop: HybridGop) -> HybridGop:
    return replace(gop, payload=gop.payload[:-20])


def other_size(gop: HybridGop) -> HybridGop:
    payload = Payload.from_bytes(gop.payload)
    other = replace(payload, spec=replace(payload.spec, width=320, height=240), coded_width=320, coded_height=240)
    return replace(gop, payload=other.to_bytes())


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (flipped, 5, "GOP 1 at 1.000 s: the payload's CRC does not match"),
        (wrong_length, 5, "GOP 1 at 1.000 s: the payload"),
        (other_size, 6, "GOP 1 at 1.000 s: the payload is for 320x240 at 8 bits, the video is 640x272"),
    ],
)
def test_probe_names_a_damaged_payload(track_file: Path, tmp_path: Path, change: object, code: int, words: str) -> None:
    damaged = rewritten(track_file, tmp_path / "damaged.mkv", change)
    result = ffhybrid_command("probe", damaged)
    assert result.returncode == code
    assert words in result.stderr
    assert str(damaged) in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_probe_of_a_file_that_is_not_hybrid() -> None:
    result = ffhybrid_command("probe", clip("bikes.mp4"))
    assert (result.returncode, result.stdout) == (3, "")
    assert "no hybrid file" in result.stderr


def test_probe_of_ordinary_hevc(track_file: Path, tmp_path: Path) -> None:
    ffhybrid.restore(track_file, tmp_path / "restored.mkv")
    result = ffhybrid_command("probe", tmp_path / "restored.mkv")
    assert result.returncode == 3
    assert "no binding tag" in result.stderr


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_probe_of_something_else(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "untrusted.mkv"
    path.write_bytes(content)
    result = ffhybrid_command("probe", path)
    assert result.returncode == 3
    assert "no media file" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_file_is_an_ordinary_failure(tmp_path: Path) -> None:
    result = ffhybrid_command("probe", tmp_path / "missing.mkv")
    assert result.returncode == 1
    assert "No such file" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
def test_a_truncated_file_is_named(track_file: Path, tmp_path: Path, kept: float) -> None:
    data = track_file.read_bytes()
    truncated = tmp_path / "truncated.mkv"
    truncated.write_bytes(data[: int(len(data) * kept)])
    for command in ("probe", "verify"):
        result = ffhybrid_command(command, truncated)
        assert result.returncode == 4
        assert "bytes early" in result.stderr
        assert "Traceback" not in result.stderr


def test_a_changed_byte_in_a_cluster_is_found_by_verify(track_file: Path, tmp_path: Path) -> None:
    data = bytearray(track_file.read_bytes())
    data[len(data) // 2] ^= 1
    damaged = tmp_path / "damaged.mkv"
    damaged.write_bytes(data)
    result = ffhybrid_command("verify", damaged)
    assert result.returncode == 5
    assert "CRC-32" in result.stderr


def test_a_changed_latent_fails_verification(track_file: Path, tmp_path: Path) -> None:
    def change(gop: HybridGop) -> HybridGop:
        payload = Payload.from_bytes(gop.payload)
        return replace(gop, payload=replace(payload, picture_md5=bytes(16)).to_bytes())

    damaged = rewritten(track_file, tmp_path / "damaged.mkv", change)
    for command in (("verify", damaged), ("restore", "-xerror", "-i", damaged, tmp_path / "out.mkv")):
        result = ffhybrid_command(*command)
        assert result.returncode == 7
        assert "GOP 1 at 1.000 s: the generated keyframe does not match its MD5" in result.stderr
    assert not (tmp_path / "out.mkv").exists()
    assert list(tmp_path.iterdir()) == [damaged]


def test_a_parameter_that_x265_does_not_take_ends_an_encode_at_once(tmp_path: Path) -> None:
    source = ("-i", clip("bikes.mp4"), "-frames:v", "4", "-vf", "scale=160:-2")
    command = ("encode", *source, "-kf", "thumbnail", "-kf:fallback", "0")
    for params, words in (
        ("aq-mod=3", "Unknown option: aq-mod."),
        ("bframes=many", "Invalid value for bframes: many."),
    ):
        result = ffhybrid_command(*command, "-x265-params", params, tmp_path / "out.mkv")
        assert (result.returncode, result.stderr) == (2, f"ffhybrid: -x265-params: {words}\n")
        assert not (tmp_path / "out.mkv").exists()


def test_a_failed_restore_leaves_an_existing_file_alone(track_file: Path, tmp_path: Path) -> None:
    damaged = rewritten(track_file, tmp_path / "damaged.mkv", flipped)
    existing = tmp_path / "existing.mkv"
    existing.write_bytes(b"precious")
    assert ffhybrid_command("restore", "-xerror", "-i", damaged, existing, "-y").returncode == 5
    assert ffhybrid_command("restore", "-i", track_file, existing).returncode == 2
    assert existing.read_bytes() == b"precious"


def test_probe_json(track_file: Path) -> None:
    info = json.loads(ffhybrid_command("probe", track_file, "-of", "json").stdout)
    assert info["state"] == "hybrid, not restored"
    assert (info["carriage"], info["width"], info["height"], len(info["gops"])) == ("track", 640, 272, 4)
    assert all(gop["pictures"] == gop["pictures_encoded"] == 25 for gop in info["gops"])


def test_encode_probe_restore_verify(tmp_path: Path) -> None:
    hybrid, restored = tmp_path / "hybrid.mkv", tmp_path / "restored.mp4"
    options = ("-g", "12", "-sc_threshold", "0", "-frames:v", "24", "-crf", "35", "-preset", "ultrafast", "-hash", "1")
    keyframes = ("-vf", "scale=320:180", "-kf", "thumbnail", "-b:kf", "3k", "-kf:fallback", "0")
    result = ffhybrid_command("encode", "-i", clip("bigbuckbunny.mp4"), *options, *keyframes, "-of", "json", hybrid)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["gop_count"] == 2
    assert report["payload_bytes"] < 2 * 3000 + 300
    assert report["file_bytes"] == hybrid.stat().st_size
    assert ffhybrid_command("verify", hybrid).stdout.splitlines()[-2] == "hashes_verified=24"
    assert ffhybrid_command("restore", "-i", hybrid, restored).returncode == 0
    with av.open(restored) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert sum(1 for _ in container.decode(video=0)) == 24


def test_restore_to_a_pipe_plays_in_stock_ffmpeg(track_file: Path, tmp_path: Path) -> None:
    restored = tmp_path / "pipe.mkv"
    command = [sys.executable, "-P", "-m", "ffhybrid", "restore", "-i", str(track_file), "-"]
    with restored.open("wb") as file:
        subprocess.run(command, stdout=file, check=True)
    for binary in ffmpegs().values():
        result = run(binary, "-v", "error", "-xerror", "-i", restored, "-f", "framecrc", "-")
        assert result.stdout.count("\n0,") == 100


def test_encode_to_a_pipe_is_live_matroska(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "ffhybrid", "encode", "-i", str(clip("carphone_pristine.mp4"))]
    quick = ("-frames:v", "20", "-kf", "thumbnail", "-kf:fallback", "0", "-preset", "ultrafast", "-g", "10")
    live = tmp_path / "live.mkv"
    with live.open("wb") as file:
        subprocess.run([*command, *quick, "-"], stdout=file, check=True)
    assert [gop.pictures for gop in ffhybrid.probe(live).gops] == [10, 10]


def test_a_closed_pipe_is_quiet(track_file: Path) -> None:
    command = [sys.executable, "-P", "-m", "ffhybrid", "restore", "-i", str(track_file), "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(100)
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-x265-params", "lossless=1"), "reference lock"),
        (("-x265-params", "no-cutree=1"), "reference lock"),
        (("-x265-params", "keyint=5"), "-g"),
        (("-crf", "77"), "0 to 60"),
        (("-carriage", "track", "-f", "mp4"), "inband"),
        (("-kf", "thumbnail", "-kf-params", "qp=60"), "0 to 51"),
        (("-kf-params", "qp=30"), "enhance has no 'qp'"),
        (("-kf:preset", "quick"), "ultrafast"),
        (("-kf:tune", "beauty"), "perceptual"),
    ],
)
def test_options_that_cannot_work_are_refused(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    result = ffhybrid_command(
        "encode", "-i", clip("carphone_pristine.mp4"), "-frames:v", "4", *arguments, tmp_path / "o"
    )
    assert result.returncode == 2
    assert words in result.stderr
    assert not list(tmp_path.iterdir())


def test_extract_writes_payloads_and_pictures(track_file: Path, tmp_path: Path) -> None:
    result = ffhybrid_command("extract", "-i", track_file, tmp_path / "parts")
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) == 8
    first = Payload.from_bytes((tmp_path / "parts" / "gop-00000.payload").read_bytes())
    with av.open(tmp_path / "parts" / "gop-00000.png") as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height) == (first.spec.width, first.spec.height)
