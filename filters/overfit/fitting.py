"""Fitting latents and network to one picture: first latents with noise, then the network too, then the real decoder.

Quantisation is soft rounding with uniform noise between, as in C3 (Kim et al., 2024, section 3.2). Straight-through
rounding at the end, as Cool-Chic has it, was tried and left out: latents near one half flip for next to nothing, and
bytes grow. The rate is steered by moving lambda, on the bytes of the rounded latents. What is kept is decided on
bitstreams by the integer decoder.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.filters.base import DifferentiableLoss, Refinement
from ffhybrid.filters.losses import pack
from ffhybrid.filters.overfit import codec
from ffhybrid.filters.overfit.iterations import Preset
from ffhybrid.filters.overfit.model import array_of, synthesis_noise
from ffhybrid.filters.overfit.rounding import noisy_round, rounded
from ffhybrid.filters.overfit.start import Start, class_of, lambda_of, network, steps
from ffhybrid.filters.overfit.structure import PARAMETERS, PATTERN_GRID, level_of

FIRST_TEMPERATURE, LAST_TEMPERATURE = 0.3, 0.1
GRID_RATE, COARSER_RATE, PATTERN_RATE, NETWORK_RATE = 0.02, 1.4, 0.03, 1e-3
"""Learning rates of Adam; that of a grid grows with its level, as the range of its latents does."""
GRID_EPSILON = 0.1
"""Adam's epsilon, so large that latents that hardly matter stay: gradients are of the loss summed over samples."""
LAST_RATE = 0.05
"""Learning rates fall to this part of themselves along a cosine."""
TUNED = frozenset(
    parameter.name
    for parameter in PARAMETERS
    if parameter.name in {"arm.weight3", "arm.linear", "patterns.weight3", "patterns.linear"}
    or parameter.name in {"upsampling.taps", "synthesis.linear"}
    or ("bias" in parameter.name and parameter.name != "patterns.bias1")
)
"""The tensors of the network that are fitted to a picture: small ones, whose differences cost few bytes."""
SHRINKAGE = 0.1
"""Part of a network step by which differences to the prior fall back, so that idle ones stay zero."""
STEERING_INTERVAL, REPORTING_INTERVAL = 10, 40
STEERING_GAIN = 0.4
"""How much the logarithm of lambda moves for a size that is off by a factor of e."""
FOLLOWING_PART = 0.6
"""The part of the iterations, the first, in which rate class and steps move with lambda."""
TOLERANCE = 0.05
FINAL_ROUNDS, FINAL_GAIN, FINAL_RATE = 6, 1.5, 0.3
FINAL_PART, LEAST_FINAL, MOST_FINAL = 8, 4, 20
"""Iterations of a final round: an eighth of those before, within bounds."""
THRESHOLDS, TRIMMING_STEPS, LAST_TRIMMED_LEVEL = (0.2, 0.95), 8, 2
"""Latents of coarser levels are few, and each changes much of the picture."""
DROPPED = 12
"""A step so coarse that no difference is left."""
FIRST_SHIFT, SHIFTS = 5, (3, 4, 5, 6, 7)
NO_CHANGES = bytes([DROPPED] * len(PARAMETERS))
EXACT_SHIFTS = bytes([SHIFTS[0]] * len(PARAMETERS))
"""Fine enough for whatever network a fit has left behind."""
TUNED_SHIFTS = bytes(FIRST_SHIFT if parameter.name in TUNED else DROPPED for parameter in PARAMETERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FitCandidate:
    """A latent that was written and decoded with its base picture, what came of it, and its part of the objective."""

    refinement: Refinement
    picture: Picture
    packed: Tensor
    loss: float

    @property
    def size(self) -> int:
        """Bytes of the latent and its base picture."""
        return self.refinement.size

    @property
    def rate(self) -> float:
        """Bits a luma sample."""
        return 8 * self.size / (self.picture.width * self.picture.height)


Report = Callable[[int, FitCandidate], None]


class Fit:
    """One fit in progress."""

    def __init__(
        self,
        start: Start,
        loss: DifferentiableLoss,
        spec: PictureSpec,
        *,
        budget: int,
        device: torch.device,
        generator: torch.Generator,
    ) -> None:
        self._loss = loss
        self._spec = spec
        self._budget = budget
        self._device = device
        self._generator = generator
        self._samples = spec.width * spec.height
        self._base = start.base
        self._classes = start.classes
        self._steps = start.steps
        self._log_lambda = math.log(lambda_of(codec.real_class(start.classes[0])))
        self._network = start.network
        self._prior = network(codec.prior(), device)
        self._shifts = EXACT_SHIFTS
        self._decoded: FitCandidate | None = None
        self._best: FitCandidate | None = None
        self._done = 0
        self._grids = [None if grid is None else grid.clone().requires_grad_() for grid in start.grids]
        self._noise = synthesis_noise(spec.height // 2, spec.width // 2, device=device)

    @property
    def lagrangian(self) -> float:
        """Weight of one bit a luma sample in the objective."""
        return math.exp(self._log_lambda)

    def run(self, preset: Preset, report: Report) -> FitCandidate:
        """Fit, and return the best latent within the budget.

        Args:
            preset: how long.
            report: called from time to time with the iterations done and a latent.
        """
        self._descend(preset.latents, report)
        if preset.network:
            self._descend(preset.network * 2 // 3, report, tune_network=True)
            self._precise()
            self._descend(preset.network - preset.network * 2 // 3, report)
        return self._settle(min(max(preset.iterations // FINAL_PART, LEAST_FINAL), MOST_FINAL), report)

    def trial_candidate(self, iterations: int) -> FitCandidate:
        """Write and decode the start after so many iterations, to compare it with others."""
        if iterations:
            self._descend(iterations, lambda _step, _candidate: None)
            self._done = 0
        return self.candidate(self._shifts)

    def _descend(self, iterations: int, report: Report, *, tune_network: bool = False) -> None:
        optimizer = self._optimizer(tune_network=tune_network)
        if tune_network:
            self._shifts = TUNED_SHIFTS
        first = self._done == 0
        first_temperature = FIRST_TEMPERATURE if first else LAST_TEMPERATURE
        for i in range(iterations):
            part = i / iterations
            fall = LAST_RATE + (1 - LAST_RATE) * (0.5 + 0.5 * math.cos(math.pi * part))
            for group in optimizer.param_groups:
                group["lr"] = group["base"] * fall
            self._step(optimizer, first_temperature + (LAST_TEMPERATURE - first_temperature) * part)
            if tune_network:
                self._shrink(SHRINKAGE * optimizer.param_groups[-1]["lr"])
            self._done += 1
            if not tune_network and i % STEERING_INTERVAL == STEERING_INTERVAL - 1:
                self._steer()
                if first and part < FOLLOWING_PART:
                    self._follow()
            if i % REPORTING_INTERVAL == REPORTING_INTERVAL - 1 or i == iterations - 1:
                self._consider(self.candidate(self._shifts), report)

    def _consider(self, candidate: FitCandidate, report: Report) -> None:
        """Keep a candidate if it is the best so far: within the budget's tolerance, and with the least loss there."""
        report(self._done, candidate)
        if self._best is None or self._rank(candidate) < self._rank(self._best):
            self._best = candidate

    def _rank(self, candidate: FitCandidate) -> tuple[float, float]:
        miss = self._miss(candidate)
        if miss > TOLERANCE:
            return miss, 0.0
        return 0.0, candidate.loss

    def _optimizer(self, *, tune_network: bool) -> torch.optim.Optimizer:
        groups: list[dict[str, Any]] = []
        for index, grid in enumerate(self._grids):
            if grid is not None:
                rate = learning_rate_of(index)
                groups.append({"params": [grid], "lr": rate, "base": rate, "eps": GRID_EPSILON})
        for parameter in self._network.parameters():
            parameter.requires_grad_(False)
        if tune_network:
            tuned = [self._network.named(name).requires_grad_() for name in sorted(TUNED)]
            groups.append({"params": tuned, "lr": NETWORK_RATE, "base": NETWORK_RATE, "eps": 1e-8})
        return torch.optim.Adam(groups)

    def _step(self, optimizer: torch.optim.Optimizer, temperature: float) -> None:
        grids = [
            None if grid is None else noisy_round(grid, temperature, generator=self._generator) for grid in self._grids
        ]
        classes = codec.real_classes(self._classes)
        units = codec.grid_steps(self._steps)
        features = [None if grid is None else grid * unit for grid, unit in zip(grids, units, strict=True)]
        packed = self._network.synthesise(features, self._base.packed, self._noise, classes)
        rate = self._network.bits(grids, classes)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(self._samples * self._loss.sample(packed) + self.lagrangian * rate)
        optimizer.step()

    def _shrink(self, threshold: float) -> None:
        with torch.no_grad():
            for name in TUNED:
                value, prior = self._network.named(name), self._prior.named(name)
                difference = value - prior
                value.copy_(prior + difference.sign() * (difference.abs() - threshold).clamp_min(0))

    def _steer(self) -> None:
        """Move lambda towards the budget."""
        size = len(self._written(self._shifts, 0.5)) + self._base.coded.size
        self._log_lambda += STEERING_GAIN * math.log(size / self._budget)

    def _follow(self) -> None:
        """Take the rate class and the steps that belong to lambda; latents stay what they are in 8-bit units."""
        before = codec.grid_steps(self._steps)
        self._classes = (codec.nearest_class(class_of(self.lagrangian)), self._classes[1])
        self._steps = steps(codec.real_class(self._classes[0]))
        with torch.no_grad():
            for grid, old, new in zip(self._grids, before, codec.grid_steps(self._steps), strict=True):
                if grid is not None:
                    grid.mul_(old / new)

    def _settle(self, iterations: int, report: Report) -> FitCandidate:
        """Meet the budget: in a few short rounds of so many iterations, what is left by rounding."""
        found = self.candidate(self._shifts)
        self._consider(found, report)
        for _ in range(FINAL_ROUNDS):
            if self._miss(found) <= TOLERANCE / 2:
                break
            self._log_lambda += FINAL_GAIN * math.log(found.size / self._budget)
            optimizer = self._optimizer(tune_network=False)
            for group in optimizer.param_groups:
                group["lr"] *= FINAL_RATE
            for _ in range(iterations):
                self._step(optimizer, LAST_TEMPERATURE)
            found = self.candidate(self._shifts)
            self._consider(found, report)
        if self._miss(found) > TOLERANCE / 2:
            self._trim(report)
        return self._best or found

    def _miss(self, candidate: FitCandidate) -> float:
        """How far the bytes are from the budget, as a part of it."""
        return abs(candidate.size / self._budget - 1)

    def _trim(self, report: Report) -> None:
        """Move the threshold at which fine latents round to zero until the bytes are the budget's."""
        low, high = THRESHOLDS
        for _ in range(TRIMMING_STEPS):
            threshold = (low + high) / 2
            candidate = self.candidate(self._shifts, threshold)
            self._consider(candidate, report)
            if candidate.size > self._budget:
                low = threshold
            else:
                high = threshold

    def objective(self, candidate: FitCandidate) -> float:
        """Loss of the decoded picture plus lambda times its bits a luma sample."""
        return candidate.loss + self.lagrangian * candidate.rate

    def _precise(self) -> None:
        """Choose for every tuned tensor how finely its differences are kept, or that they are dropped."""
        best = self.candidate(self._shifts)
        unchanged = self.candidate(NO_CHANGES)
        if self.objective(unchanged) <= self.objective(best):
            self._shifts, best = NO_CHANGES, unchanged
        for index, parameter in enumerate(PARAMETERS):
            if parameter.name not in TUNED:
                continue
            for shift in (DROPPED, *SHIFTS):
                shifts = self._shifts[:index] + bytes([shift]) + self._shifts[index + 1 :]
                candidate = self.candidate(shifts)
                if self.objective(candidate) < self.objective(best):
                    self._shifts, best = shifts, candidate
        self._network.load_fixed_point(codec.read_latent(best.refinement.latent, self._spec).values)

    def candidate(self, shifts: bytes, threshold: float = 0.5) -> FitCandidate:
        """Write the latent as it is now, with network differences in steps of 2^shifts, and decode it.

        Fine latents whose magnitude is below ``threshold`` become zero.
        """
        data = self._written(shifts, threshold)
        refinement = Refinement(data, self._base.coded)
        picture = codec.decode(data, self._base.coded.picture, self._spec, threads=torch.get_num_threads())
        known = self._decoded
        if known is not None and known.picture.same_samples(picture):
            return FitCandidate(refinement=refinement, picture=picture, packed=known.packed, loss=known.loss)
        packed = pack(picture, self._device)
        loss = self._loss.whole(packed)
        self._decoded = FitCandidate(refinement=refinement, picture=picture, packed=packed, loss=loss)
        return self._decoded

    def _written(self, shifts: bytes, threshold: float) -> bytes:
        latent = codec.OverfitLatent(
            classes=self._classes,
            steps=self._steps,
            values=codec.fixed_point(self._network.flat().cpu().numpy()),
            grids=tuple(
                None if grid is None else array_of(rounded(grid, threshold if _is_trimmed(index) else 0.5))
                for index, grid in enumerate(self._grids)
            ),
        )
        return codec.write_latent(latent, self._spec, shifts)[0]


def learning_rate_of(index: int) -> float:
    """First learning rate of Adam for a grid or for the patterns."""
    if index == PATTERN_GRID:
        return PATTERN_RATE
    return GRID_RATE * COARSER_RATE ** max(level_of(index) - 1, 0)


def _is_trimmed(index: int) -> bool:
    return index == PATTERN_GRID or level_of(index) <= LAST_TRIMMED_LEVEL
