"""LPIPS (Zhang et al., 2018) on AlexNet features, without importing torchvision.

The pixels' likeness that MSE misses: distances between unit-length activations of five layers, weighted by channel.
"""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from ffhybrid.filters.lpips_weights import HOW_TO_GET, find_lpips_weights

logger = logging.getLogger(__name__)

LAYERS = (("0", 4, 2), ("3", 1, 2), ("6", 1, 1), ("8", 1, 1), ("10", 1, 1))
"""Index in torchvision's ``AlexNet.features``, stride, padding."""
WITHOUT = "keyframes keep less texture and detail"
POOLED_BEFORE = {"3", "6"}
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)


class Lpips(nn.Module):
    """LPIPS distance of two RGB pictures in 0 to 1, (batch, 3, rows, columns); gives (batch,)."""

    def __init__(self, features: dict[str, Tensor], linear: list[Tensor]) -> None:
        super().__init__()
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1))
        for name, _, _ in LAYERS:
            self.register_buffer(f"weight{name}", features[f"features.{name}.weight"].float())
            self.register_buffer(f"bias{name}", features[f"features.{name}.bias"].float())
        for name, weight in zip((layer[0] for layer in LAYERS), linear, strict=True):
            self.register_buffer(f"linear{name}", weight.float().view(1, -1, 1, 1))

    def activations(self, rgb: Tensor) -> list[Tensor]:
        """Unit-length activations of the five layers."""
        x = (2 * rgb - 1 - self.get_buffer("shift")) / self.get_buffer("scale")
        found = []
        for name, stride, padding in LAYERS:
            if name in POOLED_BEFORE:
                x = F.max_pool2d(x, 3, 2)
            x = F.relu(F.conv2d(x, self.get_buffer(f"weight{name}"), self.get_buffer(f"bias{name}"), stride, padding))
            found.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return found

    def distance(self, ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
        """Distance of activations, (batch,)."""
        total = torch.zeros(ours[0].shape[0], device=ours[0].device)
        for (name, _, _), a, b in zip(LAYERS, ours, theirs, strict=True):
            weighted = (a - b).square() * self.get_buffer(f"linear{name}")
            total = total + weighted.sum(1).mean((1, 2))
        return total

    def forward(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """Distance of two batches."""
        return self.distance(self.activations(ours), self.activations(theirs))


def load_lpips(path: Path | None, device: torch.device, *, without: str = WITHOUT) -> Lpips | None:
    """Load the weights that are on this machine, once; where there are none, warn once of what happens without them.

    Args:
        path: of AlexNet's weights where the user names them.
        device: for the weights.
        without: what happens then, the end of a sentence.
    """
    found = _loaded(path, device)
    if found is None:
        _warn(without)
    return found


@cache
def _loaded(path: Path | None, device: torch.device) -> Lpips | None:
    weights = find_lpips_weights(path)
    return Lpips(*weights).to(device).eval() if weights else None


@cache
def _warn(without: str) -> None:
    logger.warning("without LPIPS weights %s; to get them: %s", without, HOW_TO_GET)
