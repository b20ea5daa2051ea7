"""Autoencoders between pictures and latents: colour, padding, reduction, tiles; the same for VAE and VQ models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from numpy.typing import NDArray
from torch import Tensor

from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.colour import from_rgb, to_rgb
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.loading import Model
from ffhybrid.filters.models.tiles import blended

TILE = 128
"""Latent samples a side, above which a model sees a picture in tiles: about 1 megapixel at a time."""


@dataclass(frozen=True, slots=True)
class ModelFrame:
    """How a picture lies on a model's grid of latents.

    ``unit`` is the side, in samples of the model's picture, of one latent sample; the model's picture is
    ``2^reduction`` times smaller than the asked one, and extended to whole latent samples.
    """

    spec: PictureSpec
    unit: int
    reduction: int

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of latents."""
        side = self.unit << self.reduction
        return -(-self.spec.height // side), -(-self.spec.width // side)

    @property
    def tile(self) -> int:
        """Side of tiles that an encoder chooses: 0, the whole, below a bound of memory."""
        rows, columns = self.grid
        return TILE if rows * columns > TILE * TILE else 0

    def extended(self, packed: Tensor) -> Tensor:
        """Repeat the last row and column of (1, 6, rows, columns) up to whole latent samples."""
        side = (self.unit << self.reduction) // 2
        rows, columns = self.grid
        missing = (0, columns * side - packed.shape[-1], 0, rows * side - packed.shape[-2])
        return F.pad(packed, missing, mode="replicate")

    def cropped(self, packed: Tensor) -> Tensor:
        """Undo :meth:`extended`."""
        return packed[..., : self.spec.height // 2, : self.spec.width // 2]


class Autoencoder:
    """A model of diffusers as a map from latents of unit scale, (1, channels, rows, columns), to pictures and back.

    Those of a ``VQModel`` are vectors of its codebook.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._config: Any = model.network.config
        self.device = model.device
        self.dtype: torch.dtype = next(model.network.parameters()).dtype

    @property
    def channels(self) -> int:
        """Channels of latents."""
        return int(self._config.latent_channels)

    @property
    def unit(self) -> int:
        """Samples of the model's picture a latent sample, each way."""
        if self._model.architecture == "AutoencoderTiny":
            return int(self._config.upsampling_scaling_factor ** (len(self._config.decoder_block_out_channels) - 1))
        return int(2 ** (len(self._config.block_out_channels) - 1))

    @property
    def codebook(self) -> Tensor:
        """The vectors of a ``VQModel``, (kinds, channels)."""
        found: Tensor = self._model.network.quantize.embedding.weight
        return found

    def encoded(self, packed: Tensor, frame: ModelFrame, tile: int) -> Tensor:
        """Encode a whole number of latent samples of 2x2 luma blocks, (1, 6, rows, columns)."""
        rgb = to_rgb(packed, frame.spec.colour).to(self.dtype)
        reduced = F.avg_pool2d(rgb, 1 << frame.reduction) if frame.reduction else rgb
        return blended(self._encode, 2 * reduced - 1, tile, unit=self.unit, factor=1)

    def decoded(self, latents: Tensor, frame: ModelFrame, tile: int) -> Tensor:
        """Make 2x2 luma blocks, (1, 6, rows, columns), of latents; whole latent samples, nothing is cropped."""
        signed = blended(self._decode, latents, tile, unit=1, factor=self.unit)
        rgb = _limited((signed + 1) / 2)
        if frame.reduction:
            rgb = self.enlarged(rgb, frame.reduction)
        return from_rgb(rgb, frame.spec.colour)

    def enlarged(self, rgb: Tensor, reduction: int) -> Tensor:
        """Make RGB, (1, 3, rows, columns), 2^reduction times larger."""
        return F.interpolate(rgb, scale_factor=1 << reduction, mode="bicubic", align_corners=False)

    def _encode(self, signed: Tensor) -> Tensor:
        network = self._model.network
        if self._model.architecture == "AutoencoderKL":
            latents: Tensor = network.encode(signed).latent_dist.mode()
        else:
            latents = network.encode(signed).latents
        shift, scale = self._normalisation
        return (latents - shift) * scale

    def _decode(self, latents: Tensor) -> Tensor:
        network = self._model.network
        shift, scale = self._normalisation
        if self._model.architecture == "VQModel":
            # VQModel.decode would look for the nearest vectors once more.
            condition = latents if self._config.norm_type == "spatial" else None
            found: Tensor = network.decoder(network.post_quant_conv(latents), condition)
        else:
            found = network.decode(latents / scale + shift).sample
        return found

    @property
    def _normalisation(self) -> tuple[float, float]:
        if self._model.architecture == "VQModel":
            return 0.0, 1.0
        return float(self._config.get("shift_factor") or 0.0), float(self._config.get("scaling_factor") or 1.0)


def _limited(rgb: Tensor) -> Tensor:
    """Limit to 0 to 1; gradients pass, so that a fit finds its way back from beyond."""
    limited = rgb.clamp(0, 1)
    return rgb + (limited - rgb).detach() if rgb.requires_grad else limited


Values = Callable[[bytes, Autoencoder, ModelFrame], Tensor]
"""Makes real latents, (1, channels, rows, columns), of a latent's body, in the precision that the model has."""


def painter(values: Values) -> Callable[[Model, PictureSpec, ModelLatent], Tensor]:
    """Make what :class:`~ffhybrid.filters.models.generation.Generation` decodes latents with."""

    def paint(model: Model, spec: PictureSpec, latent: ModelLatent) -> Tensor:
        autoencoder = Autoencoder(model)
        frame = ModelFrame(spec, autoencoder.unit, latent.reduction)
        return frame.cropped(autoencoder.decoded(values(latent.body, autoencoder, frame), frame, latent.tile))

    return paint


def samples_of(packed: Tensor, spec: PictureSpec) -> list[NDArray[np.float64]]:
    """Turn 2x2 luma blocks of the shown size into planes of unrounded samples within their range."""
    scale = float(1 << (spec.bit_depth - 8))
    maximum = (1 << spec.bit_depth) - 1
    samples = ((packed.double() + 128) * scale).clamp(0, maximum)
    planes = (F.pixel_shuffle(samples[:, :4], 2)[0, 0], samples[0, 4], samples[0, 5])
    return [plane.cpu().numpy() for plane in planes]
