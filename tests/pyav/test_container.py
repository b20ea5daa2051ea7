"""``ffhybrid.open``: frames, timestamps, seeking, errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

import ffhybrid
from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, HybridGop
from ffhybrid.errors import VerificationError
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.matroska.writer import MatroskaWriter
from ffhybrid.muxer.reading.reader import HybridReader
from support import GOP_LENGTH, ffmpegs, run


def timestamps(path: Path, *, threads: int | None = None) -> list[tuple[float, int]]:
    """Time and luma sum of every frame."""
    with ffhybrid.open(path, threads=threads) as container:
        return [(frame.time, int(frame.to_ndarray().sum(dtype=np.int64))) for frame in container.decode(video=0)]


def test_threads_change_nothing(hybrid_file: Path) -> None:
    one = timestamps(hybrid_file, threads=1)
    assert len(one) == 4 * GOP_LENGTH
    assert [time for time, _ in one] == sorted(time for time, _ in one)
    assert timestamps(hybrid_file, threads=3) == one


def test_frames_of_the_first_gop_come_before_the_file_is_read(hybrid_file: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mkv"
    data = bytearray(hybrid_file.read_bytes())
    data[len(data) * 7 // 8 :: 100] = bytes(len(data[len(data) * 7 // 8 :: 100]))
    broken.write_bytes(data)
    with ffhybrid.open(broken) as container:
        frames = container.decode(video=0)
        for _ in range(GOP_LENGTH):
            next(frames)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_seeking_decodes_from_the_gop_of_the_time(inband_file: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip{suffix}"
    run(ffmpegs()["imageio-ffmpeg"], "-v", "error", "-i", inband_file, "-c", "copy", path)
    assert_seeks(path)


def test_seeking_works_with_the_neural_track(track_file: Path) -> None:
    assert_seeks(track_file)


def assert_seeks(path: Path) -> None:
    whole = timestamps(path)
    start = whole[0][0]
    with ffhybrid.open(path) as container:
        for gop in (2, 0, 3):
            container.seek(round((start + gop + 0.5) * 1e6))
            first = next(container.decode(video=0))
            assert first.time == whole[gop * GOP_LENGTH][0]
            assert int(first.to_ndarray().sum(dtype=np.int64)) == whole[gop * GOP_LENGTH][1]
        stream = container.streams[0]
        container.seek(round((start + 1.01) / stream.time_base), stream=stream)
        rest = [frame.time for frame in container.decode(video=0)]
        assert rest == [time for time, _ in whole[GOP_LENGTH:]]


def with_damaged_picture(gop: HybridGop) -> HybridGop:
    unit = gop.inter[10]
    nal_units = tuple(
        nal
        if not hevc.is_slice(nal)
        else nal[: len(nal) // 2] + bytes([nal[len(nal) // 2] ^ 8]) + nal[len(nal) // 2 + 1 :]
        for nal in unit.nal_units
    )
    damaged = AccessUnit(nal_units, unit.pts, unit.duration)
    return replace(gop, inter=(*gop.inter[:10], damaged, *gop.inter[11:]))


@pytest.mark.parametrize("number", [0, 2, 3])
def test_a_damaged_picture_names_its_gop(track_file: Path, tmp_path: Path, number: int) -> None:
    path = tmp_path / "damaged.mkv"
    with (
        HybridReader(track_file) as reader,
        path.open("wb") as file,
        MatroskaWriter(file, video=reader.video, carriage=Carriage.TRACK) as writer,
    ):
        for index, gop in enumerate(reader.gops()):
            writer.write_gop(with_damaged_picture(gop) if index == number else gop)
    with ffhybrid.open(path) as container, pytest.raises(VerificationError, match=f"GOP {number} at {number}.000 s"):
        list(container.decode(video=0))


def test_streams_are_described(track_file: Path) -> None:
    with ffhybrid.open(track_file) as container:
        (stream,) = container.streams
        assert container.streams.video[0] is stream
        assert (stream.width, stream.height, stream.average_rate) == (640, 272, GOP_LENGTH)
        with pytest.raises(ValueError, match="number 0"):
            next(container.decode(video=1))


def test_a_loop_of_pyav_reads_hybrid_and_ordinary_files_alike(track_file: Path, tmp_path: Path) -> None:
    ordinary = tmp_path / "restored.mkv"
    ffhybrid.restore(track_file, ordinary)
    seen = []
    for opened in (av.open(ordinary), ffhybrid.open(ordinary), ffhybrid.open(track_file)):
        with opened as container:
            video = container.streams.video[0]
            container.seek(round(1.5 / video.time_base), stream=video)
            frame = next(container.decode(video=0))
            seen.append((frame.time, video.average_rate, video.width, int(frame.to_ndarray().sum(dtype=np.int64))))
    assert seen[0] == seen[1] == seen[2]
