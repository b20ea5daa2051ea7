"""Damage at the top of a Matroska file is found and located, and no undamaged file of stock tools is suspected."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ffhybrid.core.gop import HybridGop
from ffhybrid.errors import CorruptDataError, FFHybridError, TruncatedError
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.matroska.integrity import check_matroska, is_matroska
from muxer_clips import write_matroska
from support import ffmpegs, run, tool

CLUSTER = bytes.fromhex("1F43B675")


@pytest.fixture(scope="module")
def whole(gops: list[HybridGop], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_matroska(tmp_path_factory.mktemp("whole") / "whole.mkv", gops, Carriage.TRACK)


def clusters(data: bytes) -> list[int]:
    found = [data.find(CLUSTER)]
    while found[-1] >= 0:
        found.append(data.find(CLUSTER, found[-1] + 4))
    return found[:-1]


def damaged(whole: Path, target: Path, position: int, data: bytes) -> Path:
    content = bytearray(whole.read_bytes())
    content[position : position + len(data)] = data
    target.write_bytes(content)
    return target


@pytest.mark.parametrize("binary", ["debian", "imageio-ffmpeg"])
@pytest.mark.parametrize("options", [(), ("-live", "1"), ("-cluster_time_limit", "100")])
def test_files_of_ffmpeg_pass(small_file: Path, binary: str, options: tuple[str, ...], tmp_path: Path) -> None:
    if binary not in ffmpegs():
        pytest.skip(f"{binary} ffmpeg is not installed")
    target = tmp_path / "copy.mkv"
    run(ffmpegs()[binary], "-v", "error", "-i", small_file, "-map", "0", "-c", "copy", *options, target)
    check_matroska(target, check_crcs=True)


def test_files_of_mkvmerge_pass(small_file: Path, tmp_path: Path) -> None:
    run(tool("mkvmerge"), "-q", "-o", tmp_path / "copy.mkv", small_file)
    check_matroska(tmp_path / "copy.mkv", check_crcs=True)


def test_a_changed_byte_in_a_cluster_is_found_and_timed(whole: Path, tmp_path: Path) -> None:
    second = clusters(whole.read_bytes())[1]
    path = damaged(whole, tmp_path / "bad.mkv", second + 300, b"\xff\x00\xff")
    assert check_matroska(path, check_crcs=False) == 4
    with pytest.raises(CorruptDataError, match=r"bad\.mkv: the cluster at 0\.480 s does not match its CRC-32"):
        check_matroska(path, check_crcs=True)


@pytest.mark.parametrize("identifier", [bytes(4), bytes.fromhex("1F43B674"), bytes.fromhex("FFFFFFFF")])
def test_a_cluster_whose_name_is_lost_is_found(whole: Path, identifier: bytes, tmp_path: Path) -> None:
    second = clusters(whole.read_bytes())[1]
    path = damaged(whole, tmp_path / "bad.mkv", second, identifier)
    with pytest.raises(CorruptDataError, match=r"in or after the cluster at 0\.000 s"):
        check_matroska(path, check_crcs=False)


def test_a_cluster_that_lost_its_crc_is_found(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    crc = data.index(b"\xbf\x84", clusters(data)[2])
    path = damaged(whole, tmp_path / "bad.mkv", crc, b"\xec\x84")
    with pytest.raises(CorruptDataError, match=r"the cluster at 0\.960 s has lost its CRC-32"):
        check_matroska(path, check_crcs=True)


def test_every_shorter_file_is_truncated(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    path = tmp_path / "short.mkv"
    for length in range(clusters(data)[0], len(data), 97):
        path.write_bytes(data[:length])
        with pytest.raises(TruncatedError):
            check_matroska(path, check_crcs=True)


def test_other_files_are_no_matroska(tmp_path: Path) -> None:
    path = tmp_path / "other"
    for data in (b"", b"\x1a\x45", b"not EBML"):
        path.write_bytes(data)
        assert not is_matroska(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=5))
def test_any_damage_raises_only_our_errors(whole: Path, tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    data = bytearray(whole.read_bytes())
    for position, value in changes:
        data[position % len(data)] = value
    path = tmp_path / "damaged.mkv"
    path.write_bytes(data)
    try:
        check_matroska(path, check_crcs=True)
    except FFHybridError as error:
        assert "damaged.mkv" in str(error)
