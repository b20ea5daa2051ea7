"""Gradient descent on the latents of one picture: less loss, and fewer bits at the step that the quantiser has.

Rounding is straight-through: the model decodes what a reader will decode. The rate is that of values with
uniform noise in place of rounding (Balle et al., 2017), which has a gradient.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ffhybrid.filters.base import DifferentiableLoss
from ffhybrid.filters.models.autoencoder import Autoencoder, ModelFrame
from ffhybrid.filters.models.rate import RateModel

LEARNING_RATE = 0.03
"""Adam's learning rate in steps of the quantiser; it falls to a part of itself along a cosine."""
LAST_RATE = 0.1
STEERING_GAIN = 3.0


class Refinement:
    """Values under descent, in units of the quantiser's step."""

    def __init__(
        self,
        values: Tensor,
        *,
        autoencoder: Autoencoder,
        frame: ModelFrame,
        tile: int,
        loss: DifferentiableLoss,
        step: float,
        lagrangian: float,
        generator: torch.Generator,
    ) -> None:
        """Begin; ``lagrangian`` is the weight of one bit a luma sample in the loss."""
        self._units = (values / step).detach().clone().requires_grad_()
        self._autoencoder = autoencoder
        self._frame = frame
        self._tile = tile
        self._loss = loss
        self._step = step
        self._generator = generator
        self._rate = RateModel(self._units)
        self._optimizer = torch.optim.Adam([self._units], lr=LEARNING_RATE)
        self._samples = frame.spec.width * frame.spec.height
        self._lagrangian = lagrangian

    @property
    def values(self) -> Tensor:
        """The latents as they are now."""
        return (self._units * self._step).detach()

    def descend(self, part: float) -> None:
        """Take one step; ``part`` of all iterations is done."""
        fall = LAST_RATE + (1 - LAST_RATE) * (0.5 + 0.5 * math.cos(math.pi * part))
        self._optimizer.param_groups[0]["lr"] = LEARNING_RATE * fall
        noise = torch.rand(self._units.shape, generator=self._generator, device=self._units.device) - 0.5
        bits = self._rate.bits(self._units + noise)
        straight = self._units + (self._units.round() - self._units).detach()
        decoded = self._autoencoder.decoded(straight * self._step, self._frame, self._tile)
        distortion = self._loss.sample(self._frame.cropped(decoded))
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(self._samples * distortion + self._lagrangian * bits)
        self._optimizer.step()

    def steer(self, ratio: float) -> None:
        """Let the rate follow the values, and lambda a size that is ``ratio`` times what it should be."""
        self._lagrangian *= ratio**STEERING_GAIN
        self._rate.refit(self._units.round())

    def change_step(self, step: float) -> None:
        """Go on at another step of the quantiser, with the lambda that belongs to it; values are fitted to a step."""
        with torch.no_grad():
            self._units *= self._step / step
        self._lagrangian *= (step / self._step) ** 2
        self._step = step
        self._rate.refit(self._units.round())
