"""From a latent of known codes to its picture, exactly as one machine makes it, or corrected to be the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ffhybrid.filters.pretrained.autoencoder import Autoencoder, Frame, samples_of
from ffhybrid.filters.pretrained.correction import apply_correction, rounded, write_correction
from ffhybrid.filters.pretrained.determinism import deterministic
from ffhybrid.filters.pretrained.layout import Latent
from ffhybrid.filters.pretrained.models import Model
from ffhybrid.picture import Picture, PictureSpec

Decoder = TypeVar("Decoder", bound=Autoencoder)


class Generation(Generic[Decoder]):
    """What is needed to make one picture.

    Args:
        model: in single precision.
        spec: of the picture.
        latent: of it.
        decoder: makes what decodes out of a model.
        values: makes real latents, (1, channels, rows, columns), of a latent's body, in the precision of the decoder.
    """

    def __init__(
        self,
        model: Model,
        spec: PictureSpec,
        latent: Latent,
        *,
        decoder: Callable[[Model], Decoder],
        values: Callable[[bytes, Decoder, Frame], Tensor],
    ) -> None:
        self._model = model
        self._spec = spec
        self._latent = latent
        self._decoder = decoder
        self._values = values

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
        decoder = self._decoder(model)
        frame = Frame(self._spec, decoder.unit, self._latent.reduction)
        with deterministic(), torch.no_grad():
            packed = decoder.decoded(self._values(self._latent.body, decoder, frame), frame, self._latent.tile)
            return samples_of(frame.cropped(packed), self._spec)
