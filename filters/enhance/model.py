"""The enhancement network in torch and floating point: what is trained, and what the integer decoder rounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from ffhybrid.filters.enhance.structure import (
    ACTIVATION_LIMIT,
    CONDITIONS,
    DETAIL_UNIT,
    DISTANCE_LIMIT,
    DISTANCE_UNIT,
    FILTERS,
    GAIN_SCALE,
    GAIN_UNIT,
    INPUT_UNIT,
    LAYERS,
    QP_MIDDLE,
    QP_UNIT,
    TEXTURE_SIDE,
    TEXTURES,
    TRUNK_BLOCKS,
    WEIGHT_LIMIT,
    Layer,
)

FIRST_GAIN = 0.15
"""Of every filter at every place before training, as an activation: statistics have no gradient by a gain of 0."""

WAY_BACK = 0.1


def conditions(*, qp: float, distance: int | None = None) -> list[float]:
    """Give what is known of a picture as the network has it.

    Args:
        qp: of its first slice.
        distance: of a P picture, how many pictures it is after the last generated one; None for an I picture.
    """
    away = min((distance or 0) / DISTANCE_UNIT, DISTANCE_LIMIT)
    return [(qp - QP_MIDDLE) / QP_UNIT, float(distance is not None), away]


@dataclass(frozen=True, slots=True, eq=False)
class Enhancement:
    """What the network gives, in samples of 8 bits.

    Attributes:
        detail: to be added to the base, (batch, 6, rows, columns) in 2x2 luma blocks.
        gains: standard deviations of the textures of luma, (batch, TEXTURES, rows / 2, columns / 2).
    """

    detail: Tensor
    gains: Tensor


class _Relu(torch.autograd.Function):
    """ReLU up to the limit of activations, whose zeros feel a part of a gradient that would raise them.

    So units that noise has silenced early in training, and gains that fell to 0, can come back.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(0, ACTIVATION_LIMIT)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,), (gradient,) = ctx.saved_tensors, gradients
        return torch.where(x > 0, gradient, WAY_BACK * gradient.clamp_max(0))


