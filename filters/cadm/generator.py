"""Generator ``cadm``: a small picture of few colours, restored by a diffusion model (Zhou et al., 2023)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.base import FitProgress, Objective
from ffhybrid.filters.cadm.sampling_steps import STEPS
from ffhybrid.filters.effort import PERCEPTUAL, check_tune, look_up
from ffhybrid.filters.models.downscaling import reductions_of
from ffhybrid.filters.models.generator import PretrainedGenerator
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.loading import Model

if TYPE_CHECKING:
    from ffhybrid.filters.models.generation import Generation


class Cadm(PretrainedGenerator):
    """A ``UNet2DModel`` that ``ffhybrid train cadm`` makes.

    Args:
        model, device, hub, repair: as :class:`PretrainedGenerator` has them.
        preset: how many steps of restoration are tried, in x265's words; default ``medium``, ``ultrafast`` is one.
        tune: whether ``perceptual`` (default) LPIPS decides too, or (``psnr``) the mean squared error alone.
        seed: of the choice of pixels that colours are found in.
        lpips: a file with AlexNet's weights, where they are not found by themselves.
        scale: how much smaller the coded picture is, 1, 2 or 4; None tries them and keeps the best.
    """

    name = "cadm"
    architectures = ("UNet2DModel",)
    component = "unet"

    def __init__(
        self,
        *,
        model: str | None = None,
        device: str = "auto",
        hub: bool = False,
        repair: bool = False,
        preset: str | None = None,
        tune: str = PERCEPTUAL,
        seed: int = 0,
        lpips: Path | None = None,
        scale: int | None = None,
    ) -> None:
        super().__init__(model=model, device=device, hub=hub, repair=repair)
        self._reductions = reductions_of(scale)
        self._steps = look_up(STEPS, preset)
        self._tune = check_tune(tune)
        self._seed = seed
        self._lpips = lpips

    def fit(
        self,
        objective: Objective,
        spec: PictureSpec,
        *,
        budget: int | None,
        warm_start: bytes | None,  # noqa: ARG002 - colours are found, not descended to
        progress: Callable[[FitProgress], None] | None,
    ) -> bytes:
        """Find colours and pixels within the budget; a correction comes on top of it.

        Raises:
            UsageError: no model is named, or torch or diffusers are not installed.
            ModelError: the model is not there, of another class, or restores nothing.
            OutOfMemoryError: the picture is too large for this machine.
        """
        model = self._models.named()
        from ffhybrid.filters.cadm.search import CadmSearch

        search = CadmSearch(objective, spec, model, tune=self._tune, seed=self._seed, lpips_file=self._lpips)
        found = search.best(self._reductions, self._steps, budget=budget, progress=progress)
        return self._finished(found, spec, model)

    def _generation(self, latent: ModelLatent, spec: PictureSpec, model: Model) -> Generation:
        from ffhybrid.filters.cadm.decoder import paint
        from ffhybrid.filters.models.generation import Generation

        return Generation(model, spec, latent, paint)
