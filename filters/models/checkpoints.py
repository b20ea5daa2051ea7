"""Checkpoints on this machine: a path, a name under ``FFHYBRID_MODELS``, or the cache of the Hugging Face hub.

Nothing is fetched from anywhere unless that is asked for, and nothing but JSON and safetensors is ever read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ffhybrid.core.extras import naming_extra
from ffhybrid.errors import ModelError

ENVIRONMENT = "FFHYBRID_MODELS"
CONFIG = "config.json"
SUFFIX = ".safetensors"
WEIGHTS = "diffusion_pytorch_model"
MAX_CONFIG = 1 << 20
"""Bytes of a configuration that is read."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder of diffusers' layout, or one safetensors file whose model has the default configuration of its class.

    ``architecture`` is the class that the configuration names, None for a file without one.
    """

    path: Path
    architecture: str | None

    def stamp(self, beside: tuple[str, ...] = ()) -> tuple[tuple[str, int, int], ...]:
        """Give names, sizes and times of its files and of those in folders ``beside`` it: what changes when they do."""
        folders = [folder for name in beside if (folder := self.path.parent / name).is_dir()]
        files = [self.path] if self.path.is_file() else sorted(self.path.iterdir())
        files += [file for folder in folders for file in sorted(folder.iterdir())]
        return tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files)


def find(reference: str, *, component: str, hub: bool, beside: tuple[str, ...] = ()) -> Checkpoint:
    """Find the model that a user names.

    Args:
        reference: a folder, a safetensors file, a name below ``FFHYBRID_MODELS``, or a repository of the hub.
        component: subfolder that holds the model in a repository of a whole pipeline.
        hub: whether what is missing may be downloaded.
        beside: other subfolders of the pipeline to download.

    Raises:
        ModelError: there is none, or it is no checkpoint in safetensors.
    """
    folder = os.environ.get(ENVIRONMENT)
    places = [Path(reference), *([Path(folder) / reference] if folder else [])]
    for place in places:
        if place.exists():
            return opened(place, component)
    return opened(_from_hub(reference, (component, *beside), hub=hub), component)


def installed(component: str) -> Iterator[Checkpoint]:
    """List the models in the folder that ``FFHYBRID_MODELS`` names, at most two folders down."""
    folder = os.environ.get(ENVIRONMENT)
    if not folder:
        return
    root = Path(folder)
    if not root.is_dir():
        raise ModelError(f"{ENVIRONMENT} names {root}, which is no folder")
    for pattern in ("*", "*/*"):
        for place in sorted(root.glob(pattern)):
            is_single = place.suffix == SUFFIX and not (place.parent / CONFIG).is_file()
            if is_single or (place / CONFIG).is_file() or (place / component / CONFIG).is_file():
                yield opened(place, component)


def opened(place: Path, component: str) -> Checkpoint:
    """Look at a file or folder, or its subfolder ``component``.

    Raises:
        ModelError: it is no checkpoint in safetensors.
    """
    if place.is_file():
        if place.suffix != SUFFIX:
            raise ModelError(f"{place} is no {SUFFIX} file; other formats can hold code and are not read")
        return Checkpoint(place, None)
    folder = place if (place / CONFIG).is_file() else place / component
    if not (folder / CONFIG).is_file():
        raise ModelError(f"{place} is no model: it has no {CONFIG}")
    if not any(folder.glob(f"*{SUFFIX}")):
        raise ModelError(f"{folder} has no weights in {SUFFIX} files; other formats can hold code and are not read")
    name = read_config(folder / CONFIG).get("_class_name")
    return Checkpoint(folder, name if isinstance(name, str) else None)


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration.

    Raises:
        ModelError: it is too large, or no JSON object.
    """
    if path.stat().st_size > MAX_CONFIG:
        raise ModelError(f"{path} is too large for a configuration")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path} is no JSON object")
    return found


def _from_hub(reference: str, components: tuple[str, ...], *, hub: bool) -> Path:
    with naming_extra("a model", "diffusers"):
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    weights = f"{WEIGHTS}*{SUFFIX}*"
    try:
        return Path(
            snapshot_download(
                reference,
                local_files_only=not hub,
                allow_patterns=[CONFIG, weights, *(f"{c}/{name}" for c in components for name in ("*.json", weights))],
            )
        )
    except (HFValidationError, LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        where = "nor on the hub" if hub else "nor in the hub's cache, and -hub 1 is not given"
        raise ModelError(f"there is no model {reference!r}: it is no path, not below {ENVIRONMENT}, {where}") from error
