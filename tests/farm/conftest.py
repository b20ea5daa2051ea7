"""A clip of four small GOPs, and the file that it becomes when nothing goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ffhybrid
from farm_clips import OPTIONS
from media import ffmpeg


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 pictures of 64x64 with B frames and a keyframe every 20, and a second track of sound."""
    path = tmp_path_factory.mktemp("clips") / "small.mp4"
    pictures = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=24:duration=2,format=yuv420p")
    sound = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2")
    ffmpeg(*pictures, *sound, "-c:v", "libx264", "-bf", "2", "-g", "20", "-c:a", "aac", path)
    return path


@pytest.fixture(scope="session")
def undisturbed(small_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The hybrid file of that clip, made in this process."""
    path = tmp_path_factory.mktemp("undisturbed") / "small.mkv"
    ffhybrid.encode(small_clip, path, options=OPTIONS, engine="local:1")
    assert [entry.name for entry in path.parent.iterdir()] == ["small.mkv"]
    return path.read_bytes()


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Address of a scheduler with one worker, a process whose torch takes one thread."""
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed (extra farm)")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=40
    ) as running:
        yield running.scheduler_address.replace("tcp://", "dask://")
