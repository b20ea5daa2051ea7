"""Part of a hybrid file restored: it begins with a keyframe, ends where nothing is missing, and decodes exactly."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

import ffhybrid
from ffhybrid import restoring
from ffhybrid.muxer.rewriting import pictures_until
from ffhybrid.restorer.splice import RestoredGop
from media import ffmpeg
from support import EXACT, TINY_GOP, ffhybrid_command, hybrid_gops, pyav_copy

TimeRange = ffhybrid.TimeRange


def frames(path: Path) -> list[tuple[Fraction, bytes]]:
    """Timestamps and samples in order of presentation."""
    with av.open(path) as container:
        return [(f.pts * f.time_base, f.to_ndarray().tobytes()) for f in container.decode(video=0)]


def check(path: Path) -> None:
    ffmpeg(*EXACT, "-i", path, "-f", "null", "-")


@pytest.fixture(scope="module")
def whole(tiny_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of the file, restored."""
    path = tmp_path_factory.mktemp("whole") / "whole.mkv"
    ffhybrid.restore(tiny_file, path)
    return path


@pytest.mark.parametrize(
    ("start", "end", "first", "gops"), [(0.7, None, 1, 3), (1.1, 1.6, 2, 2), (0.0, 0.3, 0, 1), (None, 0.6, 0, 2)]
)
@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_part_begins_with_its_keyframe_and_has_all_pictures_before_the_end(
    tiny_file: Path,
    whole: Path,
    tmp_path: Path,
    suffix: str,
    start: float | None,
    end: float | None,
    first: int,
    gops: int,
) -> None:
    output = tmp_path / f"part.{suffix}"
    report = ffhybrid.restore(tiny_file, output, time_range=TimeRange.of(start=start, end=end))
    check(output)
    assert report.gops == gops
    found, everything = frames(output), frames(whole)[first * TINY_GOP :]
    assert len(found) == report.pictures
    assert [samples for _, samples in found] == [samples for _, samples in everything[: len(found)]]
    begin = everything[0][0]
    for (ours, _), (theirs, _) in zip(found, everything, strict=False):
        assert abs(ours - (theirs - begin)) <= Fraction(1, 1000)
    left = everything[len(found) :]
    assert not left or (end is not None and left[0][0] >= Fraction(str(end)))


def test_sound_is_cut_at_the_keyframe_and_at_the_end(tiny_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "part.mkv"
    ffhybrid.restore(tiny_file, output, time_range=TimeRange.of(start=0.7, end=1.4))
    begin = hybrid_gops(tiny_file)[1].placeholder
    shift = begin.pts * hybrid_gops(tiny_file)[1].time_base
    with av.open(tiny_file) as before, av.open(output) as after:
        theirs = [(bytes(p), p.pts * p.time_base) for p in before.demux(audio=0) if p.size]
        found = [(bytes(p), p.pts * p.time_base) for p in after.demux(audio=0) if p.size]
    wanted = [(data, time - shift) for data, time in theirs if shift <= time < Fraction("1.4")]
    assert [data for data, _ in found] == [data for data, _ in wanted]
    assert all(abs(ours - exact) <= Fraction(1, 1000) for (_, ours), (_, exact) in zip(found, wanted, strict=True))


def test_only_keyframes_of_the_part_are_generated(
    tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generated: list[float] = []
    real = restoring.restore_gop

    def noted(gop: ffhybrid.HybridGop, **options: Any) -> RestoredGop:
        generated.append(float(gop.placeholder.pts * gop.time_base))
        return real(gop, **options)

    monkeypatch.setattr(restoring, "restore_gop", noted)
    ffhybrid.restore(tiny_file, tmp_path / "part.mkv", time_range=TimeRange.of(start=1.1, end=1.3))
    assert generated == pytest.approx([1.001], abs=1e-3)


@pytest.mark.parametrize("suffix", ["mp4", "ts", "nut"])
def test_other_containers_are_sought_as_well(tiny_inband_file: Path, whole: Path, tmp_path: Path, suffix: str) -> None:
    source, output = tmp_path / f"hybrid.{suffix}", tmp_path / "part.mkv"
    ffhybrid.remux(tiny_inband_file, source)
    report = ffhybrid.restore(source, output, time_range=TimeRange.of(start=1.1))
    check(output)
    assert report.gops == 2
    assert [samples for _, samples in frames(output)] == [samples for _, samples in frames(whole)[2 * TINY_GOP :]]


def test_a_copy_of_a_stock_tool_is_cut_without_a_word_of_lost_payloads(
    tiny_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copied = pyav_copy(tiny_file, tmp_path / "copied.mkv")
    report = ffhybrid.restore(copied, tmp_path / "part.mkv", time_range=TimeRange.of(start=1.6))
    assert report.gops == 1
    check(tmp_path / "part.mkv")
    assert "payload" not in caplog.text


def test_a_line_says_where_the_output_begins(tiny_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "part.mkv"
    result = ffhybrid_command("restore", "-i", tiny_file, "-ss", "0:00.7", "-t", "500ms", output, check=True)
    assert "begins with the keyframe at 0.500 s" in " ".join(result.stderr.split())
    check(output)


def test_what_cannot_be_had_is_refused(tiny_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ffhybrid.UsageError, match="there is no picture from 100 s"):
        ffhybrid.restore(tiny_file, tmp_path / "part.mkv", time_range=TimeRange.of(start=100))
    result = ffhybrid_command("restore", "-i", tiny_file, "-ss", "2", "-to", "1", tmp_path / "part.mkv")
    assert result.returncode == 2
    assert "is not behind the start" in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_damage_before_the_part_does_not_matter_and_damage_in_it_is_told(
    tiny_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = tmp_path / "damaged.mkv"
    data = bytearray(tiny_file.read_bytes())
    first = hybrid_gops(tiny_file)[0]
    at = data.index(first.inter[0].nal_units[-1][8:])
    data[at] ^= 1
    damaged.write_bytes(data)
    with caplog.at_level(logging.ERROR):
        behind = ffhybrid.restore(damaged, tmp_path / "behind.mkv", time_range=TimeRange.of(start=0.7))
    assert (behind.gops, behind.damaged) == (3, ())
    assert not caplog.records
    within = ffhybrid.restore(damaged, tmp_path / "within.mkv", time_range=TimeRange.of(start=0, end=0.8))
    assert within.gops == 1
    assert len(within.damaged) == 1


@pytest.mark.parametrize(("end", "count"), [(1, 1), (2, 5), (3, 5), (5, 5), (6, 9), (9, 9), (10, 10), (100, 10)])
def test_a_gop_ends_where_no_picture_is_missing(end: int, count: int) -> None:
    decoding_order = [Fraction(time) for time in (0, 4, 2, 1, 3, 8, 6, 5, 7, 9)]
    assert pictures_until(decoding_order, Fraction(end)) == count
