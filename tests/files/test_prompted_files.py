"""Hybrid files whose keyframes are prompts: through stock tools and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import ffhybrid
from ffhybrid.core.payload import Payload
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.promptus.codec import PromptBody
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.restorer.generator_decode import GeneratorDecode
from pretrained_models import saved_one_step
from support import clip, ffmpegs, run

FRAMES = 6
BUDGET = 400


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_one_step(tmp_path_factory.mktemp("models") / "turbo")


@pytest.fixture(scope="module")
def hybrid(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two GOPs of a real clip."""
    options = ffhybrid.EncodeOptions(
        generator="promptus",
        fallback=False,
        generator_options={
            "model": str(model),
            "device": "cpu",
            "preset": "superfast",
            "tune": "psnr",
            "scale": 4,
            "repair": True,
        },
        keyframe_budget=BUDGET,
        limits=ffhybrid.GopLimits(length=FRAMES, scene_threshold=0),
        frames=2 * FRAMES,
        x265=ffhybrid.X265Options(crf=35, preset="ultrafast"),
    )
    path = tmp_path_factory.mktemp("hybrid") / "hybrid.mkv"
    ffhybrid.encode(clip("carphone_pristine.mp4"), path, options=options, engine="local:1")
    return path


def test_encode_remux_restore_verify(hybrid: Path, model: Path, tmp_path: Path) -> None:
    generator_decode = GeneratorDecode(model=str(model), device="cpu")
    for name, binary in ffmpegs().items():
        remuxed = tmp_path / f"{name}.mkv"
        run(binary, "-v", "error", "-i", hybrid, "-map", "0", "-c", "copy", remuxed)
        assert ffhybrid.verify(remuxed, generator_decode=generator_decode).keyframes_verified == 2
        assert (
            ffhybrid.restore(remuxed, tmp_path / f"{name}.mp4", generator_decode=generator_decode).pictures
            == 2 * FRAMES
        )


def test_sizes_are_those_of_the_format(hybrid: Path) -> None:
    with HybridReader(hybrid) as reader:
        payloads = [Payload.from_bytes(gop.payload) for gop in reader.gops()]
    for info, payload in zip(ffhybrid.probe(hybrid).gops, payloads, strict=True):
        latent = ModelLatent.from_bytes(payload.latent)
        body = PromptBody.from_bytes(latent.body)
        bare = replace(latent, is_correctable=False, correction=b"")
        assert (info.generator, info.latent_bytes) == ("promptus", len(payload.latent))
        assert len(payload.latent) - info.correction_bytes == pytest.approx(BUDGET, rel=0.05)
        assert len(bare.to_bytes()) == 12 + 1 + len(body.to_bytes())


def test_another_model_is_named(hybrid: Path, tmp_path: Path) -> None:
    other = saved_one_step(tmp_path / "other", seed=1)
    with pytest.raises(ffhybrid.FFHybridError, match="GOP 0 .*UNet2DConditionModel whose SHA-256 begins with"):
        ffhybrid.verify(hybrid, generator_decode=GeneratorDecode(model=str(other), device="cpu"))
