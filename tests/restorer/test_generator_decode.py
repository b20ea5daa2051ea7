"""Hybrid files whose keyframes a model makes: through stock tools and back, and where arithmetic differs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import ffhybrid
from ffhybrid.core.payload import Payload
from ffhybrid.filters.models.checkpoints import ENVIRONMENT
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.restorer.generator_decode import GeneratorDecode, Strictness
from ffhybrid.restorer.splice import decode_keyframe
from pretrained_models import saved
from support import clip, ffhybrid_command, ffmpegs, hybrid_gops, run

FRAMES = 8


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved("AutoencoderTiny", tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def files(model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Two GOPs of a real clip, by whether a correction was asked for."""
    folder = tmp_path_factory.mktemp("hybrid")
    for repair in (False, True):
        options = ffhybrid.EncodeOptions(
            generator="vae",
            fallback=False,
            generator_options={"model": str(model), "device": "cpu", "preset": "ultrafast", "repair": repair},
            keyframe_budget=900,
            limits=ffhybrid.GopLimits(length=FRAMES, scene_threshold=0),
            frames=2 * FRAMES,
            x265=ffhybrid.X265Options(crf=35, preset="ultrafast"),
        )
        ffhybrid.encode(clip("carphone_pristine.mp4"), folder / f"{repair}.mkv", options=options, engine="local:1")
    return {repair: folder / f"{repair}.mkv" for repair in (False, True)}


@pytest.fixture
def other_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for another machine: its single precision is worse than this one's, as another order of sums is."""
    from ffhybrid.filters.models.autoencoder import Autoencoder

    decoded = Autoencoder.decoded

    def differently(self: Autoencoder, latents: torch.Tensor, *rest: object) -> torch.Tensor:
        made = decoded(self, latents, *rest)  # type: ignore[arg-type]
        if made.dtype == torch.float64:
            return made + 1e-10 * torch.sin(1e3 * made)
        return made + 0.02 * torch.sin(1e3 * made)

    monkeypatch.setattr(Autoencoder, "decoded", differently)


def generator_decode(model: Path, strict: Strictness = Strictness.NORMAL) -> GeneratorDecode:
    return GeneratorDecode(model=str(model), device="cpu", strict=strict)


@pytest.mark.parametrize(("generator", "architecture"), [("vqgan", "VQModel"), ("cadm", "UNet2DModel")])
def test_tokens_and_colours_go_the_same_way(generator: str, architecture: str, tmp_path: Path) -> None:
    model = saved(architecture, tmp_path / "model")
    options = ffhybrid.EncodeOptions(
        generator=generator,
        fallback=False,
        generator_options={"model": str(model), "device": "cpu", "scale": 2, "repair": True},
        keyframe_budget=400,
        frames=4,
        x265=ffhybrid.X265Options(crf=35, preset="ultrafast"),
    )
    ffhybrid.encode(clip("carphone_pristine.mp4"), tmp_path / "hybrid.mkv", options=options, engine="local:1")
    binary = next(iter(ffmpegs().values()))
    run(binary, "-v", "error", "-i", tmp_path / "hybrid.mkv", "-map", "0", "-c", "copy", tmp_path / "remuxed.mkv")
    assert ffhybrid.verify(tmp_path / "remuxed.mkv", generator_decode=generator_decode(model)).keyframes_verified == 1


