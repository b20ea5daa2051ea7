"""FSRCNN (Dong et al., 2016): a small network that doubles both sides of a luma plane."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

LAYERS = 8
FACTOR = 2


class Fsrcnn(nn.Module):
    """Convolutions with PReLU between them, and a last one for the four phases of the doubled plane.

    Args:
        weights: ``f1`` to ``f8`` as TensorFlow lays them out, (rows, columns, inputs, outputs), biases ``b1`` to
            ``b8``, the last being one number, slopes ``alpha1`` to ``alpha7``.

    Raises:
        KeyError, ValueError: weights that are missing, too many, or do not fit each other.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        _check(weights)
        for name, weight in weights.items():
            value = weight.float().permute(3, 2, 0, 1) if name.startswith("f") else weight.float()
            self.register_buffer(name, value.contiguous())

    def forward(self, luma: Tensor) -> Tensor:
        """Double planes, (batch, 1, rows, columns), samples of 0 to 1."""
        x = luma
        for layer in range(1, LAYERS + 1):
            kernel = self.get_buffer(f"f{layer}")
            bias = self.get_buffer(f"b{layer}").expand(kernel.shape[0])
            x = F.conv2d(x, kernel, bias, padding=kernel.shape[-1] // 2)
            if layer < LAYERS:
                x = F.prelu(x, self.get_buffer(f"alpha{layer}"))
        return F.pixel_shuffle(x, FACTOR)


def bicubic(planes: Tensor) -> Tensor:
    """Double planes, (batch, any, rows, columns), without a network."""
    return F.interpolate(planes, scale_factor=FACTOR, mode="bicubic", align_corners=False)


def _check(weights: Mapping[str, Tensor]) -> None:
    names = {f"{kind}{layer}" for layer in range(1, LAYERS + 1) for kind in "fb"}
    names |= {f"alpha{layer}" for layer in range(1, LAYERS)}
    if set(weights) != names:
        raise KeyError(f"the weights of FSRCNN are {', '.join(sorted(names))}")
    channels = 1
    for layer in range(1, LAYERS + 1):
        kernel = weights[f"f{layer}"]
        if kernel.dim() != 4 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
            raise ValueError(f"the kernel f{layer} of FSRCNN is not square and odd")
        if kernel.shape[2] != channels:
            raise ValueError(f"the kernel f{layer} of FSRCNN does not follow the one before")
        channels = kernel.shape[3]
        length = channels if layer < LAYERS else 1
        if any(weights[name].shape != (length,) for name in (f"b{layer}", f"alpha{layer}") if name in weights):
            raise ValueError(f"layer {layer} of FSRCNN has a bias or slope of another size")
    if channels != FACTOR**2:
        raise ValueError(f"FSRCNN gives {channels} phases, not {FACTOR**2}")
