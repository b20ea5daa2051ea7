"""Generator ``vqgan``: the tokens of a vector-quantised autoencoder, entropy coded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.base import FitProgress, Objective
from ffhybrid.filters.models.generator import PretrainedGenerator
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.loading import Model

if TYPE_CHECKING:
    from ffhybrid.filters.models.generation import Generation


class Vqgan(PretrainedGenerator):
    """A ``VQModel`` of diffusers.

    The bytes of a picture's own tokens are given by model and size. A smaller budget is met by cheaper tokens of little
    more distance, and by smaller pictures, whichever leaves less distortion; a larger one cannot be used.
    Without a ``scale`` all of them are candidates, and the best is kept.
    """

    name = "vqgan"
    architectures = ("VQModel",)
    component = "vqvae"

    def fit(
        self,
        objective: Objective,
        spec: PictureSpec,
        *,
        budget: int | None,
        warm_start: bytes | None,  # noqa: ARG002 - tokens are found, not descended to
        progress: Callable[[FitProgress], None] | None,
    ) -> bytes:
        """Find tokens within the budget; a correction comes on top of it.

        Raises:
            UsageError: no model is named, or torch or diffusers are not installed.
            ModelError: the model is not there, or of another class.
            OutOfMemoryError: the picture is too large for this machine.
        """
        model = self._models.named()
        from ffhybrid.filters.vqgan.search import TokenSearch

        search = TokenSearch(objective, spec, model)
        found = search.best(self._reductions if budget is not None else self._reductions[:1], budget, progress)
        return self._finished(found, spec, model)

    def _generation(self, latent: ModelLatent, spec: PictureSpec, model: Model) -> Generation:
        from ffhybrid.filters.models.autoencoder import painter
        from ffhybrid.filters.models.generation import Generation
        from ffhybrid.filters.vqgan.search import values_of

        return Generation(model, spec, latent, painter(values_of))
