"""Where cuts of stock tools fall, and payloads full of start codes everywhere; more is in tests/files."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ffhybrid.core.gop import HybridGop
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.reading.reader import HybridReader
from support import ffmpegs, run

BINARIES = pytest.mark.parametrize("binary", ["debian", "imageio-ffmpeg"])
GOP = 12 / 25
SEEK_MARGIN = 0.14
"""ffmpeg seeks 3/23 s earlier than asked in any Matroska file with B pictures, so it may begin a GOP earlier."""


def stock(name: str) -> str:
    if name not in ffmpegs():
        pytest.skip(f"{name} ffmpeg is not installed")
    return ffmpegs()[name]


def read(path: Path) -> list[HybridGop]:
    with HybridReader(path) as reader:
        return list(reader.gops())


def assert_same(found: list[HybridGop], wanted: list[HybridGop]) -> None:
    """Equal payloads, NAL units and relative timing; containers shift time as a whole."""
    assert [gop.payload for gop in found] == [gop.payload for gop in wanted]
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.parameter_sets == theirs.parameter_sets
        assert [u.nal_units for u in ours.access_units] == [u.nal_units for u in theirs.access_units]
        times = [float((u.pts - ours.placeholder.pts) * ours.time_base) for u in ours.access_units]
        expected = [float((u.pts - theirs.placeholder.pts) * theirs.time_base) for u in theirs.access_units]
        assert times == pytest.approx(expected, abs=0.0021)


def assert_cut(path: Path, original: list[HybridGop], numbers: list[int]) -> None:
    """The GOPs named are there, in order; only the last may have lost pictures at its end."""
    found = read(path)
    wanted = [original[number] for number in numbers]
    assert [gop.payload for gop in found] == [gop.payload for gop in wanted]
    assert_same(found[:-1], wanted[:-1])
    kept = [unit.nal_units for unit in found[-1].inter]
    assert kept == [unit.nal_units for unit in wanted[-1].inter][: len(kept)]


def test_the_written_file_reads_back_whole(small_file: Path, gops: list[HybridGop]) -> None:
    assert_same(read(small_file), gops)
    with HybridReader(small_file) as reader:
        assert (reader.carriage, reader.pix_fmt) == (Carriage(small_file.stem), "yuv420p")
        assert reader.duration == pytest.approx(4 * GOP)


@BINARIES
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(("offset", "earlier"), [(0.0, 1), (SEEK_MARGIN, 0)])
def test_a_cut_from_a_time(
    small_file: Path,
    gops: list[HybridGop],
    binary: str,
    number: int,
    offset: float,
    earlier: int,
    tmp_path: Path,
) -> None:
    target, start = tmp_path / "cut.mkv", str(number * GOP + offset)
    run(stock(binary), "-v", "error", "-ss", start, "-i", small_file, "-map", "0", "-c", "copy", target)
    assert_cut(target, gops, list(range(number - earlier, 4)))


@BINARIES
@pytest.mark.parametrize(("end", "numbers"), [(2 * GOP, [0, 1]), (1.5 * GOP, [0, 1]), (3 * GOP, [0, 1, 2])])
def test_a_cut_to_a_time(
    small_file: Path,
    gops: list[HybridGop],
    binary: str,
    end: float,
    numbers: list[int],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    target = tmp_path / "cut.mkv"
    run(stock(binary), "-v", "error", "-i", small_file, "-map", "0", "-c", "copy", "-to", str(end), target)
    with caplog.at_level(logging.WARNING):
        found = read(target)
    # In band a keyframe that the cut kept at its end still has its payload.
    if len(found) > len(numbers):
        assert small_file.stem == "inband"
        numbers = list(range(len(found)))
    assert_cut(target, gops, numbers)


@BINARIES
@pytest.mark.parametrize(
    ("name", "flags"),
    [("a.mp4", ""), ("a.mp4", "frag_keyframe+empty_moov"), ("a.mp4", "frag_every_frame+empty_moov"), ("a.ts", "")],
)
@pytest.mark.parametrize("small_file", [Carriage.INBAND], indirect=True)
def test_in_band_payloads_pass_every_container(
    small_file: Path, gops: list[HybridGop], binary: str, name: str, flags: str, tmp_path: Path
) -> None:
    there, back = tmp_path / name, tmp_path / "back.mkv"
    options = ("-movflags", flags) if flags else ()
    run(stock(binary), "-v", "error", "-i", small_file, "-c", "copy", *options, there)
    assert_same(read(there), gops)
    run(stock(binary), "-v", "error", "-i", there, "-c", "copy", back)
    assert_same(read(back), gops)
