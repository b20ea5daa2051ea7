"""Starts of a fit: latents from the analysis network or from a latent of a similar picture, and a first lambda."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor

from ffhybrid.filters.base import BasePicture
from ffhybrid.filters.losses import pack
from ffhybrid.filters.overfit import codec
from ffhybrid.filters.overfit.analysis import Analysis
from ffhybrid.filters.overfit.model import Network, tensor_of

BASE_LAMBDA = 0.01
"""Lambda of rate class 0; the class grows by one when lambda doubles."""
RATE_CLASSES = (-4.0, 3.75)
SHRINK = 0.65
"""The part that fitting leaves of the bytes of a first guess at the same lambda."""
LEAST_REFINEMENT = 24
"""Bytes of a latent: the coder's, and a network that differs a little."""
SEARCH_STEPS = 7
LUMA_STEP, CHROMA_STEP = 75.0, 150.0
"""8-bit units of a level 0 latent at rate class 0; the best step grows with the square root of lambda. A latent of
level k acts on 4^k luma samples, so that its step is 2^k times finer."""


@dataclass(frozen=True, slots=True)
class Base:
    """A base picture, and (1, 6, rows, columns) of its samples for the network."""

    coded: BasePicture
    packed: Tensor

    @classmethod
    def on(cls, device: torch.device, coded: BasePicture) -> Base:
        """Take a base picture to a device."""
        return cls(coded, pack(coded.picture, device))


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Real grids, (1, 1, rows, columns) each, the header's constants, the base picture, and the network."""

    base: Base
    grids: list[Tensor | None]
    classes: tuple[int, int]
    steps: tuple[int, int]
    network: Network


@cache
def analysis() -> Analysis:
    """Load the analysis network that comes with this package."""
    found = Analysis()
    with (files("ffhybrid.filters.overfit") / "analysis.npz").open("rb") as file, np.load(file) as arrays:
        found.load_state_dict({name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays.files})
    return found.eval().requires_grad_(False)


def network(values: np.ndarray[tuple[int], np.dtype[np.int32]], device: torch.device) -> Network:
    """Make the differentiable network of fixed-point values in file order."""
    return Network.fixed_point(values, codec.pattern_basis()).to(device)


def lambda_of(rate_class: float) -> float:
    """Lambda that a rate class was trained for."""
    return BASE_LAMBDA * float(2.0**rate_class)


def class_of(lagrangian: float) -> float:
    """Rate class that was trained for a lambda, or the nearest one."""
    low, high = RATE_CLASSES
    return min(max(math.log2(lagrangian / BASE_LAMBDA), low), high)


def steps(rate_class: float) -> tuple[int, int]:
    """Choose the steps of luma and chroma, as bytes of the header."""
    growth = 2 ** (rate_class / 2)
    return codec.nearest_step(LUMA_STEP * growth), codec.nearest_step(CHROMA_STEP * growth)


def from_analysis(source: Tensor, base: Base, *, budget: int, texture: float, fine: bool) -> Start:
    """Begin from the analysis network, at the rate class whose fit is likely to meet the budget.

    Args:
        source: packed picture, (1, 6, rows, columns).
        base: what it is added to.
        budget: bytes of base picture and latent.
        texture: texture class.
        fine: whether there is a level 0.
    """
    prior = network(codec.prior(), source.device)
    model = analysis().to(source.device)
    left = max(budget - base.coded.size, LEAST_REFINEMENT)
    rate_class = _search(partial(_grids, model, source, base, fine=fine), prior, texture, 8 * left / SHRINK)
    classes = (codec.nearest_class(rate_class), codec.nearest_class(texture))
    real = (codec.real_class(classes[0]), codec.real_class(classes[1]))
    return Start(
        base=base,
        grids=_grids(model, source, base, real, fine=fine),
        classes=classes,
        steps=steps(real[0]),
        network=prior,
    )


def from_latent(latent: codec.OverfitLatent, base: Base) -> Start:
    """Begin from the base picture, the latents and the network of a similar picture."""
    device = base.packed.device
    grids = [None if grid is None else tensor_of(grid, device) for grid in latent.grids]
    return Start(
        base=base,
        grids=grids,
        classes=latent.classes,
        steps=latent.steps,
        network=network(latent.values, device),
    )


def bits(model: Network, grids: Sequence[Tensor | None], classes: tuple[float, float]) -> float:
    """Bits of the grids as a file would hold them."""
    with torch.no_grad():
        return float(model.bits([None if grid is None else grid.round() for grid in grids], classes))


def _grids(
    model: Analysis, source: Tensor, base: Base, classes: tuple[float, float], *, fine: bool
) -> list[Tensor | None]:
    with torch.no_grad():
        found: list[Tensor | None] = list(model(source, base.packed, classes, codec.grid_steps(steps(classes[0]))))
    if not fine:
        found[0] = None
    return found


def _search(guess: Callable[..., list[Tensor | None]], prior: Network, texture: float, wanted: float) -> float:
    low, high = RATE_CLASSES
    for _ in range(SEARCH_STEPS):
        middle = (low + high) / 2
        classes = (middle, texture)
        if bits(prior, guess(classes), classes) > wanted:
            low = middle
        else:
            high = middle
    return high
