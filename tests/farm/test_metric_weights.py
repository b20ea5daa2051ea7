"""What GOPs are judged by is part of the job: its key, its file, and an error where it is missing or another."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import av
import pytest
import torch

import ffhybrid
from ffhybrid.encoder.modes import encoder_for
from ffhybrid.errors import ModelError
from ffhybrid.farm.planning import plan
from ffhybrid.farm.running import run_job
from ffhybrid.filters.perceptual_weights import find_lpips_weights, weights_digest
from media import PICTURES, ffmpeg

OPTIONS = ffhybrid.EncodeOptions(
    generator_options={"preset": "ultrafast"},
    budgets=1,
    limits=ffhybrid.GopLimits(length=6, scene_threshold=0),
    x265=ffhybrid.X265Options(crf=40, preset="ultrafast"),
    frames=6,
)
UNJUDGED = replace(OPTIONS, fallback=False)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of 96x64: the smallest that LPIPS can see."""
    path = tmp_path_factory.mktemp("sources") / "source.mkv"
    ffmpeg(*PICTURES, "-vf", "scale=96:64", "-frames:v", "6", "-c:v", "ffv1", path)
    return path


def tags(path: Path) -> dict[str, str]:
    with av.open(path) as container:
        return dict(container.metadata)


def other_alexnet(folder: Path) -> Path:
    """AlexNet with one bias that is another, as torchvision keeps it."""
    found = find_lpips_weights()
    assert found is not None
    layers = zip((0, 3, 6, 8, 10), found[0].layers, strict=True)
    tensors = {
        f"features.{index}.{name}": value.clone()
        for index, layer in layers
        for name, value in zip(("weight", "bias"), layer, strict=True)
    }
    tensors["features.0.bias"][0] += 0.5
    torch.save(tensors, folder / "alexnet.pth")
    return folder / "alexnet.pth"


@pytest.mark.usefixtures("without_weights")
def test_missing_weights_are_an_error_with_the_command_that_brings_them(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    with pytest.raises(ModelError, match=r"lpips takes weights that are not on this machine: ffhybrid fetch-weights$"):
        ffhybrid.encode(source, output, options=OPTIONS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("without_weights")
@pytest.mark.parametrize(
    "options",
    [
        replace(OPTIONS, generator_options={"preset": "ultrafast", "tune": "psnr"}),
        UNJUDGED,
        replace(OPTIONS, source=ffhybrid.SourceOptions(filters="scale=80:48")),
    ],
    ids=["squared errors", "nothing is judged", "pictures that LPIPS cannot see"],
)
def test_settings_that_look_at_no_network_need_no_weights(
    options: ffhybrid.EncodeOptions, source: Path, tmp_path: Path
) -> None:
    ffhybrid.encode(source, tmp_path / "out.mkv", options=options, engine="local:1")
    assert "FFHYBRID_METRICS" not in tags(tmp_path / "out.mkv")


@pytest.mark.usefixtures("without_weights")
@pytest.mark.parametrize(
    "options",
    [
        replace(UNJUDGED, generator_options={"preset": "veryfast"}),
        replace(UNJUDGED, generator="overfit"),
        replace(UNJUDGED, refinements=1),
        replace(OPTIONS, generator="thumbnail", generator_options={}),
    ],
    ids=["strengths are chosen", "a fit", "a refinement", "a judge"],
)
def test_whatever_looks_at_a_network_needs_it(options: ffhybrid.EncodeOptions, source: Path) -> None:
    with pytest.raises(ModelError, match="fetch-weights"):
        next(plan(source, options))


def test_the_digest_of_weights_is_in_jobs_and_in_the_file(source: Path, tmp_path: Path) -> None:
    (job,) = plan(source, OPTIONS)
    assert dict(job.weights) == {"lpips": weights_digest("lpips")}
    ffhybrid.encode(source, tmp_path / "out.mkv", options=OPTIONS, engine="local:1")
    assert tags(tmp_path / "out.mkv")["FFHYBRID_METRICS"] == f"lpips={weights_digest('lpips')}"
    assert re.fullmatch("[0-9a-f]{64}", job.weights["lpips"])


def test_a_copy_of_the_file_keeps_the_digest_and_another_encode_does_not(source: Path, tmp_path: Path) -> None:
    hybrid, remuxed, again = (tmp_path / f"{name}.mkv" for name in ("hybrid", "remuxed", "again"))
    ffhybrid.encode(source, hybrid, options=replace(OPTIONS, carriage=ffhybrid.Carriage.INBAND), engine="local:1")
    ffhybrid.remux(hybrid, remuxed)
    assert tags(remuxed)["FFHYBRID_METRICS"] == tags(hybrid)["FFHYBRID_METRICS"]
    ffhybrid.encode(hybrid, again, options=UNJUDGED, engine="local:1")
    assert "FFHYBRID_METRICS" not in tags(again)


def test_other_weights_are_another_job(source: Path, tmp_path: Path) -> None:
    named = {**OPTIONS.generator_options, "lpips": other_alexnet(tmp_path)}
    (job,) = plan(source, OPTIONS)
    (other,) = plan(source, replace(OPTIONS, generator_options=named))
    assert other.weights != job.weights
    assert other.key != job.key
    forged = replace(job, weights=other.weights)
    with pytest.raises(ModelError, match="the job is for weights of lpips with the SHA-256 .* here it is"):
        run_job(forged)


def test_a_target_has_weights_of_its_own(source: Path) -> None:
    target = ffhybrid.QualityTarget("lpips", 0.2)
    options = replace(OPTIONS, generator_options={"tune": "psnr"}, target=target)
    (job,) = plan(source, options)
    assert set(job.weights) == {"lpips"}


def test_the_judge_works_where_the_device_says(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    options = replace(OPTIONS, generator_options={"preset": "veryfast", "device": "cpu"})
    report = ffhybrid.encode(source, tmp_path / "out.mkv", options=options, engine="local:1")
    assert report.gops[0].lpips is not None


def test_auto_is_decided_before_work_is_planned(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = plan(source, OPTIONS)
    assert job.options.generator_options["device"] == "cpu"
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    (on_gpu,) = plan(source, OPTIONS)
    assert on_gpu.options.generator_options["device"] == "cuda"
    assert on_gpu.key != job.key
    encoder_for(replace(OPTIONS, generator="thumbnail", generator_options={}))
