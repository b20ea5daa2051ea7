"""Loading models: of the right class, complete, in single precision, and named by a digest of what was loaded."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ffhybrid.core.extras import check_installed
from ffhybrid.errors import ModelError, UsageError
from ffhybrid.filters.models import checkpoints
from ffhybrid.filters.models.checkpoints import Checkpoint

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

DIGEST_SIZE = 8
"""Bytes of the SHA-256 that a latent keeps."""
_MODELS_KEPT = 2
_LOADING = threading.Lock()

Assemble: TypeAlias = "Callable[[Path, str], Any]"
"""Makes the network of a file or folder and the class that it is taken for."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A network on its device, its class, and the first bytes of the SHA-256 of its weights."""

    network: Any
    architecture: str
    digest: bytes
    device: torch.device

    @classmethod
    def of(cls, network: Any, architecture: str, device: torch.device) -> Model:
        """Make a network ready to be used, in single precision."""
        network = network.float().eval().requires_grad_(False)
        return cls(network.to(device), architecture, _digest(network), device)

    def in_double(self) -> Model:
        """Copy it to double precision."""
        from ffhybrid.filters.determinism import naming_lack_of_memory

        with naming_lack_of_memory():
            return replace(self, network=copy.deepcopy(self.network).double())


def load_component(path: Path, architecture: str) -> Any:
    """Load one network of diffusers from a file or folder.

    Raises:
        ModelError: it is damaged, or of another class.
    """
    import diffusers

    kind = getattr(diffusers, architecture)
    try:
        return _from_file(kind, path) if path.is_file() else _from_folder(kind, path)
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, json.JSONDecodeError) as error:
        raise ModelError(f"{path} does not load as {architecture}: {' '.join(str(error).split())}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """Where a generator gets its model from.

    Args:
        architectures: classes of diffusers that it takes; their order is part of the format.
        component: subfolder of such a model in repositories of whole pipelines.
        reference: what the user names, None to look through ``FFHYBRID_MODELS``.
        device: name for :func:`~ffhybrid.filters.devices.device_of`.
        hub: whether the hub may be asked.
        beside: other subfolders of the pipeline that the network is assembled from; single files do not do then.
        assemble: makes the network.
    """

    architectures: tuple[str, ...]
    component: str
    reference: str | None
    device: str
    hub: bool
    beside: tuple[str, ...] = ()
    assemble: Assemble = load_component

    def named(self) -> Model:
        """Load the model that the user names.

        Raises:
            UsageError: none is named, or torch or diffusers are not installed.
            ModelError: it is not there, is damaged, or of another class.
        """
        if self.reference is None:
            raise UsageError(f"this generator needs a model of class {self._classes}: give -model")
        return self._load(self._checked(self._find(self.reference)))

    def recorded(self, architecture: str, digest: bytes) -> Model:
        """Load the model that a latent was made with: the named one if any, else from ``FFHYBRID_MODELS``.

        Raises:
            UsageError: torch or diffusers are not installed.
            ModelError: it is not there, or not the same.
        """
        wanted = f"an {architecture} whose SHA-256 begins with {digest.hex()}"
        if self.reference is not None:
            model = self._load(self._checked(self._find(self.reference)))
            if (model.architecture, model.digest) != (architecture, digest):
                theirs = f"an {model.architecture} whose SHA-256 begins with {model.digest.hex()}"
                raise ModelError(f"the keyframe was made with {wanted}, {self.reference} is {theirs}")
            return model
        for checkpoint in checkpoints.installed(self.component):
            if checkpoint.architecture not in (architecture, None) or (self.beside and checkpoint.path.is_file()):
                continue
            try:
                model = self._load(checkpoint, architecture)
            except ModelError as error:
                logger.warning("%s; looking further", error)
                continue
            if model.digest == digest:
                return model
        raise ModelError(f"the keyframe needs {wanted}: give it by -model, or put it below {checkpoints.ENVIRONMENT}")

    @property
    def _classes(self) -> str:
        return " or ".join(self.architectures)

    @property
    def _folders(self) -> str:
        return ", ".join(f"{name}/" for name in (self.component, *self.beside))

    def _find(self, reference: str) -> Checkpoint:
        return checkpoints.find(reference, component=self.component, hub=self.hub, beside=self.beside)

    def _checked(self, checkpoint: Checkpoint) -> Checkpoint:
        if checkpoint.architecture is not None and checkpoint.architecture not in self.architectures:
            raise ModelError(f"{checkpoint.path} is of class {checkpoint.architecture}, not {self._classes}")
        if self.beside and checkpoint.path.is_file():
            raise ModelError(f"{checkpoint.path} is one file; this generator needs a folder of {self._folders}")
        return checkpoint

    def _load(self, checkpoint: Checkpoint, architecture: str | None = None) -> Model:
        name = checkpoint.architecture or architecture or self.architectures[0]
        with _LOADING:
            return _loaded(checkpoint.path, name, self.device, self.assemble, checkpoint.stamp(self.beside))


@lru_cache(maxsize=_MODELS_KEPT)
def _loaded(
    path: Path,
    architecture: str,
    device: str,
    assemble: Assemble,
    stamp: tuple[object, ...],  # noqa: ARG001 - the key
) -> Model:
    for package in ("torch", "diffusers"):
        check_installed(package, what="a model", extra="diffusers")
    network = assemble(path, architecture)
    from ffhybrid.filters.determinism import naming_lack_of_memory
    from ffhybrid.filters.devices import device_of

    with naming_lack_of_memory():
        model = Model.of(network, architecture, device_of(device))
    logger.debug("%s: %s, SHA-256 begins with %s", path, architecture, model.digest.hex())
    return model


def _from_folder(kind: Any, folder: Path) -> Any:
    network, info = kind.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False, output_loading_info=True
    )
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info[problem]:
            raise ValueError(f"{len(info[problem])} weights are {problem.removesuffix('_keys')}")
    return network


def _from_file(kind: Any, path: Path) -> Any:
    from safetensors.torch import load_file

    network = kind()
    network.load_state_dict(load_file(path))
    return network


def _digest(network: Any) -> bytes:
    """Hash names, shapes and little-endian single-precision values, whatever files they came from.

    A checkpoint in half precision and the same one saved in single precision are the same model.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {'x'.join(map(str, tensor.shape))}\n".encode())
        digest.update(tensor.contiguous().cpu().numpy().astype("<f4").tobytes())
    return digest.digest()[:DIGEST_SIZE]
