"""`ffhybrid train`: learns, resumes exactly where it was stopped, and leaves a model that keyframes are made with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import ffhybrid
from ffhybrid.cli import main
from ffhybrid.core.picture import Picture
from ffhybrid.errors import CorruptDataError, UsageError
from ffhybrid.filters.cadm.examples import Examples, _cut
from ffhybrid.filters.cadm.settings import Settings
from ffhybrid.filters.cadm.training import STATE, Training
from ffhybrid.restorer.generator_decode import GeneratorDecode
from ffhybrid.source.video import VideoSource
from ffhybrid.training import LOG
from support import clip

CPU = torch.device("cpu")
TINY = Settings(channels=(8, 16), reductions=(1,), side=32, batch=4, seed=5)
CLIP = "bikes.mp4"


@pytest.fixture(scope="module")
def examples() -> Examples:
    with VideoSource(clip("carphone_pristine.mp4")) as source:
        pictures: list[Picture] = [frame.picture for frame in source.frames(limit=2)]
    return Examples(pictures, reductions=(1,), side=32)


@pytest.mark.slow
def test_a_few_steps_lower_the_loss(tmp_path: Path) -> None:
    """Two pictures that have room for one part each, so that a small network can learn them."""
    with VideoSource(clip("carphone_pristine.mp4")) as source:
        whole = [frame.picture for frame in source.frames(limit=2)]
    few = Examples([_cut(picture, 40, 60, 44) for picture in whole], reductions=(1,), side=32)
    training = Training(tmp_path, TINY, CPU)
    losses = [training.step(few) for _ in range(200)]
    assert sum(losses[-30:]) < 0.75 * sum(losses[:30])


def test_a_stopped_training_goes_on_exactly(examples: Examples, tmp_path: Path) -> None:
    whole = Training(tmp_path / "whole", TINY, CPU)
    for _ in range(6):
        whole.step(examples)
    whole.save()
    first = Training(tmp_path / "parts", TINY, CPU)
    for _ in range(3):
        first.step(examples)
    first.save()
    second = Training(tmp_path / "parts", TINY, CPU)
    assert second.iteration == 3
    for _ in range(3):
        second.step(examples)
    second.save()
    ours, theirs = (load_file(tmp_path / name / STATE) for name in ("parts", "whole"))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_network_begins_at_bicubic(examples: Examples, tmp_path: Path) -> None:
    batch = examples.batch(2, torch.Generator().manual_seed(0))
    network = Training(tmp_path, TINY, CPU).network
    with torch.no_grad():
        made = network(torch.randn(2, 18, 16, 16), 999, class_labels=batch.labels).sample
    assert float(made.abs().max()) == 0.0
    assert batch.sources.shape == batch.conditions.shape == (2, 6, 16, 16)
    assert 1.0 < float((batch.sources - batch.conditions).std()) < 20.0


def test_what_cannot_be_gone_on_with_is_refused(examples: Examples, tmp_path: Path) -> None:
    training = Training(tmp_path, TINY, CPU)
    training.step(examples)
    training.save()
    with pytest.raises(UsageError, match='other settings: .*"seed": 5'):
        Training(tmp_path, Settings(channels=(8, 16), reductions=(1,), side=32, batch=4), CPU)
    (tmp_path / STATE).write_bytes((tmp_path / STATE).read_bytes()[:1000])
    with pytest.raises(CorruptDataError, match="is no state of a training"):
        Training(tmp_path, TINY, CPU)
    with pytest.raises(UsageError, match="multiples of 8"):
        Settings(channels=(12,))


def test_small_pictures_are_refused(examples: Examples) -> None:
    with VideoSource(clip("carphone_pristine.mp4")) as source:
        pictures = [frame.picture for frame in source.frames(limit=1)]
    with pytest.raises(UsageError, match="176x144 is too small to learn from: 152"):
        Examples(pictures, reductions=(1, 2), side=128)


def test_the_command_trains_a_model_for_keyframes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, folder = clip(CLIP), tmp_path / "model"
    command = ("train", "cadm", "-i", str(source), "-o", str(folder), "-device", "cpu", "-interval", "100")
    size = ("-width", "400", "-channels", "8,16", "-scale", "2")
    assert main([*command, *size, "-iterations", "1"]) == 0
    assert main([*command, *size, "-iterations", "2"]) == 0
    assert "bicubic" in capsys.readouterr().out
    lines = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 2]
    assert [(entry["scale"], entry["steps"]) for entry in lines[1]["quality"]] == [(2, 1), (2, 4)]
    assert lines[1]["quality"][0]["psnr"] == pytest.approx(lines[1]["quality"][0]["psnr_bicubic"], abs=1.0)
    options = ffhybrid.EncodeOptions(
        generator="cadm",
        fallback=False,
        generator_options={"model": str(folder), "device": "cpu", "scale": 4, "preset": "ultrafast", "tune": "psnr"},
        frames=3,
        x265=ffhybrid.X265Options(crf=40, preset="ultrafast"),
    )
    ffhybrid.encode(clip("carphone_pristine.mp4"), tmp_path / "hybrid.mkv", options=options)
    generator_decode = GeneratorDecode(model=str(folder), device="cpu")
    assert ffhybrid.verify(tmp_path / "hybrid.mkv", generator_decode=generator_decode).keyframes_verified == 1
    assert main([*command, *size, "-seed", "9"]) == UsageError.exit_code
