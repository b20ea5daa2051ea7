"""Generator ``vae``: the latent of an autoencoder, quantised and entropy coded, refined for each picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.base import FitProgress, Objective
from ffhybrid.filters.effort import PERCEPTUAL, check_tune, look_up
from ffhybrid.filters.models.descent_steps import ITERATIONS
from ffhybrid.filters.models.downscaling import reductions_of
from ffhybrid.filters.models.generator import PretrainedGenerator
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.loading import Model

if TYPE_CHECKING:
    from ffhybrid.filters.models.generation import Generation


class Vae(PretrainedGenerator):
    """An ``AutoencoderTiny`` (TAESD) or ``AutoencoderKL`` of diffusers.

    Args:
        model, device, hub, repair: as :class:`PretrainedGenerator` has them.
        preset: effort of the refinement, in x265's words; default ``medium``, ``ultrafast`` has none.
        tune: ``perceptual`` (default) also minimises LPIPS, ``psnr`` only the mean squared error.
        seed: of the noise in the refinement.
        lpips: a file with AlexNet's weights, where they are not found by themselves.
        scale: how much smaller the model's picture is, 1, 2 or 4; None tries them and keeps the best.
    """

    name = "vae"
    architectures = ("AutoencoderTiny", "AutoencoderKL")
    component = "vae"

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
        self._iterations = look_up(ITERATIONS, preset)
        self._tune = check_tune(tune)
        self._seed = seed
        self._lpips = lpips

    def fit(
        self,
        objective: Objective,
        spec: PictureSpec,
        *,
        budget: int | None,
        warm_start: bytes | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> bytes:
        """Encode, quantise to the budget and refine; a correction comes on top of the budget.

        Raises:
            UsageError: no model is named, or torch or diffusers are not installed.
            ModelError: the model is not there, or of another class.
            OutOfMemoryError: the picture is too large for this machine.
        """
        model = self._models.named()
        from ffhybrid.filters.vae.session import VaeSession

        session = VaeSession(objective, spec, model, tune=self._tune, seed=self._seed, lpips_file=self._lpips)
        found = session.fit(
            self._iterations,
            reductions=self._reductions,
            budget=budget,
            warm_start=ModelLatent.from_bytes(warm_start) if warm_start else None,
            progress=progress,
        )
        latent = ModelLatent(
            architecture=self.architectures.index(model.architecture),
            model=model.digest,
            reduction=found.frame.reduction,
            tile=found.tile,
            body=found.body,
        )
        return self._finished(latent, spec, model)

    def _generation(self, latent: ModelLatent, spec: PictureSpec, model: Model) -> Generation:
        from ffhybrid.filters.models.autoencoder import painter
        from ffhybrid.filters.models.generation import Generation
        from ffhybrid.filters.models.latent_quantiser import values_of

        return Generation(model, spec, latent, painter(values_of))
