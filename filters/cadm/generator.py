"""Generator ``cadm``: a small picture of few colours, restored by a diffusion model (Zhou et al., 2023)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.base import FitProgress, Objective
from ffhybrid.filters.cadm.sampling_steps import STEPS
from ffhybrid.filters.effort import check_tune, look_up
from ffhybrid.filters.models.generator import PretrainedGenerator
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.loading import Model
from ffhybrid.filters.models.options import FittedKeyframeOptions

if TYPE_CHECKING:
    from ffhybrid.filters.models.generation import Generation


class Cadm(PretrainedGenerator):
    """A ``UNet2DModel`` that ``ffhybrid train cadm`` makes.

    ``preset`` says how many steps of restoration are candidates, one for ``ultrafast``; ``tune`` whether LPIPS decides
    among them too; ``seed`` is that of the choice of pixels that colours are found in. Without a ``scale`` all of them
    are candidates, and the best is kept.
    """

    name = "cadm"
    architectures = ("UNet2DModel",)
    component = "unet"

    options_type = FittedKeyframeOptions

    def __init__(self, options: FittedKeyframeOptions) -> None:
        super().__init__(options)
        self._steps = look_up(STEPS, options.preset)
        self._tune = check_tune(options.tune)
        self._seed = options.seed
        self._lpips = options.lpips

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
