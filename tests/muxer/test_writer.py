"""The Matroska writer beyond whole hybrid files: live output, changing parameter sets, a second close."""

from __future__ import annotations

import io
from pathlib import Path

from ffhybrid.core.gop import AccessUnit, HybridGop
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.matroska.integrity import check_matroska
from ffhybrid.muxer.matroska.writer import MatroskaWriter
from ffhybrid.muxer.reading.reader import HybridReader
from muxer_clips import Pipe, video_track, write_matroska
from support import ffmpegs, run


def live(gops: list[HybridGop]) -> bytes:
    file = Pipe()
    with MatroskaWriter(file, video=video_track(gops[0].parameter_sets)) as writer:
        for gop in gops:
            writer.write_gop(gop)
    return file.getvalue()


def test_live_output_has_no_size_and_reads_back(gops: list[HybridGop], tmp_path: Path) -> None:
    path = tmp_path / "live.mkv"
    path.write_bytes(live(gops))
    assert b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" in path.read_bytes()
    assert check_matroska(path, check_crcs=True) == 4
    with HybridReader(path) as reader:
        assert [gop.payload for gop in reader.gops()] == [gop.payload for gop in gops]
    for binary in ffmpegs().values():
        result = run(binary, "-v", "warning", "-i", path, "-map", "0:v:0", "-f", "null", "-")
        assert result.stderr == ""


def test_a_gop_brings_parameter_sets_that_the_header_lacks(
    gops: list[HybridGop], other_gops: list[HybridGop], tmp_path: Path
) -> None:
    other = other_gops[0]
    units = [AccessUnit(unit.nal_units, unit.pts + 12, unit.duration) for unit in other.access_units]
    mixed = [
        gops[0],
        HybridGop(other.payload + b"2", other.parameter_sets, units[0], tuple(units[1:]), other.time_base),
    ]
    assert other.parameter_sets != gops[0].parameter_sets
    path = write_matroska(tmp_path / "mixed.mkv", [*mixed, *gops[2:]], Carriage.TRACK)
    with HybridReader(path) as reader:
        found = list(reader.gops())
    assert [gop.parameter_sets for gop in found] == [gop.parameter_sets for gop in (*mixed, *gops[2:])]


def test_closing_twice_changes_nothing(gops: list[HybridGop]) -> None:
    file = io.BytesIO()
    with MatroskaWriter(file, video=video_track(gops[0].parameter_sets)) as writer:
        writer.write_gop(gops[0])
        writer.close()
        once = file.getvalue()
    assert file.getvalue() == once


def test_a_file_without_gops_is_still_a_matroska_file(gops: list[HybridGop], tmp_path: Path) -> None:
    path = tmp_path / "empty.mkv"
    with path.open("wb") as file, MatroskaWriter(file, video=video_track(gops[0].parameter_sets)):
        pass
    assert check_matroska(path, check_crcs=True) == 0
