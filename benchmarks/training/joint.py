"""Training, second stage: latents of many parts are fitted as an encoder fits them, and the network with them.

An autoencoder's network suits guessed latents; this one suits fitted ones, which are sparser. The network that
guesses follows by autoencoding, as in the first stage.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import torch
from torch import Tensor

from ffhybrid.filters.overfit.fitting import FIRST_TEMPERATURE, GRID_EPSILON, LAST_TEMPERATURE, learning_rate_of
from ffhybrid.filters.overfit.rounding import noisy_round
from ffhybrid.filters.overfit.session import FINE_BELOW
from training.amortised import FINE_PART, autoencode
from training.networks import Networks
from training.objective import Judge, Loss, descend, learning_rate
from training.parts import Part
from training.pictures import Pictures

PARTS_A_STEP = 3
FOLLOWING_INTERVAL, FOLLOWING_BATCH = 3, 2
RATES = {"network": 6e-4, "patterns": 1.5e-4, "analysis": 3e-4, "analysis patterns": 1e-4}
SETTLING_VISITS, SETTLED_RATE = 100, 0.25
"""Visits over which the learning rate of a part's latents falls, and what is left of it."""


class FittedPart:
    """A part of a picture with latents of its own."""

    def __init__(self, networks: Networks, pictures: Pictures) -> None:
        self.part = Part.random(pictures, 1, networks.device)
        classes = self.part.classes
        with torch.no_grad():
            guess = networks.analysis(self.part.source, self.part.base, classes.values, classes.steps)
        if classes.rate >= FINE_BELOW or random.random() >= FINE_PART:
            guess[0] = None
        self._latents = [None if x is None else x.clone().requires_grad_() for x in guess]
        rates = {index: learning_rate_of(index) for index in range(len(guess))}
        self._optimizer = torch.optim.Adam(
            [
                {"params": [x], "lr": rates[index], "base": rates[index], "eps": GRID_EPSILON}
                for index, x in enumerate(self._latents)
                if x is not None
            ]
        )
        self._visits = 0

    def rounded(self) -> list[Tensor | None]:
        """Round the latents softly."""
        temperature = random.uniform(LAST_TEMPERATURE, FIRST_TEMPERATURE)
        return [None if x is None else noisy_round(x, temperature) for x in self._latents]

    def step(self, weight: float) -> None:
        """Move the latents along gradients that are there, times ``weight``: fits have them summed over samples."""
        settled = max(SETTLED_RATE, 1 - self._visits / SETTLING_VISITS)
        for group in self._optimizer.param_groups:
            group["lr"] = group["base"] * settled
            for latents in group["params"]:
                latents.grad.mul_(weight)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._visits += 1


class Joint:
    """Parts, networks and their optimisers."""

    def __init__(self, networks: Networks, pictures: Pictures, judge: Judge, parts: int) -> None:
        self._networks = networks
        self._pictures = pictures
        self._judge = judge
        self._parts = [FittedPart(networks, pictures) for _ in range(parts)]
        self._order = self._visiting_order()
        network, analysis = networks.network, networks.analysis
        others = [p for p in network.parameters() if p is not network.basis]
        self._decoder = _optimizer({"network": others, "patterns": [network.basis]})
        others = [p for p in analysis.parameters() if p is not analysis.patterns.weight]
        self._encoder = _optimizer({"analysis": others, "analysis patterns": [analysis.patterns.weight]})
        self._iteration = 0

    def step(self, part: float) -> list[Loss]:
        """One step of the network over a few parts; ``part`` of the stage is over."""
        self._decoder.zero_grad(set_to_none=True)
        losses = [self._fit(next(self._order)) for _ in range(PARTS_A_STEP)]
        _set_rates(self._decoder, part)
        descend(self._decoder)
        self._iteration += 1
        if self._iteration % FOLLOWING_INTERVAL == 0:
            self._follow(part)
        return losses

    def _fit(self, fitted: FittedPart) -> Loss:
        loss = self._judge.loss(self._networks.network, fitted.rounded(), fitted.part)
        torch.autograd.backward(loss.total())
        fitted.step(loss.gradient_weight())
        return loss

    def _follow(self, part: float) -> None:
        loss = autoencode(self._networks, self._pictures, self._judge, FOLLOWING_BATCH)
        self._encoder.zero_grad(set_to_none=True)
        torch.autograd.backward(loss.total())
        _set_rates(self._encoder, part)
        descend(self._encoder)

    def _visiting_order(self) -> Iterator[FittedPart]:
        while True:
            yield from random.sample(self._parts, len(self._parts))


def _optimizer(groups: dict[str, list[torch.nn.Parameter]]) -> torch.optim.Optimizer:
    return torch.optim.Adam([{"params": group, "name": name} for name, group in groups.items()])


def _set_rates(optimizer: torch.optim.Optimizer, part: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = RATES[group["name"]] * learning_rate(part)
