"""One call of ``fit``: the loss, the start, the rounds of fitting, and reports on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.base import DifferentiableLoss, DifferentiableObjective, FitProgress, Objective, lpips_can_see
from ffhybrid.filters.devices import device_of
from ffhybrid.filters.losses import LikenessLoss, pack
from ffhybrid.filters.lpips import load_lpips
from ffhybrid.filters.overfit import base, codec
from ffhybrid.filters.overfit.fitting import Fit, FitCandidate
from ffhybrid.filters.overfit.iterations import Preset
from ffhybrid.filters.overfit.start import Base, Start, from_analysis, from_latent, lambda_of

CHOICE_EMPHASIS = 3.0
"""The emphasis of the perceptual term when starts are compared."""
DEFAULT_RATE_CLASS, DEFAULT_CRF = -1.0, 43
BASE_SHARES, PLAIN_BASE_SHARES = (0.75, 0.93), (0.95,)
"""The parts of the budget that base pictures may take, with a perceptual term and without."""
PLAIN_TEXTURE, TEXTURE = -4.0, -1.5
"""Texture class without a perceptual term, and with it. The term's weight is lambda times two to this power."""
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
        budget: int | None,
        warm_start: bytes | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> bytes:
        """Run a preset from the best start there is."""
        starts = self._starts(preset, budget, warm_start)
        likeness = self._likeness(starts[0])
        loss: DifferentiableLoss = likeness
        if isinstance(self._objective, DifferentiableObjective):
            loss = self._objective.loss(self._device)
        fits = [
            Fit(start, loss, self._spec, budget=budget, device=self._device, generator=self._generator)
            for start in starts
        ]
        fit = fits[0] if len(fits) == 1 else self._best(fits, starts[0], preset)

        def report(step: int, candidate: FitCandidate) -> None:
            if progress:
                progress(
                    FitProgress(
                        step=step,
                        steps=preset.iterations,
                        size=len(candidate.data),
                        distortion=candidate.loss,
                        psnr=likeness.psnr(candidate.packed),
                        lpips=likeness.lpips(candidate.packed),
                    )
                )

        return fit.run(preset, report).data

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

    def _bases(self, preset: Preset, budget: int | None) -> list[Base | None]:
        """Code base pictures with shares of the budget; None alone where all are too little."""
        picture = self._objective.source
        found: list[bytes | None]
        if budget is None:
            found = [base.encode(picture, crf=DEFAULT_CRF, effort=preset.base)]
        else:
            shares = BASE_SHARES if self._texture > PLAIN_TEXTURE else PLAIN_BASE_SHARES
            found = [base.encode_within(picture, round(share * budget), effort=preset.base) for share in shares]
        coded = dict.fromkeys(data for data in found if data is not None)
        return [Base.decoded(data, self._spec, self._device) for data in coded] or [None]

    def _starts(self, preset: Preset, budget: int | None, warm_start: bytes | None) -> list[Start]:
        """Begin afresh, with a full-size grid too where the rate allows one, or where the picture before ended.

        An objective of its own goes on from the same picture's latent.
        """
        warm = [] if warm_start is None else [self._warm(warm_start)]
        if warm and isinstance(self._objective, DifferentiableObjective):
            return warm

        def fresh(below: Base | None, *, fine: bool) -> Start:
            return from_analysis(
                self._source, below, budget=budget, rate_class=DEFAULT_RATE_CLASS, texture=self._texture, fine=fine
            )

        bases = self._bases(preset, budget)
        starts = [fresh(below, fine=False) for below in bases]
        if codec.real_class(starts[0].classes[0]) < FINE_BELOW:
            starts.append(fresh(bases[0], fine=True))
        return starts + warm

    def _warm(self, latent: bytes) -> Start:
        return from_latent(codec.read_latent(latent, self._spec), self._spec, self._device)
