"""Models: found where they should be, refused in one sentence where they are not what they should be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ffhybrid.errors import ModelError, OutOfMemoryError, UsageError
from ffhybrid.filters.determinism import deterministic
from ffhybrid.filters.models.checkpoints import ENVIRONMENT
from ffhybrid.filters.models.loading import Model, ModelSource
from pretrained_models import saved

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return saved("AutoencoderTiny", tmp_path / "models" / "tiny")


def source(reference: str | Path | None) -> ModelSource:
    return ModelSource(
        architectures=("AutoencoderTiny", "AutoencoderKL"),
        component="vae",
        reference=None if reference is None else str(reference),
        device="cpu",
        hub=False,
    )


def test_a_model_is_found_by_path_by_name_and_by_digest(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = source(tiny).named()
    monkeypatch.setenv(ENVIRONMENT, str(tiny.parent))
    assert source("tiny").named().digest == model.digest
    assert source(None).recorded("AutoencoderTiny", model.digest).digest == model.digest
    assert next(model.network.parameters()).dtype == torch.float32


def test_a_pipeline_is_searched_for_its_component(tmp_path: Path) -> None:
    saved("AutoencoderKL", tmp_path / "pipeline" / "vae")
    assert source(tmp_path / "pipeline").named().architecture == "AutoencoderKL"


def test_the_digest_is_of_weights_not_of_files(tiny: Path, tmp_path: Path) -> None:
    digest = source(tiny).named().digest
    half = tmp_path / "half"
    half.mkdir()
    (half / "config.json").write_bytes((tiny / "config.json").read_bytes())
    tensors = {name: tensor.half().float() for name, tensor in load_file(tiny / WEIGHTS).items()}
    save_file(tensors, half / WEIGHTS, metadata={"format": "pt", "note": "other bytes"})
    in_single = source(half).named().digest
    save_file({name: tensor.half() for name, tensor in tensors.items()}, half / WEIGHTS, metadata={"format": "pt"})
    assert source(half).named().digest == in_single != digest


def refusal(source: ModelSource) -> str:
    with pytest.raises((ModelError, UsageError)) as caught:
        source.named()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_what_cannot_be_used_is_refused_in_one_sentence(tiny: Path, tmp_path: Path) -> None:
    assert "give -model" in refusal(source(None))
    assert "hub's cache" in refusal(source("nobody/nothing"))
    assert "no path" in refusal(source(tmp_path / "missing"))
    assert "UNet2DModel, not AutoencoderTiny or AutoencoderKL" in refusal(source(saved("UNet2DModel", tmp_path / "u")))
    (tmp_path / "empty").mkdir()
    assert "no config.json" in refusal(source(tmp_path / "empty"))


def test_damaged_and_incomplete_checkpoints_are_refused(tiny: Path) -> None:
    tensors = load_file(tiny / WEIGHTS)
    tensors.popitem()
    save_file(tensors, tiny / WEIGHTS, metadata={"format": "pt"})
    assert "missing" in refusal(source(tiny))
    (tiny / WEIGHTS).write_bytes(b"nothing of this kind")
    assert "does not load" in refusal(source(tiny))
    (tiny / WEIGHTS).rename(tiny / "diffusion_pytorch_model.bin")
    assert "can hold code" in refusal(source(tiny))
    (tiny / "config.json").write_text("{")
    (tiny / "diffusion_pytorch_model.bin").rename(tiny / WEIGHTS)
    assert "no JSON" in refusal(source(tiny))


def test_another_model_than_the_recorded_one_is_named(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = source(tiny).named().digest
    other = saved("AutoencoderTiny", tmp_path / "other", seed=1)
    with pytest.raises(ModelError, match=f"{digest.hex()}.* is an AutoencoderTiny whose SHA-256 begins with"):
        source(other).recorded("AutoencoderTiny", digest)
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    with pytest.raises(ModelError, match=f"{digest.hex()}: give it by -model"):
        source(None).recorded("AutoencoderTiny", digest)
    monkeypatch.setenv(ENVIRONMENT, str(tiny.parent))
    with pytest.raises(ModelError, match="0000000000000000: give it by -model"):
        source(None).recorded("AutoencoderTiny", bytes(8))


def test_a_single_file_has_the_default_configuration(tmp_path: Path) -> None:
    import diffusers

    path = tmp_path / "taesd.safetensors"
    save_file(diffusers.AutoencoderTiny().state_dict(), path)
    assert source(path).named().architecture == "AutoencoderTiny"


def test_too_little_memory_is_one_sentence() -> None:
    with pytest.raises(OutOfMemoryError, match="too little memory"), deterministic():
        torch.empty(1 << 50)


def test_a_model_that_finds_no_room_in_double_precision_is_one_sentence() -> None:
    class Huge(torch.nn.Module):
        def double(self) -> Huge:
            torch.empty(1 << 50)
            return self

    with pytest.raises(OutOfMemoryError, match="too little memory for this model"):
        Model(Huge(), "Huge", b"", torch.device("cpu")).in_double()


def test_settings_of_torch_are_as_before_afterwards() -> None:
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.allow_tf32
    with deterministic():
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cudnn.allow_tf32
    assert (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.allow_tf32) == before


def test_other_generators_never_import_diffusers(track_file: Path, tmp_path: Path) -> None:
    code = (
        "import sys, json; from ffhybrid.cli import main; "
        f"codes = [main(['probe', {str(track_file)!r}]), main(['restore', '-i', {str(track_file)!r}, '-an', "
        f"{str(tmp_path / 'restored.mkv')!r}])]; "
        "print(json.dumps([codes, [m for m in ('torch', 'diffusers', 'huggingface_hub') if m in sys.modules]]))"
    )
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(result.stdout.splitlines()[-1]) == [[0, 0], []]
