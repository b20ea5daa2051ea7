"""What a plain ``pip install ffhybrid`` can do: everything but encoding, where the error says what to install."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ffhybrid.errors import UsageError
from support import clip, ffhybrid_command

FILES = Path(__file__).parents[1] / "corpora" / "file"
BY_EXTRAS = (
    "diffusers",
    "distributed",
    "huggingface_hub",
    "imageio_ffmpeg",
    "jinja2",
    "matplotlib",
    "safetensors",
    "torch",
)


@pytest.fixture(autouse=True)
def plain_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes that are started meanwhile find nothing of what extras bring."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({BY_EXTRAS}))\n")
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)


@pytest.mark.parametrize("name", ["track.mkv", "inband.mp4"])
def test_files_are_probed_restored_and_verified(name: str, tmp_path: Path) -> None:
    assert "thumbnail" in ffhybrid_command("probe", FILES / name, check=True).stdout
    assert "damaged=0" in ffhybrid_command("restore", "-i", FILES / name, tmp_path / "restored.mkv", check=True).stdout
    assert "keyframes_verified=2" in ffhybrid_command("verify", FILES / name, check=True).stdout


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("encode -i CLIP OUT", "encoding with generator enhance takes torch: pip install 'ffhybrid[encode]'"),
        ("encode -kf vae -i CLIP OUT", "encoding with generator vae takes torch: pip install 'ffhybrid[diffusers]'"),
        ("train cadm -i CLIP -o OUT", "training takes torch: pip install 'ffhybrid[diffusers]'"),
        ("compare -b:v 50k -i CLIP -o OUT", "comparing takes imageio_ffmpeg: pip install 'ffhybrid[report]'"),
    ],
)
def test_what_is_missing_is_named_in_one_sentence(command: str, wanted: str, tmp_path: Path) -> None:
    paths = {"CLIP": clip("carphone_pristine.mp4"), "OUT": tmp_path / "out.mkv"}
    done = ffhybrid_command(*(paths.get(word, word) for word in command.split()))
    assert done.stderr == f"ffhybrid: {wanted}\n"
    assert (done.returncode, done.stdout) == (UsageError.exit_code, "")
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
