"""Restoring as a whole: threads, efforts, interruption, pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ffhybrid
from ffhybrid.core.picture import Picture
from ffhybrid.filters.overfit import codec
from ffhybrid.hevc import SpliceEffort
from support import EXACT, ffmpegs, run

FROZEN = Path(__file__).parents[1] / "frozen"


def test_the_output_does_not_depend_on_threads(hybrid_file: Path, tmp_path: Path) -> None:
    outputs = []
    for threads in (1, 2, 5):
        output = tmp_path / f"{threads}.mkv"
        assert ffhybrid.restore(hybrid_file, output, threads=threads).gops == 4
        outputs.append(output.read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]


@pytest.mark.parametrize(("cores", "threads", "each"), [(8, None, 1), (8, 2, 4), (3, 2, 1), (1, None, 1)])
def test_threads_of_keyframes_are_not_beyond_the_cores(
    cores: int, threads: int | None, each: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    decode = codec.decode

    def watched(*arguments: Any, threads: int) -> Picture:
        taken.append(threads)
        return decode(*arguments, threads=threads)

    monkeypatch.setattr(codec, "decode", watched)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    ffhybrid.restore(FROZEN / "v2-overfit.mkv", tmp_path / "restored.mkv", threads=threads)
    assert set(taken) == {each}


def test_every_effort_restores_the_same_pictures(track_file: Path, tmp_path: Path) -> None:
    sizes, hashes = [], set()
    for effort in SpliceEffort:
        output = tmp_path / f"{effort}.mp4"
        sizes.append(ffhybrid.restore(track_file, output, effort=effort).file_bytes)
        result = run(ffmpegs()["imageio-ffmpeg"], "-v", "error", *EXACT, "-i", output, "-f", "md5", "-")
        hashes.add(result.stdout)
    assert sizes == sorted(sizes, reverse=True)
    assert len(hashes) == 1


def test_an_interrupt_leaves_nothing_under_the_final_name(track_file: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.mkv"
    run(
        ffmpegs()["imageio-ffmpeg"],
        "-v",
        "error",
        "-stream_loop",
        "100",
        "-i",
        track_file,
        "-map",
        "0",
        "-c",
        "copy",
        long,
    )
    folder = tmp_path / "out"
    folder.mkdir()
    command = [sys.executable, "-P", "-m", "ffhybrid", "restore", "-i", str(long), str(folder / "restored.mp4")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not any(path.stat().st_size for path in folder.iterdir()):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said.strip() == "ffhybrid: interrupted"
    assert not list(folder.iterdir())


@pytest.mark.parametrize("container_format", ["nut", "matroska"])
def test_a_pipe_into_stock_ffmpeg_gives_every_frame(track_file: Path, container_format: str) -> None:
    command = [sys.executable, "-P", "-m", "ffhybrid", "restore", "-i", str(track_file), "-f", container_format, "-"]
    for binary in ffmpegs().values():
        with subprocess.Popen(command, stdout=subprocess.PIPE) as restorer:
            consumer = [binary, "-v", "error", *EXACT, "-i", "-", "-f", "framemd5", "-"]
            result = subprocess.run(consumer, stdin=restorer.stdout, capture_output=True, text=True, check=False)
        assert (restorer.returncode, result.returncode, result.stderr) == (0, 0, "")
        assert result.stdout.count("\n0,") == 100


def test_a_consumer_that_stops_early_ends_it_quietly(track_file: Path) -> None:
    command = [sys.executable, "-P", "-m", "ffhybrid", "restore", "-i", str(track_file), "-f", "nut", "-"]
    binary = ffmpegs()["imageio-ffmpeg"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as restorer:
        consumer = [binary, "-v", "error", "-i", "-", "-frames:v", "5", "-f", "null", "-"]
        assert subprocess.run(consumer, stdin=restorer.stdout, capture_output=True, check=False).returncode == 0
        assert restorer.stdout is not None
        restorer.stdout.close()
        assert restorer.stderr is not None
        assert restorer.stderr.read() == b""
