"""Stock tools probe, decode, cut and remux hybrid files, and every GOP that a cut keeps restores exactly."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest

import ffhybrid
from ffhybrid.gop import HybridGop
from support import EXACT, ffmpegs, run, tool

BINARIES = pytest.mark.parametrize("binary", ["debian", "imageio-ffmpeg"])
CUTS = {
    "from-keyframe-input": (["-ss", "2"], []),
    "between-keyframes-input": (["-ss", "1.5", "-to", "3.4"], []),
    "from-keyframe-output": ([], ["-ss", "1"]),
    "between-keyframes-output": ([], ["-ss", "1.5", "-to", "3.4"]),
    "to-keyframe": (["-to", "3"], []),
}


def binary_path(name: str) -> str:
    if name not in ffmpegs():
        pytest.skip(f"{name} ffmpeg is not installed (see .ci/run)")
    return ffmpegs()[name]


def gops(path: Path) -> list[HybridGop]:
    with ffhybrid.open(path) as container:
        return list(container.gops())


def assert_exact(cut: Path, original: Path, *, least: int) -> None:
    """Every GOP is one of the original's, at most shortened at its end, and all its pictures verify."""
    by_payload = {gop.payload: gop for gop in gops(original)}
    found = gops(cut)
    assert len(found) >= least
    for gop in found:
        whole = by_payload[gop.payload]
        assert [u.nal_units for u in gop.inter] == [u.nal_units for u in whole.inter[: len(gop.inter)]]
    report = ffhybrid.verify(cut)
    assert report.hashes_verified == report.pictures == sum(len(gop.access_units) for gop in found)


def test_probe_says_nothing_on_standard_error(hybrid_file: Path) -> None:
    result = run(tool("ffprobe"), "-v", "warning", "-show_streams", "-of", "json", hybrid_file)
    assert result.stderr == ""
    streams = json.loads(result.stdout)["streams"]
    assert streams[0]["disposition"]["default"] == 1
    assert (streams[0]["width"], streams[0]["height"]) == (640, 272)
    assert all(stream["disposition"]["default"] == 0 for stream in streams[1:])


@BINARIES
def test_the_video_decodes_without_a_message(hybrid_file: Path, binary: str) -> None:
    result = run(binary_path(binary), "-v", "warning", "-i", hybrid_file, "-map", "0:v:0", "-f", "null", "-")
    assert result.stderr == ""


@BINARIES
def test_the_neural_track_decodes_without_a_message(track_file: Path, binary: str) -> None:
    result = run(binary_path(binary), "-v", "warning", "-i", track_file, "-map", "0:v:1", "-f", "null", "-")
    assert result.stderr == ""


@BINARIES
def test_stream_copy(hybrid_file: Path, binary: str, tmp_path: Path) -> None:
    first, second = tmp_path / "1.mkv", tmp_path / "2.mkv"
    run(binary_path(binary), "-i", hybrid_file, "-map", "0", "-c", "copy", first)
    run(binary_path(binary), "-i", first, "-map", "0", "-c", "copy", second)
    assert_exact(second, hybrid_file, least=4)
    assert [len(gop.access_units) for gop in gops(second)] == [25] * 4


@BINARIES
def test_segments(hybrid_file: Path, binary: str, tmp_path: Path) -> None:
    names = tmp_path / "%d.mkv"
    options = ("-map", "0", "-c", "copy", "-f", "segment", "-segment_time", "2", "-reset_timestamps", "1")
    run(binary_path(binary), "-i", hybrid_file, *options, names)
    segments = sorted(tmp_path.iterdir())
    assert len(segments) == 2
    for segment in segments:
        assert_exact(segment, hybrid_file, least=2)


@BINARIES
@pytest.mark.parametrize("cut", CUTS)
def test_cuts(hybrid_file: Path, binary: str, cut: str, tmp_path: Path) -> None:
    before, after = CUTS[cut]
    target = tmp_path / "cut.mkv"
    run(binary_path(binary), *before, "-i", hybrid_file, "-map", "0", "-c", "copy", *after, target)
    assert_exact(target, hybrid_file, least=2)


def test_mkvmerge_remux(hybrid_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "merged.mkv"
    result = run(tool("mkvmerge"), "-o", target, hybrid_file)
    assert "arning" not in result.stdout
    assert_exact(target, hybrid_file, least=4)


def test_mkvmerge_split(hybrid_file: Path, tmp_path: Path) -> None:
    run(tool("mkvmerge"), "-o", tmp_path / "part.mkv", "--split", "2s", hybrid_file)
    parts = sorted(tmp_path.iterdir())
    assert len(parts) == 2
    for part in parts:
        assert_exact(part, hybrid_file, least=2)


def test_mkvmerge_append(hybrid_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "joined.mkv"
    run(tool("mkvmerge"), "-o", target, hybrid_file, "+", hybrid_file)
    assert_exact(target, hybrid_file, least=8)


@BINARIES
@pytest.mark.parametrize("suffix", ["mp4", "mov", "ts"])
def test_in_band_payloads_survive_other_containers(inband_file: Path, binary: str, suffix: str, tmp_path: Path) -> None:
    there, back = tmp_path / f"there.{suffix}", tmp_path / "back.mkv"
    run(binary_path(binary), "-i", inband_file, "-c", "copy", there)
    assert_exact(there, inband_file, least=4)
    run(binary_path(binary), "-i", there, "-c", "copy", back)
    assert_exact(back, inband_file, least=4)


@BINARIES
def test_in_band_payloads_survive_fragmented_mp4(inband_file: Path, binary: str, tmp_path: Path) -> None:
    target = tmp_path / "fragmented.mp4"
    flags = "frag_keyframe+empty_moov+default_base_moof"
    run(binary_path(binary), "-i", inband_file, "-c", "copy", "-movflags", flags, target)
    assert_exact(target, inband_file, least=4)


@BINARIES
def test_in_band_payloads_survive_hls(inband_file: Path, binary: str, tmp_path: Path) -> None:
    playlist = tmp_path / "list.m3u8"
    run(binary_path(binary), "-i", inband_file, "-c", "copy", "-f", "hls", "-hls_time", "1", playlist)
    segments = sorted(tmp_path.glob("*.ts"))
    assert len(segments) == 4
    for segment in segments:
        assert_exact(segment, inband_file, least=1)


def test_pyav_stream_copy(hybrid_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "pyav.mkv"
    with av.open(hybrid_file) as source, av.open(target, "w") as sink:
        streams = {stream.index: sink.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                sink.mux_one(packet)
    assert_exact(target, hybrid_file, least=4)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts", "hevc", "nut"])
def test_restored_files_are_ordinary_files(hybrid_file: Path, suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"restored.{suffix}"
    report = ffhybrid.restore(hybrid_file, target)
    assert (report.gops, report.pictures) == (4, 100)
    for binary in ffmpegs().values():
        assert run(binary, "-v", "error", *EXACT, "-i", target, "-map", "0:v", "-f", "null", "-").stderr == ""
    with av.open(target) as container:
        assert sum(1 for _ in container.decode(video=0)) == 100
