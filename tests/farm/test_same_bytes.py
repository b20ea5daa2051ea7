"""Generators that fit give the same bytes from every engine, however many cores and threads there are."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import ffhybrid
from ffhybrid.encoder.gop_encoder import GopReport
from ffhybrid.farm.jobs import Job
from ffhybrid.farm.planning import plan
from ffhybrid.farm.running import run_job
from media import ffmpeg
from support import clip

DEFAULT = ffhybrid.EncodeOptions(
    generator_options={"preset": "veryfast"},
    budgets=1,
    limits=ffhybrid.GopLimits(length=8, scene_threshold=0),
    x265=ffhybrid.X265Options(crf=38, preset="ultrafast"),
)
"""The default generator, of whose strengths several are judged, and the default judge."""
OVERFIT = replace(
    DEFAULT,
    generator="overfit",
    generator_options={"preset": "ultrafast"},
    keyframe_budget=200,
    fallback=False,
    limits=ffhybrid.GopLimits(length=4, scene_threshold=0),
    frames=8,
    source=ffhybrid.SourceOptions(filters="scale=96:80"),
)


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 pictures of 160x130 of a person in a car, two GOPs."""
    path = tmp_path_factory.mktemp("clips") / "face.mp4"
    cut = ("-vf", "scale=160:130", "-frames:v", "16")
    ffmpeg("-i", clip("carphone_pristine.mp4"), *cut, "-an", "-c:v", "libx264", "-crf", "10", path)
    return path


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Torch as a process has it that nobody told how many threads to take, on two cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2, "the caller's settings are as they were"
    torch.set_num_threads(before)


def encoded(source: Path, output: Path, options: ffhybrid.EncodeOptions, engine: str) -> tuple[bytes, list[GopReport]]:
    """The file, and what was measured of its GOPs: to the last bit of a float, which bytes may depend on."""
    report = ffhybrid.encode(source, output, options=options, engine=engine)
    return output.read_bytes(), list(report.gops)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(
    "options", [pytest.param(DEFAULT, id="default"), pytest.param(OVERFIT, id="overfit", marks=pytest.mark.slow)]
)
def test_every_engine_gives_the_same_bytes(
    options: ffhybrid.EncodeOptions, face: Path, cluster: str, tmp_path: Path
) -> None:
    engines = {"one": "local:1", "two": "local:2", "dask": cluster}
    found = {name: encoded(face, tmp_path / f"{name}.mkv", options, engine) for name, engine in engines.items()}
    assert found["one"] == found["two"]
    assert found["one"] == found["dask"]
    if options is DEFAULT:
        assert [gop.lpips is None for gop in found["one"][1]] == [False, False]


@pytest.mark.slow
def test_cores_do_not_matter(face: Path, tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[1])])\n"
        "from pathlib import Path\n"
        "from ffhybrid.farm.jobs import Job\n"
        "from ffhybrid.farm.running import run_job\n"
        "print(run_job(Job.from_json(Path(sys.argv[2]).read_bytes())).report.sha256)"
    )
    job, *_ = plan(face, OVERFIT)
    (tmp_path / "job.json").write_bytes(job.to_json())
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}

    def on_cores(count: int) -> str:
        command = [sys.executable, "-P", "-c", program, str(count), str(tmp_path / "job.json")]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert on_cores(1) == on_cores(2)


def test_the_number_of_threads_is_part_of_the_job_and_of_what_ran_it(face: Path) -> None:
    options = replace(DEFAULT, fit_threads=2, frames=4)
    (job,) = plan(face, options)
    assert Job.from_json(job.to_json()).options.fit_threads == 2
    environment = run_job(job).report.environment
    assert environment.fit_threads == 2
    assert environment.device == "cpu"
    assert environment.versions["torch"] == torch.__version__
    assert environment.versions["ffhybrid"] == ffhybrid.__version__
    assert environment.processor
    assert environment.features == tuple(sorted(environment.features))
