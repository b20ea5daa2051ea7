"""Generator ``vae``: the latent of an autoencoder, quantised and entropy coded, refined for each picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.base import FitProgress, Objective
from ffhybrid.filters.effort import check_tune, look_up
from ffhybrid.filters.models.descent_steps import ITERATIONS
from ffhybrid.filters.models.generator import PretrainedGenerator
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.loading import Model
from ffhybrid.filters.models.options import FittedKeyframeOptions

if TYPE_CHECKING:
    from ffhybrid.filters.models.generation import Generation


class Vae(PretrainedGenerator):
    """An ``AutoencoderTiny`` (TAESD) or ``AutoencoderKL`` of diffusers.

    ``preset`` and ``seed`` are those of the refinement; ``ultrafast`` has none. Without a ``scale`` all of them are
    candidates, and the best is kept.
    """

    name = "vae"
    architectures = ("AutoencoderTiny", "AutoencoderKL")
    component = "vae"

    options_type = FittedKeyframeOptions

    def __init__(self, options: FittedKeyframeOptions) -> None:
        super().__init__(options)
        self._iterations = look_up(ITERATIONS, options.preset)
        self._tune = check_tune(options.tune)
        self._seed = options.seed
        self._lpips = options.lpips

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
