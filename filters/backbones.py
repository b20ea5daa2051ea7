"""AlexNet and VGG16 without their classifiers: the activations that LPIPS, DISTS and losses of features compare."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from ffhybrid.filters.perceptual_weights import Convolutions

SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
"""Of RGB in -1 to 1: ImageNet's mean and deviation, as LPIPS writes them."""

Pool = Callable[[Tensor], Tensor]
"""Halves both sides of activations."""


class Backbone(nn.Module):
    """Convolutions by number, as buffers: they are never trained."""

    def __init__(self, convolutions: Convolutions) -> None:
        super().__init__()
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1))
        for number, (weight, bias) in enumerate(convolutions.layers):
            self.register_buffer(f"weight{number}", weight.float())
            self.register_buffer(f"bias{number}", bias.float())

    def activations(self, rgb: Tensor) -> list[Tensor]:
        """Activations of five layers for RGB in 0 to 1, (batch, 3, rows, columns)."""
        raise NotImplementedError

    def _normalised(self, rgb: Tensor) -> Tensor:
        return (2 * rgb - 1 - self.get_buffer("shift")) / self.get_buffer("scale")

    def _convolve(self, x: Tensor, number: int, stride: int, padding: int) -> Tensor:
        weight, bias = self.get_buffer(f"weight{number}"), self.get_buffer(f"bias{number}")
        return F.relu(F.conv2d(x, weight, bias, stride, padding))


class AlexNet(Backbone):
    """AlexNet (Krizhevsky, 2014), five convolutions: sides of 64 samples at least."""

    LAYERS = ((4, 2, False), (1, 2, True), (1, 1, True), (1, 1, False), (1, 1, False))
    """Stride, padding, and whether a pooling goes before."""

    def activations(self, rgb: Tensor) -> list[Tensor]:
        """Activations of every convolution."""
        x = self._normalised(rgb)
        found = []
        for number, (stride, padding, pooled) in enumerate(self.LAYERS):
            if pooled:
                x = F.max_pool2d(x, 3, 2)
            x = self._convolve(x, number, stride, padding)
            found.append(x)
        return found


def max_pool(x: Tensor) -> Tensor:
    """VGG16's own pooling."""
    return F.max_pool2d(x, 2, 2)


def l2_pool(x: Tensor) -> Tensor:
    """Root of the weighted mean square of 3x3 (Henaff and Simoncelli, 2016), which DISTS has in place of maxima."""
    window = x.new_tensor((0.25, 0.5, 0.25))
    kernel = torch.outer(window, window).expand(x.shape[1], 1, 3, 3)
    return (F.conv2d(x.square(), kernel, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()


class Vgg16(Backbone):
    """VGG16 (Simonyan and Zisserman, 2014), thirteen convolutions in five stages: sides of 16 samples at least."""

    STAGES = (2, 2, 3, 3, 3)

    def __init__(self, convolutions: Convolutions, pool: Pool = max_pool) -> None:
        super().__init__(convolutions)
        self._pool = pool

    def activations(self, rgb: Tensor) -> list[Tensor]:
        """Activations of the last convolution of every stage."""
        x = self._normalised(rgb)
        found = []
        number = 0
        for stage, convolutions in enumerate(self.STAGES):
            if stage:
                x = self._pool(x)
            for _ in range(convolutions):
                x = self._convolve(x, number, 1, 1)
                number += 1
            found.append(x)
        return found
