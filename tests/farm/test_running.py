"""A job decodes its own frames, whatever its container lets it seek, and notices when they are not those planned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from farm_clips import OPTIONS
from ffhybrid.errors import CorruptDataError, ModelError, UnsupportedError
from ffhybrid.farm import running
from ffhybrid.farm.jobs import Job
from ffhybrid.farm.planning import plan
from ffhybrid.farm.running import run_job
from ffhybrid.filters import create
from ffhybrid.source.video import VideoSource
from media import PICTURES, ffmpeg
from pretrained_models import saved

X264 = ("-c:v", "libx264", "-bf", "3", "-preset", "veryfast")
CONTAINERS = {
    "closed.mp4": (*X264, "-g", "10"),
    "open.mkv": (*X264, "-g", "10", "-x264-params", "open-gop=1"),
    "one-keyframe.mp4": (*X264, "-g", "1000"),
    "refresh.mkv": (*X264, "-g", "1000", "-x264-params", "intra-refresh=1"),
    "late.ts": (*X264, "-g", "10", "-output_ts_offset", "5"),
    "raw.h264": (*X264, "-g", "10"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-g", "10", "-bf", "2"),
}


@pytest.fixture(scope="module", params=CONTAINERS)
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of 25 pictures."""
    path = tmp_path_factory.mktemp("sources") / request.param
    ffmpeg(*PICTURES, *CONTAINERS[request.param], path)
    return path


def test_the_frames_of_every_job_are_those_that_were_planned(source: Path, tmp_path: Path) -> None:
    limits = replace(OPTIONS.limits, length=7)
    jobs = list(plan(source, replace(OPTIONS, limits=limits)))
    assert [len(job.range.pts) for job in jobs] == [7, 7, 7, 4]
    assert [job.range.first_frame for job in jobs] == [0, 7, 14, 21]
    with VideoSource(source) as video:
        pictures = [frame.picture for frame in video.frames()]
    for job in reversed(jobs):
        gop = running._spooled(job, tmp_path)
        assert gop.pts == job.range.pts
        first = job.range.first_frame
        assert all(gop.picture(i).same_samples(pictures[first + i]) for i in range(len(gop)))


def test_a_file_that_seeks_is_not_decoded_from_its_beginning(small_clip: Path, tmp_path: Path) -> None:
    *_, last = plan(small_clip, OPTIONS)
    assert running._decoded(last, tmp_path, running.LEADS[0]) is not None


@pytest.fixture
def job(small_clip: Path) -> Job:
    return next(iter(plan(small_clip, OPTIONS)))


def test_a_source_that_changed_is_named(job: Job, tmp_path: Path) -> None:
    other = tmp_path / "small.mp4"
    ffmpeg("-i", job.path, "-vf", "negate", "-c:v", "libx264", "-bf", "2", "-g", "20", other)
    with pytest.raises(CorruptDataError, match=r"small\.mp4: GOP 0 \(frames 0 to 11\): the source has other frames"):
        run_job(replace(job, path=str(other)))


def test_a_job_of_another_version_is_refused(job: Job) -> None:
    with pytest.raises(UnsupportedError, match=r"the job is for version 0\.0\.1"):
        run_job(replace(job, version="0.0.1"))


def test_a_job_for_another_model_is_refused(small_clip: Path, tmp_path: Path) -> None:
    model = str(saved("AutoencoderTiny", tmp_path / "tiny"))
    options = replace(OPTIONS, generator="vae", generator_options={"model": model}, frames=2)
    (job,) = plan(small_clip, options)
    assert job.model == create("vae", model=model).model_digest()  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match=f"SHA-256 begins with 00ff, here it is {job.model}"):
        run_job(replace(job, model="00ff"))


def test_a_job_gives_the_same_gop_again_and_leaves_no_frames_behind(job: Job, tmp_path: Path) -> None:
    first, second = (run_job(job, scratch=tmp_path) for _ in range(2))
    assert first.gop == second.gop
    assert first.report.sha256 == second.report.sha256
    assert not list(tmp_path.iterdir())


def test_a_native_idr_job_keeps_x265s_own_keyframe(job: Job) -> None:
    assert run_job(job).report.gop.generator == "thumbnail"
    native = run_job(replace(job, is_native_idr=True))
    assert native.report.gop.generator == "hevc"
    assert native.gop.parameter_sets == run_job(job).gop.parameter_sets
