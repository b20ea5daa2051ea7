"""Training, first stage: both networks as an autoencoder, half of the time with noise in place of rounding."""

from __future__ import annotations

import random

import torch
from torch import Tensor

from ffhybrid.filters.overfit.fitting import FIRST_TEMPERATURE
from ffhybrid.filters.overfit.rounding import noisy_round
from training.networks import Networks
from training.objective import Judge, Loss, descend, learning_rate
from training.parts import Part
from training.pictures import Pictures

BATCH = 4
NOISY_PART, FINE_PART = 0.5, 0.4
FINE_BELOW = -2.0
"""Rate class below which some parts have a level 0."""
RATES = {"analysis": 8e-4, "network": 1.5e-3, "patterns": 3e-4, "pattern entropy": 3e-3}


class Amortised:
    """Networks, optimiser and data."""

    def __init__(self, networks: Networks, pictures: Pictures, judge: Judge) -> None:
        self._networks = networks
        self._pictures = pictures
        self._judge = judge
        self._optimizer = torch.optim.Adam(
            [{"params": group, "name": name} for name, group in _groups(networks).items()]
        )

    def step(self, part: float) -> list[Loss]:
        """One iteration; ``part`` of the stage is over."""
        for group in self._optimizer.param_groups:
            group["lr"] = RATES[group["name"]] * learning_rate(part)
        loss = autoencode(self._networks, self._pictures, self._judge, BATCH)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss.total())
        descend(self._optimizer)
        return [loss]


def autoencode(networks: Networks, pictures: Pictures, judge: Judge, batch: int) -> Loss:
    """Code random parts through both networks."""
    part = Part.random(pictures, batch, networks.device)
    classes = part.classes
    quantised = _noisy if random.random() < NOISY_PART else _straight_through
    guess = networks.analysis(part.source, part.base, classes.values, classes.steps)
    latents: list[Tensor | None] = [quantised(x) for x in guess]
    if classes.rate >= FINE_BELOW or random.random() >= FINE_PART:
        latents[0] = None
    return judge.loss(networks.network, latents, part)


def _groups(networks: Networks) -> dict[str, list[torch.nn.Parameter]]:
    groups: dict[str, list[torch.nn.Parameter]] = {name: [] for name in RATES}
    patterns = (networks.network.basis, networks.analysis.patterns.weight)
    groups["patterns"] += patterns
    for name, parameter in networks.network.named_parameters():
        if parameter is not networks.network.basis:
            groups["pattern entropy" if name.startswith("patterns") else "network"].append(parameter)
    groups["analysis"] += [p for p in networks.analysis.parameters() if p is not networks.analysis.patterns.weight]
    return groups


def _noisy(x: Tensor) -> Tensor:
    return noisy_round(x, FIRST_TEMPERATURE)


def _straight_through(x: Tensor) -> Tensor:
    return x + (x.round() - x).detach()