@pytest.mark.parametrize("repair", [False, True])
def test_encode_remux_restore_verify(files: dict[bool, Path], model: Path, tmp_path: Path, repair: bool) -> None:
    for name, binary in ffmpegs().items():
        remuxed, restored = tmp_path / f"{name}.mkv", tmp_path / f"{name}.mp4"
        run(binary, "-v", "error", "-i", files[repair], "-map", "0", "-c", "copy", remuxed)
        assert ffhybrid.verify(remuxed, generator_decode=generator_decode(model)).keyframes_verified == 2
        report = ffhybrid.restore(remuxed, restored, generator_decode=generator_decode(model, Strictness.STRICT))
        assert report.pictures == 2 * FRAMES
        with ffhybrid.open(remuxed, generator_decode=generator_decode(model)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 2 * FRAMES


def test_sizes_are_those_of_the_format(files: dict[bool, Path]) -> None:
    for repair, path in files.items():
        for info, gop in zip(ffhybrid.probe(path).gops, hybrid_gops(path), strict=True):
            payload = Payload.from_bytes(gop.payload)
            latent = ModelLatent.from_bytes(payload.latent)
            assert info.latent_bytes == len(payload.latent)
            assert info.correction_bytes == len(latent.correction)
            assert latent.is_correctable is repair
            assert len(payload.latent) == 12 + 1 + len(latent.correction) + len(latent.body)
            assert len(latent.body) + 13 == pytest.approx(900, rel=0.05)


def test_a_folder_of_models_is_enough_to_restore(
    files: dict[bool, Path], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(model.parent))
    assert ffhybrid.restore(files[False], tmp_path / "restored.mkv").keyframes == 2


def test_other_arithmetic_is_corrected_and_said(
    files: dict[bool, Path], model: Path, other_arithmetic: None, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    assert ffhybrid.verify(files[True], generator_decode=generator_decode(model)).keyframes_verified == 2
    assert "off by 1 at most and" in caplog.text
    assert "corrected exactly" in caplog.text


@pytest.mark.parametrize(
    ("repair", "strict", "words"),
    [
        (False, Strictness.NORMAL, "is pinned, and this machine is not as the one that encoded .*-kf:repair"),
        (True, Strictness.STRICT, "does not match its MD5"),
    ],
)
def test_other_arithmetic_stops(
    files: dict[bool, Path], model: Path, other_arithmetic: None, repair: bool, strict: Strictness, words: str
) -> None:
    with pytest.raises(ffhybrid.VerificationError, match=f"GOP 0 at 0.000 s: .*{words}"):
        ffhybrid.verify(files[repair], generator_decode=generator_decode(model, strict))


def test_other_arithmetic_is_no_damage(
    files: dict[bool, Path], model: Path, other_arithmetic: None, tmp_path: Path
) -> None:
    with pytest.raises(ffhybrid.VerificationError, match="GOP 0 at 0.000 s: .*is pinned"):
        ffhybrid.restore(files[False], tmp_path / "restored.mkv", generator_decode=generator_decode(model))
    assert not list(tmp_path.iterdir())


def test_going_on_with_a_wrong_picture_is_asked_for_and_said(
    files: dict[bool, Path], model: Path, other_arithmetic: None, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    options = generator_decode(model, Strictness.EXPERIMENTAL)
    ffhybrid.restore(files[False], tmp_path / "wrong.mkv", generator_decode=options)
    assert caplog.text.count("nobody knows how far off") == 2
    gop = hybrid_gops(files[True])[0]
    assert decode_keyframe(gop, options)[1].same_samples(decode_keyframe(gop, generator_decode(model))[1])


def test_a_damaged_correction_never_passes(files: dict[bool, Path], model: Path, other_arithmetic: None) -> None:
    gop = hybrid_gops(files[True])[0]
    payload = Payload.from_bytes(gop.payload)
    latent = ModelLatent.from_bytes(payload.latent)
    damaged = replace(latent, correction=latent.correction + bytes([1, 0]))
    payload = replace(payload, latent=damaged.to_bytes())
    with pytest.raises(ffhybrid.VerificationError, match="nor its correction"):
        decode_keyframe(replace(gop, payload=payload.to_bytes()), generator_decode(model))


@pytest.mark.slow
def test_the_command_line_takes_a_model(model: Path, tmp_path: Path) -> None:
    hybrid = tmp_path / "hybrid.mkv"
    keyframes = (
        "-kf",
        "vae",
        "-model",
        model,
        "-device",
        "cpu",
        "-kf:preset",
        "ultrafast",
        "-b:kf",
        "500",
        "-kf:repair",
        "-kf:fallback",
        "0",
    )
    inter = ("-vf", "crop=96:80", "-frames:v", "4", "-preset", "ultrafast")
    result = ffhybrid_command("encode", "-i", clip("carphone_pristine.mp4"), *keyframes, *inter, "-of", "json", hybrid)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["gops"][0]["generator"] == "vae"
    assert ffhybrid_command("verify", "-model", model, "-strict", "strict", hybrid).returncode == 0
    missing = ffhybrid_command("restore", "-i", hybrid, tmp_path / "restored.mkv")
    assert missing.returncode == 10
    assert "give it by -model, or put it below FFHYBRID_MODELS" in missing.stderr
    assert missing.stderr.count("\n") == 1
    other = saved("AutoencoderTiny", tmp_path / "other", seed=1)
    assert ffhybrid_command("verify", "-model", other, hybrid).returncode == 10
    wrong = ffhybrid_command("verify", "-model", saved("UNet2DModel", tmp_path / "unet"), hybrid)
    assert wrong.returncode == 10
    assert "UNet2DModel, not AutoencoderTiny" in wrong.stderr
