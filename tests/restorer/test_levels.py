"""Restored streams claim no level: lossless keyframes have the size that their content gives them."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

import ffhybrid
from ffhybrid import hevc
from ffhybrid.errors import CorruptDataError
from support import ffmpegs, run, tool

VPS_LEVEL, SPS_LEVEL = 15, 12
"""Where general_level_idc lies behind the header of a NAL unit."""


@pytest.fixture(scope="module")
def restored(track_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One hybrid file, restored into several containers."""
    folder = tmp_path_factory.mktemp("levels")
    found = {suffix: folder / f"restored.{suffix}" for suffix in ("mkv", "mp4", "hevc")}
    for path in found.values():
        ffhybrid.restore(track_file, path)
    return found


def header(path: Path) -> tuple[bytes, ffhybrid.ParameterSets]:
    """The hvcC record, and what it holds."""
    with av.open(path) as container:
        record = bytes(container.streams.video[0].codec_context.extradata or b"")
    sets = hevc.read_hvcc(record)
    assert sets
    return record, sets


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_nothing_but_the_level_changes_in_parameter_sets(
    track_file: Path, restored: dict[str, Path], suffix: str
) -> None:
    _, before = header(track_file)
    record, after = header(restored[suffix])
    for ours, theirs, position in ((after.vps, before.vps, VPS_LEVEL), (after.sps, before.sps, SPS_LEVEL)):
        expected = bytearray(hevc.rbsp(theirs))
        assert expected[position] in range(30, 187)
        expected[position] = hevc.LEVEL_8_5
        assert hevc.rbsp(ours) == bytes(expected)
    assert record[12] == hevc.LEVEL_8_5
    assert after.pps == (*before.pps, hevc.lossless_pps(before))


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "hevc"])
@pytest.mark.parametrize("binary", ffmpegs())
def test_every_header_parses_without_a_complaint(restored: dict[str, Path], suffix: str, binary: str) -> None:
    traced = ("-c:v", "copy", "-bsf:v", "trace_headers", "-f", "null", "-")
    path = ffmpegs()[binary]
    assert run(path, "-v", "warning", "-i", restored[suffix], "-map", "0:v", *traced).stderr == ""
    levels = [line for line in run(path, "-i", restored[suffix], *traced).stderr.splitlines() if "level_idc" in line]
    assert levels
    assert all(line.endswith("= 255") for line in levels)


def test_other_decoders_do_not_mind(restored: dict[str, Path], tmp_path: Path) -> None:
    raw = tmp_path / "restored.yuv"
    run(tool("libde265-dec265"), "-q", "-c", "-o", raw, restored["hevc"])
    with av.open(restored["mkv"]) as container:
        assert raw.read_bytes() == b"".join(frame.to_ndarray().tobytes() for frame in container.decode(video=0))
    assert "arning" not in run(tool("mkvmerge"), "-o", tmp_path / "merged.mkv", restored["mkv"]).stdout


def test_a_level_is_written_into_whole_parameter_sets_only(track_file: Path) -> None:
    _, sets = header(track_file)
    assert hevc.with_level(hevc.with_level(sets.sps, 255), hevc.rbsp(sets.sps)[SPS_LEVEL]) == sets.sps
    with pytest.raises(CorruptDataError):
        hevc.with_level(sets.sps[:8], 255)
    with pytest.raises(ValueError, match="invalid argument"):
        hevc.with_level(sets.pps[0], 255)