class _Convolution(nn.Module):
    """One layer, up to its clamping."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self._layer = layer
        self.weight = nn.Parameter(torch.empty(layer.shape))
        self.bias = nn.Parameter(torch.zeros(layer.outputs))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu" if layer.relu else "linear")
        if layer.conditioned:
            self.conditions = nn.Parameter(torch.zeros(layer.outputs, len(CONDITIONS)))

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        layer = self._layer
        if layer.unshuffled:
            x = F.pixel_unshuffle(x, 2)
        x = F.conv2d(x, self.weight, self.bias, padding=layer.kernel // 2)
        if layer.conditioned:
            x = x + F.linear(known, self.conditions)[..., None, None]
        return cast(Tensor, _Relu.apply(x)) if layer.relu else x  # type: ignore[no-untyped-call]


class Enhancer(nn.Module):
    """The network; parameters have the names of :mod:`ffhybrid.filters.enhance.structure`."""

    def __init__(self) -> None:
        super().__init__()
        self._layers = nn.ModuleDict({_attribute(layer.name): _Convolution(layer) for layer in LAYERS})
        self.filters = nn.Parameter(_first_filters())
        with torch.no_grad():
            for layer in LAYERS:
                self._named(layer.name).weight.mul_(_first_factor(layer))
            self._named("gain.second").bias.fill_(FIRST_GAIN)

    def _named(self, name: str) -> _Convolution:
        layer = self._layers[_attribute(name)]
        assert isinstance(layer, _Convolution)  # noqa: S101 - for the type checker: nothing else is put there
        return layer

    def named(self) -> dict[str, Tensor]:
        """All parameters by the names of the structure; filters are of mean 0 and norm 1."""
        found = {}
        for layer in LAYERS:
            for name, value in self._named(layer.name).named_parameters():
                found[f"{layer.name}.{name}"] = value
        return {**found, FILTERS: self.normalised_filters()}

    def load_named(self, values: dict[str, Tensor]) -> None:
        """Set all parameters."""
        with torch.no_grad():
            for name, value in self.named().items():
                (self.filters if name == FILTERS else value).copy_(values[name])

    def confine(self) -> None:
        """Scale outputs down whose weights have grown beyond what integer sums take."""
        with torch.no_grad():
            for layer in LAYERS:
                convolution = self._named(layer.name)
                total = convolution.weight.abs().sum((1, 2, 3)) + convolution.bias.abs()
                factor = (WEIGHT_LIMIT / total).clamp_max(1)
                convolution.weight.mul_(factor.view(-1, 1, 1, 1))
                convolution.bias.mul_(factor)

    def forward(self, base: Tensor, known: Tensor) -> Enhancement:
        """Look at base pictures.

        Args:
            base: (batch, 6, rows, columns) in 2x2 luma blocks, 8-bit units around mid-grey; sides multiples of 4.
            known: :func:`conditions` of each, (batch, 3).
        """

        def run(name: str, x: Tensor) -> Tensor:
            found: Tensor = self._named(name)(x, known)
            return found

        def block(name: str, x: Tensor) -> Tensor:
            return _clamped(x + run(f"{name}.second", run(f"{name}.first", x)))

        half = run("stem", base / INPUT_UNIT)
        quarter = run("down4", half)
        eighth = run("down8", quarter)
        for number in range(TRUNK_BLOCKS):
            eighth = block(f"trunk{number}", eighth)
        quarter = block("merge", _clamped(quarter + _enlarged(_clamped(run("up4", eighth)))))
        gain = run("gain.second", run("gain.first", quarter))
        half = _clamped(half + _enlarged(_clamped(run("up2", quarter))))
        detail = _clamped(run("detail", _clamped(half + run("fuse", half))))
        return Enhancement(DETAIL_UNIT * detail, GAIN_UNIT * gain)

    def normalised_filters(self) -> Tensor:
        """Make the filters of the texture of mean 0 and norm 1."""
        centred = self.filters - self.filters.mean((1, 2), keepdim=True)
        return centred / centred.square().sum((1, 2), keepdim=True).sqrt()

    def texture(self, gains: Tensor, noise: Tensor) -> Tensor:
        """Make texture of luma.

        Args:
            gains: as :class:`Enhancement` has them.
            noise: white, of variance 1, (1 or batch, 1, rows, columns) of the luma plane.

        Returns:
            (batch, 1, rows, columns) of the luma plane, in samples of 8 bits.
        """
        patterns = F.conv2d(noise, self.normalised_filters()[:, None], padding=TEXTURE_SIDE // 2)
        return (_enlarged(gains, GAIN_SCALE) * patterns).sum(1, keepdim=True)


def compose(
    base: Tensor, detail: Tensor, texture: Tensor, *, detail_strength: float, texture_strength: float | Tensor
) -> Tensor:
    """Add up a picture, (batch, 6, rows, columns): base, detail, and texture of luma, each by its strength.

    That of texture may differ from place to place: (1 or batch, 1, rows, columns) of the luma plane.
    """
    enhanced = base + detail_strength * detail
    luma = enhanced[:, :4] + F.pixel_unshuffle(texture_strength * texture, 2)
    return torch.cat((luma, enhanced[:, 4:]), 1)


def _clamped(x: Tensor) -> Tensor:
    return x.clamp(-ACTIVATION_LIMIT, ACTIVATION_LIMIT)


def _enlarged(x: Tensor, factor: int = 2) -> Tensor:
    """Enlarge bilinearly; weights are odd multiples of 1 / (2 factor), beyond the edges is the edge."""
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def _first_factor(layer: Layer) -> float:
    """Give what is added to something a small part in it, and pictures no detail, at the start of training."""
    if layer.name in ("detail", "gain.second"):
        return 0.0
    if layer.name.startswith("up"):
        return 0.3
    return 0.1 if layer.added_to else 1.0


def _first_filters() -> Tensor:
    """Gabor filters of two wavelengths and four orientations, (TEXTURES, rows, columns)."""
    reach = TEXTURE_SIDE // 2
    at = torch.arange(-reach, reach + 1, dtype=torch.float32)
    y, x = torch.meshgrid(at, at, indexing="ij")
    window = torch.exp(-(x.square() + y.square()) / (2 * 1.6**2))
    orientations = TEXTURES // 2
    found = [
        window * torch.cos(2 * math.pi * (math.cos(angle) * x + math.sin(angle) * y) / wavelength)
        for wavelength in (2.8, 5.0)
        for angle in _angles(orientations)
    ]
    return torch.stack(found)


def _angles(count: int) -> Sequence[float]:
    return [math.pi * number / count for number in range(count)]


def _attribute(name: str) -> str:
    return name.replace(".", "_")
