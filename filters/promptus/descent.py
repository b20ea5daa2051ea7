"""Gradient descent in the space of prompts, by the public settings of Promptus."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ffhybrid.filters.promptus.prompt import Prompt

LEARNING_RATE, LEAST_RATE = 0.1, 1e-3
"""Adam's learning rate; it is halved, Adam beginning anew, without a new best loss for :data:`PATIENCE`."""
PATIENCE, LEAST_PATIENCE = 0.03, 5
"""Patience as a part of all iterations, 300 of the 10000 that Promptus takes; and the least in iterations."""
SMOOTHING = 0.9
"""The smoothing of the loss that patience looks at: LPIPS sees another part of the picture every time."""
MAGNITUDE_WEIGHT = 0.1 / 3.2
"""The weight of a prompt's mean magnitude, against an MSE in [0, 1]: Promptus has 0.1 and 0.8 in [-1, 1]."""
WARM_UP = 0.05
"""Part of the iterations before ranks are dropped."""
LEAST_PART = 4
"""Ranks from a quarter of all on are drawn."""


class Descent:
    """Adam on the factors of a prompt.

    Args:
        prompt: is changed.
        iterations: that will be taken.
        nested: whether components are dropped at random from the last on, which orders them by what they are worth
            (nested dropout; Rippel et al., 2014).
        generator: of the ranks drawn.
    """

    def __init__(self, prompt: Prompt, iterations: int, *, nested: bool, generator: torch.Generator) -> None:
        self._prompt = prompt
        self._iterations = iterations
        self._nested = nested
        self._generator = generator
        self._optimizer = torch.optim.Adam([prompt.u, prompt.v], lr=LEARNING_RATE)
        patience = max(round(PATIENCE * iterations), LEAST_PATIENCE)
        self._schedule = ReduceLROnPlateau(
            self._optimizer, factor=0.5, patience=patience, threshold=0, min_lr=LEAST_RATE
        )
        self._done = 0
        self._smoothed = math.nan

    def rank(self) -> int:
        """Say how many components the next step has."""
        most = self._prompt.rank
        if not self._nested or self._done < WARM_UP * self._iterations:
            return most
        least = max(most // LEAST_PART, 1)
        drawn = torch.randint(least, most + 1, (), generator=self._generator, device=self._generator.device)
        return int(drawn)

    def step(self, distortion: Tensor, embedding: Tensor, rank: int) -> None:
        """Take a step down the loss of a prompt of so many components."""
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(distortion + MAGNITUDE_WEIGHT * embedding.abs().mean())
        group = self._optimizer.param_groups[0]
        before = group["lr"]
        group["lr"] = before * math.sqrt(rank / self._prompt.rank)
        self._optimizer.step()
        group["lr"] = before
        self._done += 1
        self._follow(float(distortion.detach()))
        if group["lr"] < before:
            self._optimizer.state.clear()

    def _follow(self, loss: float) -> None:
        known = math.isfinite(self._smoothed)
        self._smoothed = SMOOTHING * self._smoothed + (1 - SMOOTHING) * loss if known else loss
        self._schedule.step(self._smoothed)
