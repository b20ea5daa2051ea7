"""Generator ``overfit``: what the registry makes. Restoring needs nothing but the C core; fitting imports torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.core.resources import usable_cores
from ffhybrid.filters.base import BaseCoder, FitProgress, Objective, Refinement, Reproducibility
from ffhybrid.filters.devices import check_device
from ffhybrid.filters.effort import PERCEPTUAL, check_tune, look_up
from ffhybrid.filters.overfit import codec
from ffhybrid.filters.overfit.iterations import PRESETS

MAX_THREADS = 8


class Overfit:
    """A base picture, refined by latent grids and a tiny network optimised for it (Cool-Chic and C3 family).

    Args:
        preset: effort, in x265's words; default ``medium``.
        tune: ``perceptual`` (default) also minimises LPIPS, ``psnr`` only the mean squared error.
        device: ``auto``, ``cpu`` or ``cuda``, for fitting only.
        seed: of the noise in fitting; the same seed gives the same latent on the same machine.
        lpips: a file with AlexNet's weights, where they are not found by themselves.
    """

    name = "overfit"
    reproducibility = Reproducibility.EXACT

    def __init__(
        self,
        *,
        preset: str | None = None,
        tune: str = PERCEPTUAL,
        device: str = "auto",
        seed: int = 0,
        lpips: Path | None = None,
    ) -> None:
        self._preset = look_up(PRESETS, preset)
        self._tune = check_tune(tune)
        self._device = check_device(device)
        self._seed = seed
        self._lpips = lpips

    @property
    def looks_at_lpips(self) -> bool:
        """Whether fits do."""
        return self._tune == PERCEPTUAL

    def fit_refinement(
        self,
        objective: Objective,
        spec: PictureSpec,
        *,
        bases: BaseCoder,
        budget: int,
        warm_start: Refinement | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> Refinement:
        """Choose a base picture and optimise a latent; together they are within 5 % of the budget in bytes.

        Raises:
            UsageError: the device is not there.
        """
        from ffhybrid.filters.overfit.session import OverfitSession

        session = OverfitSession(
            objective, spec, tune=self._tune, device=self._device, seed=self._seed, lpips_file=self._lpips
        )
        return session.fit(self._preset, bases=bases, budget=budget, warm_start=warm_start, progress=progress)

    def refine(self, latent: bytes, base: Picture, spec: PictureSpec) -> Picture:
        """Decode a latent in integer arithmetic.

        Raises:
            CorruptDataError: a damaged latent.
            UnsupportedError: another version of it, or another prior.
        """
        return codec.decode(latent, base, spec, threads=min(usable_cores(), MAX_THREADS))
