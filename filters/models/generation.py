"""Generation: from a latent of known codes to its picture, as one machine makes it, or corrected to be the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.filters.determinism import deterministic
from ffhybrid.filters.models.autoencoder import samples_of
from ffhybrid.filters.models.correction import apply_correction, rounded, write_correction
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.loading import Model

Painter = Callable[[Model, PictureSpec, ModelLatent], Tensor]
"""Makes 2x2 luma blocks of the asked size, (1, 6, rows, columns), of a latent, in the precision that the model has."""


class Generation:
    """What is needed to make one picture."""

    def __init__(self, model: Model, spec: PictureSpec, latent: ModelLatent, painter: Painter) -> None:
        self._model = model
        self._spec = spec
        self._latent = latent
        self._painter = painter

    def picture(self) -> Picture:
        """Generate in single precision."""
        return rounded(self._samples(self._model), self._spec.bit_depth)

    def correction(self) -> bytes:
        """Write what turns double precision into :meth:`picture`."""
        return write_correction(self.picture(), self._samples(self._model.in_double()))

    def corrected(self, correction: bytes) -> Picture:
        """Generate in double precision and correct it."""
        return apply_correction(self._samples(self._model.in_double()), self._spec.bit_depth, correction)

    def _samples(self, model: Model) -> list[NDArray[np.float64]]:
        with deterministic(), torch.no_grad():
            return samples_of(self._painter(model, self._spec, self._latent), self._spec)
