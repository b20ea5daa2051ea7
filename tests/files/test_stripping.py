"""Payloads leave a file and come back: strip, extract, inject."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

import ffhybrid
from ffhybrid.core.payload import Payload
from ffhybrid.encoder.coded_gop import without_hashes
from ffhybrid.errors import CorruptDataError, GeometryError, UsageError
from ffhybrid.extraction import extract
from ffhybrid.restorer.splice import check_stream
from media import OPTIONS, ffmpeg, packets
from support import TINY_GOP, assert_same_gops, hybrid_gops


@pytest.fixture
def payloads(tiny_file: Path, tmp_path: Path) -> Path:
    """The payloads of the tiny file, as extract writes them."""
    assert len(list(extract(tiny_file, tmp_path / "payloads", overwrite=False))) == 8
    return tmp_path / "payloads"


@pytest.mark.parametrize("name", ["stripped.mkv", "stripped.mp4", "stripped.ts"])
def test_what_was_stripped_is_put_back(tiny_file: Path, payloads: Path, name: str, tmp_path: Path) -> None:
    stripped, back = tmp_path / name, tmp_path / "back.mkv"
    report = ffhybrid.strip(tiny_file, stripped)
    data = stripped.read_bytes()
    assert report.gops == 4
    assert b"FFHK" not in data
    with pytest.raises(CorruptDataError, match="GOP 0 .* has no payload"):
        ffhybrid.probe(stripped)
    assert ffhybrid.inject(stripped, payloads, back).payload_bytes == report.payload_bytes
    assert_same_gops(hybrid_gops(back), [without_hashes(gop) for gop in hybrid_gops(tiny_file)])
    assert ffhybrid.verify(back).pictures == 48
    assert [p.data for p in packets(back, "audio")] == [p.data for p in packets(tiny_file, "audio")]


def luma(path: Path) -> np.ndarray:
    with av.open(path) as container:
        return np.stack([frame.to_ndarray()[: frame.height] for frame in container.decode(video=0)]).astype(float)


def test_a_stripped_file_plays_from_previews(tiny_file: Path, tmp_path: Path) -> None:
    """Every picture decodes, and looks like the source: a thumbnail refines no base picture, but has a preview."""
    stripped = tmp_path / "stripped.mkv"
    ffhybrid.strip(tiny_file, stripped)
    with av.open(stripped) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    shown, source = luma(stripped), luma(tiny_file.with_name("source.mp4"))
    assert len(shown) == 48
    for picture in (0, 11, 12, 47):
        assert np.corrcoef(shown[picture].ravel(), source[picture].ravel())[0, 1] > 0.8


def test_grey_placeholders_play_from_grey(tiny_file: Path, tmp_path: Path) -> None:
    """On request; then only what moves shows."""
    hybrid, stripped = tmp_path / "grey.mkv", tmp_path / "stripped.mkv"
    limits = ffhybrid.GopLimits(length=TINY_GOP, scene_threshold=0)
    options = replace(OPTIONS, limits=limits, frames=TINY_GOP, placeholder=ffhybrid.Placeholder.GREY)
    ffhybrid.encode(tiny_file.with_name("source.mp4"), hybrid, options=options)
    ffhybrid.strip(hybrid, stripped)
    shown = luma(stripped)
    assert len(shown) == TINY_GOP
    assert {int(value) for value in shown[0].ravel()} == {128}
    assert shown[11].std() > 1


def test_a_track_that_a_tool_dropped_is_put_back(tiny_file: Path, payloads: Path, tmp_path: Path) -> None:
    """Without -map 0 ffmpeg keeps one video track."""
    ffmpeg("-i", tiny_file, "-c", "copy", tmp_path / "lost.mkv")
    ffhybrid.inject(tmp_path / "lost.mkv", payloads, tmp_path / "back.mp4")
    assert_same_gops(hybrid_gops(tmp_path / "back.mp4"), hybrid_gops(tiny_file))


def test_a_cut_takes_its_own_payloads_of_many(tiny_file: Path, payloads: Path, tmp_path: Path) -> None:
    ffmpeg("-i", tiny_file, "-map", "0:v:0", "-c", "copy", "-f", "segment", "-segment_time", "0.5", tmp_path / "%d.mkv")
    ffhybrid.inject(tmp_path / "2.mkv", payloads, tmp_path / "back.mkv")
    assert [g.payload for g in hybrid_gops(tmp_path / "back.mkv")] == [g.payload for g in hybrid_gops(tiny_file)[2:3]]


@pytest.mark.parametrize("number", [1, 3])
def test_a_missing_payload_names_its_gop(tiny_file: Path, payloads: Path, number: int, tmp_path: Path) -> None:
    ffhybrid.strip(tiny_file, tmp_path / "stripped.mkv")
    (payloads / f"gop-0000{number}.payload").unlink()
    with pytest.raises(CorruptDataError, match=rf"GOP {number} at .* none of those given is its own"):
        ffhybrid.inject(tmp_path / "stripped.mkv", payloads, tmp_path / "back.mkv")
    assert not (tmp_path / "back.mkv").exists()


def test_a_damaged_payload_is_named(tiny_file: Path, payloads: Path, tmp_path: Path) -> None:
    damaged = payloads / "gop-00002.payload"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(CorruptDataError, match=r"gop-00002\.payload: the payload"):
        ffhybrid.inject(tiny_file, payloads, tmp_path / "back.mkv")


def test_payloads_of_another_stream_are_refused(tiny_file: Path, tmp_path: Path) -> None:
    """A tag that fits is not enough: the parameter sets must be those that the payload was made for."""
    gop = hybrid_gops(tiny_file)[0]
    payload = Payload.from_bytes(gop.payload)
    with pytest.raises(GeometryError, match="other parameter sets"):
        check_stream(payload, type(gop.parameter_sets)(b"other", gop.parameter_sets.sps, gop.parameter_sets.pps))


def test_a_folder_without_payloads_is_refused(tiny_file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="as extract writes them"):
        ffhybrid.inject(tiny_file, tmp_path, tmp_path / "back.mkv")


def test_the_command_line(tiny_file: Path, payloads: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "ffhybrid"]
    strip = [*command, "strip", "-i", str(tiny_file), "-"]
    inject = [*command, "inject", "-i", "-", "-payloads", str(payloads), str(tmp_path / "back.mkv")]
    stripped = subprocess.run(strip, capture_output=True, check=True).stdout
    result = subprocess.run(inject, input=stripped, capture_output=True, check=True)
    assert result.stdout.startswith(b"gops=4\npictures=48\n")
    assert_same_gops(hybrid_gops(tmp_path / "back.mkv"), [without_hashes(gop) for gop in hybrid_gops(tiny_file)])
