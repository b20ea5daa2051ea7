"""One call of ``fit``: the loss, the start, the rounds of fitting, and reports on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.base import (
    BaseCoder,
    DifferentiableLoss,
    DifferentiableObjective,
    FitProgress,
    Objective,
    Refinement,
    lpips_can_see,
)
from ffhybrid.filters.devices import device_of
from ffhybrid.filters.losses import LikenessLoss, TiedLoss, pack
from ffhybrid.filters.lpips import load_lpips
from ffhybrid.filters.overfit import codec
from ffhybrid.filters.overfit.fitting import Fit, FitCandidate
from ffhybrid.filters.overfit.iterations import Preset
from ffhybrid.filters.overfit.start import Base, Start, from_analysis, from_latent, lambda_of

CHOICE_EMPHASIS = 3.0
"""The emphasis of the perceptual term when starts are compared."""
BASE_SHARES, PLAIN_BASE_SHARES = (0.75, 0.93), (0.95,)
"""The parts of the budget that base pictures may take, with a perceptual term and without."""
PLAIN_TEXTURE, TEXTURE = -4.0, -1.5
"""Texture class without a perceptual term, and with it. The term's weight is lambda times two to this power."""
TIE_WEIGHT = 1.0
"""The weight of what the picture's low frequencies differ in from the base picture's, which stock players show."""
FINE_BELOW = -2.5
"""Rate class below which a full-size grid may pay."""


class OverfitSession:
    """Everything that stays the same while one picture is fitted."""

    def __init__(
        self, objective: Objective, spec: PictureSpec, *, tune: str, device: str, seed: int, lpips_file: Path | None
    ) -> None:
        self._objective = objective
        self._spec = spec
        self._device = device_of(device)
        self._generator = torch.Generator(self._device).manual_seed(seed)
        self._source = pack(objective.source, self._device)
        is_large = lpips_can_see(spec)
        self._lpips = load_lpips(lpips_file, self._device) if tune == "perceptual" and is_large else None
        self._texture = TEXTURE if tune == "perceptual" else PLAIN_TEXTURE

    def fit(
        self,
        preset: Preset,
        *,
        bases: BaseCoder,
        budget: int,
        warm_start: Refinement | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> Refinement:
        """Run a preset from the best start there is."""
        starts = self._starts(bases, budget, warm_start)
        likeness = self._likeness(starts[0])
        loss: DifferentiableLoss = likeness
        if isinstance(self._objective, DifferentiableObjective):
            loss = self._objective.loss(self._device)
        fits = [
            Fit(
                start,
                TiedLoss(loss, start.base.packed, weight=TIE_WEIGHT),
                self._spec,
                budget=budget,
                device=self._device,
                generator=self._generator,
            )
            for start in starts
        ]
        fit = fits[0] if len(fits) == 1 else self._best(fits, starts[0], preset)

        def report(step: int, candidate: FitCandidate) -> None:
            if progress:
                progress(
                    FitProgress(
                        step=step,
                        steps=preset.iterations,
                        size=candidate.size,
                        distortion=candidate.loss,
                        psnr=likeness.psnr(candidate.packed),
                        lpips=likeness.lpips(candidate.packed),
                    )
                )

        return fit.run(preset, report).refinement

    def _best(self, fits: list[Fit], start: Start, preset: Preset) -> Fit:
        """Try fits: their own loss would choose larger base pictures than eyes do."""
        likeness, lagrangian = self._likeness(start, emphasis=CHOICE_EMPHASIS), fits[0].lagrangian

        def cost(fit: Fit) -> float:
            candidate = fit.trial_candidate(preset.trial)
            return likeness.whole(candidate.packed) + lagrangian * candidate.rate

        return min(fits, key=cost)

    def _likeness(self, start: Start, *, emphasis: float = 1.0) -> LikenessLoss:
        rate_class, texture = (codec.real_class(byte) for byte in start.classes)
        weight = 0.0 if texture <= PLAIN_TEXTURE else emphasis * lambda_of(rate_class) * 2**texture
        return LikenessLoss(
            self._source, colour=self._spec.colour, lpips=self._lpips, weight=weight, generator=self._generator
        )

    def _bases(self, bases: BaseCoder, budget: int) -> list[Base]:
        """Code base pictures with shares of the budget."""
        shares = BASE_SHARES if self._texture > PLAIN_TEXTURE else PLAIN_BASE_SHARES
        coded = (bases.within(round(share * budget)) for share in shares)
        return [Base.on(self._device, base) for base in {base.data: base for base in coded}.values()]

    def _starts(self, bases: BaseCoder, budget: int, warm_start: Refinement | None) -> list[Start]:
        """Begin afresh, with a full-size grid too where the rate allows one, or where the picture before ended.

        An objective of its own goes on from the same picture's latent.
        """
        warm = [] if warm_start is None else [self._warm(warm_start)]
        if warm and isinstance(self._objective, DifferentiableObjective):
            return warm

        def fresh(below: Base, *, fine: bool) -> Start:
            return from_analysis(self._source, below, budget=budget, texture=self._texture, fine=fine)

        below = self._bases(bases, budget)
        starts = [fresh(base, fine=False) for base in below]
        if codec.real_class(starts[0].classes[0]) < FINE_BELOW:
            starts.append(fresh(below[0], fine=True))
        return starts + warm

    def _warm(self, start: Refinement) -> Start:
        latent = codec.read_latent(start.latent, self._spec)
        return from_latent(latent, Base.on(self._device, start.base))
