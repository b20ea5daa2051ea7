"""LPIPS (Zhang et al., 2018) on AlexNet's or VGG16's features, without importing torchvision.

The pixels' likeness that MSE misses: distances between unit-length activations of five layers, weighted by channel.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from ffhybrid.filters.backbones import AlexNet, Vgg16
from ffhybrid.filters.perceptual_weights import Convolutions, find_lpips_weights, missing_weights


class Lpips(nn.Module):
    """LPIPS distance of two RGB pictures in 0 to 1, (batch, 3, rows, columns); gives (batch,)."""

    def __init__(self, convolutions: Convolutions, linear: list[Tensor]) -> None:
        super().__init__()
        self._network = (AlexNet if convolutions.network == "alex" else Vgg16)(convolutions)
        self._layers = len(linear)
        for layer, weight in enumerate(linear):
            self.register_buffer(f"linear{layer}", weight.float().view(1, -1, 1, 1))

    @property
    def device(self) -> torch.device:
        """Where it works."""
        return self.get_buffer("linear0").device

    def features(self, rgb: Tensor) -> list[Tensor]:
        """Activations of the five layers as the network has them."""
        return self._network.activations(rgb)

    def activations(self, rgb: Tensor) -> list[Tensor]:
        """Unit-length activations of the five layers."""
        return unit_length(self.features(rgb))

    def distance(self, ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
        """Distance of activations, (batch,)."""
        total = torch.zeros(ours[0].shape[0], device=ours[0].device)
        for differences in self.maps(ours, theirs):
            total = total + differences.mean((1, 2, 3))
        return total

    def maps(self, ours: list[Tensor], theirs: list[Tensor]) -> list[Tensor]:
        """Distance at every position of every layer, (batch, 1, rows, columns); means of layers add up to LPIPS."""
        return [
            ((a - b).square() * self.get_buffer(f"linear{layer}")).sum(1, keepdim=True)
            for layer, (a, b) in enumerate(zip(ours, theirs, strict=True))
        ]

    def forward(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """Distance of two batches."""
        return self.distance(self.activations(ours), self.activations(theirs))


def unit_length(features: list[Tensor]) -> list[Tensor]:
    """Divide features by their length over channels, as LPIPS compares them."""
    return [x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) for x in features]


def load_lpips(path: Path | None, device: torch.device) -> Lpips:
    """Load LPIPS on AlexNet, once.

    Args:
        path: of AlexNet's weights where the user names them.
        device: for the weights.

    Raises:
        ModelError: they are not on this machine; the message says the command that brings them.
    """
    found = lpips_on(device, path=path)
    if found is None:
        raise missing_weights("lpips")
    return found


@cache
def lpips_on(device: torch.device, *, network: str = "alex", path: Path | None = None) -> Lpips | None:
    """Load LPIPS on "alex" or "vgg", once; None where its weights are not on this machine."""
    weights = find_lpips_weights(path, network=network)
    return Lpips(*weights).to(device).eval() if weights else None
