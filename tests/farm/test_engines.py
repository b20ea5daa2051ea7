"""The same bytes from every engine, and a worker that dies takes nothing with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import ffhybrid
from farm_clips import OPTIONS, encode_command, events
from farm_jobs import JOB
from ffhybrid.core.picture import PictureSpec
from ffhybrid.core.resources import usable_cores
from ffhybrid.errors import EncoderError, UsageError
from ffhybrid.farm.engines import check_engine, default_workers, open_engine


def processes(words: str) -> dict[int, int]:
    """Running processes whose command line has these words, and the parent of each."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if words in command and state != "Z":
                found[int(folder.name)] = int(parent)
    return found


def worker_of(parent: int) -> int | None:
    """A worker process of a process."""
    return next((pid for pid, its in processes("ffhybrid.farm.worker").items() if its == parent), None)


def test_two_processes_give_the_same_bytes_as_one(small_clip: Path, undisturbed: bytes, tmp_path: Path) -> None:
    output = tmp_path / "two.mkv"
    report = ffhybrid.encode(small_clip, output, options=OPTIONS, engine="local:2")
    assert output.read_bytes() == undisturbed
    assert [gop.index for gop in report.gops] == [0, 1, 2, 3]
    assert list(tmp_path.iterdir()) == [output]


def test_a_worker_that_is_killed_costs_one_attempt(small_clip: Path, undisturbed: bytes, tmp_path: Path) -> None:
    output, log = tmp_path / "killed.mkv", tmp_path / "log.ndjson"
    with subprocess.Popen(encode_command(small_clip, output, "-engine", "local:2", "-log", log)) as process:
        while (worker := worker_of(process.pid)) is None and process.poll() is None:
            time.sleep(0.05)
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        assert process.wait() == 0
    assert output.read_bytes() == undisturbed
    (retry,) = events(log, "retry")
    assert "its process died with exit code -9" in retry["error"]


def test_workers_end_with_a_parent_that_is_killed(small_clip: Path, tmp_path: Path) -> None:
    with subprocess.Popen(encode_command(small_clip, tmp_path / "out.mkv", "-engine", "local:2")) as process:
        while (worker := worker_of(process.pid)) is None and process.poll() is None:
            time.sleep(0.05)
        process.kill()
    deadline = time.monotonic() + 20
    while worker in processes("ffhybrid.farm.worker") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert worker not in processes("ffhybrid.farm.worker")


@pytest.mark.parametrize("name", ["loca", "local:0", "local:two", "dask://", "dask://scheduler", "ray://head:1"])
def test_an_engine_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="local:N and dask://HOST:PORT"):
        check_engine(name)


def test_workers_are_as_many_as_cores_and_memory_allow() -> None:
    fitted, on_gpu = ffhybrid.EncodeOptions(), ffhybrid.EncodeOptions(generator_options={"device": "cuda"})
    assert 1 <= default_workers(PictureSpec(64, 64), OPTIONS) <= usable_cores()
    assert default_workers(PictureSpec(16384, 16384), fitted) == 1
    assert default_workers(PictureSpec(64, 64), on_gpu) == 1


def test_a_cluster_gives_the_same_bytes(cluster: str, small_clip: Path, undisturbed: bytes, tmp_path: Path) -> None:
    output = tmp_path / "dask.mkv"
    ffhybrid.encode(small_clip, output, options=OPTIONS, engine=cluster)
    assert output.read_bytes() == undisturbed


def test_errors_of_a_cluster_are_the_jobs_own(cluster: str, tmp_path: Path) -> None:
    with open_engine(cluster, tmp_path, OPTIONS, PictureSpec(64, 64), on_progress=None) as engine:
        error = engine.submit(replace(JOB, model=None)).exception(timeout=60)
    assert isinstance(error, FileNotFoundError)
    assert JOB.path in str(error)


@contextmanager
def scheduler_and_worker(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], subprocess.Popen[bytes], str]]:
    """A scheduler that can be killed, its worker, and the name of the engine."""
    address = folder / "scheduler.json"
    dask = [sys.executable, "-P", "-m", "dask"]
    begin = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    work = [*dask, "worker", "--nthreads", "1", "--no-dashboard", "--death-timeout", "60"]
    at = ["--scheduler-file", str(address)]
    with (
        subprocess.Popen([*begin, *at], stderr=subprocess.DEVNULL) as scheduler,
        subprocess.Popen([*work, *at], stderr=subprocess.DEVNULL) as worker,
    ):
        while not address.exists() and scheduler.poll() is None:
            time.sleep(0.1)
        try:
            yield scheduler, worker, json.loads(address.read_text())["address"].replace("tcp://", "dask://")
        finally:
            scheduler.kill()
            worker.terminate()


def test_after_the_scheduler_is_killed_the_rest_is_encoded_elsewhere(
    small_clip: Path, undisturbed: bytes, tmp_path: Path
) -> None:
    pytest.importorskip("distributed", reason="dask.distributed is not installed (extra farm)")
    output, log = tmp_path / "out.mkv", tmp_path / "log.ndjson"
    command = encode_command(small_clip, output, "-log", log)
    with scheduler_and_worker(tmp_path) as (scheduler, worker, engine):
        with subprocess.Popen([*command, "-engine", engine], stderr=subprocess.PIPE, text=True) as process:
            while process.poll() is None and worker.poll() is None and not (log.exists() and events(log, "gop")):
                time.sleep(0.05)
            scheduler.kill()
            _, said = process.communicate()
        assert process.returncode == EncoderError.exit_code
    assert "the scheduler is lost; start again" in said
    assert "Traceback" not in said
    ffhybrid.encode(small_clip, output, options=OPTIONS, engine="local:1", log=log)
    assert 0 in [event["attempt"] for event in events(log, "gop")]
    assert output.read_bytes() == undisturbed


def test_a_cluster_that_is_not_there_is_named(
    small_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="dask.distributed is not installed (extra farm)")
    monkeypatch.setattr("ffhybrid.farm.cluster.CONNECT_SECONDS", 1)
    with pytest.raises(EncoderError, match=r"dask://127\.0\.0\.1:9: no scheduler answers"):
        ffhybrid.encode(small_clip, tmp_path / "out.mkv", options=OPTIONS, engine="dask://127.0.0.1:9")
    assert not list(tmp_path.iterdir())
