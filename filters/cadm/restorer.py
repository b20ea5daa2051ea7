"""The diffusion model of CaDM's decoder (section 3.3): it predicts what the enlarged picture lacks.

It sees 2x2 luma blocks, noise and conditions after each other as channels, and the class of the reduction as a label
(the paper's awareness of s and n). What is diffused is the difference to the enlarged picture, so that a small network
need not learn to copy, in one step from pure noise or in a few (DDIM, Song et al., 2021).
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from ffhybrid.core.picture import PictureSpec
from ffhybrid.errors import ModelError
from ffhybrid.filters.cadm.codec import depth_of
from ffhybrid.filters.models.autoencoder import ModelFrame
from ffhybrid.filters.models.latent_layout import MAX_REDUCTION
from ffhybrid.filters.models.loading import Model
from ffhybrid.filters.models.tiles import blended
from ffhybrid.filters.noise import noise_planes

CHANNELS = 6
LEAST_DEPTH, MOST_DEPTH = 4, 8
"""Bits of a colour's index that have a label of their own (n in the paper)."""
DEPTHS = MOST_DEPTH - LEAST_DEPTH + 1
CLASSES = (MAX_REDUCTION + 1) * DEPTHS
CONFIG = {
    "in_channels": 3 * CHANNELS,
    "out_channels": CHANNELS,
    "num_class_embeds": CLASSES,
    "time_embedding_type": "positional",
}
"""The configuration that every restorer has, whatever else it is made of."""
CONDITION_UNIT = 128.0
"""The samples, in 8-bit units, that one unit of the network stands for."""
DIFFERENCE_UNIT = 6.0
"""A unit near the deviation of differences, so that what is diffused is as large as the noise."""
TIMESTEPS = 1000
NOISE_DEVIATION = 147.8
LONGEST_PERIOD = 10000
"""The longest period of a timestep's sines and cosines (Ho et al., 2020)."""


def class_of(reduction: int, colours: int) -> int:
    """Give the label of 2^reduction times fewer pixels each way, of so many colours."""
    return reduction * DEPTHS + max(depth_of(colours), LEAST_DEPTH) - LEAST_DEPTH


def conditioning(enlarged: Tensor) -> Tensor:
    """Make what the network sees of enlarged pictures, (batch, 6, rows, columns): them, and their detail on its own.

    Detail is the difference to the mean of 3x3 blocks; beside whole pictures it would drown in normalisation.
    """
    mean = F.avg_pool2d(F.pad(enlarged, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return torch.cat((enlarged / CONDITION_UNIT, (enlarged - mean) / DIFFERENCE_UNIT), 1)


def scheduler() -> Any:
    """Make the schedule of diffusion, which ends in pure noise; its arithmetic is in double precision."""
    from diffusers import DDIMScheduler

    made = DDIMScheduler(
        num_train_timesteps=TIMESTEPS,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        rescale_betas_zero_snr=True,
        clip_sample=False,
    )
    made.alphas_cumprod = made.alphas_cumprod.double()
    return made


class Restorer:
    """A ``UNet2DModel`` as a map from an enlarged picture to a better one.

    Raises:
        ModelError: its channels or classes are not those of a restorer.
    """

    def __init__(self, model: Model) -> None:
        self._network = model.network
        self.device = model.device
        self.dtype: torch.dtype = next(model.network.parameters()).dtype
        for name, wanted in CONFIG.items():
            if self._network.config.get(name) != wanted:
                found = self._network.config.get(name)
                raise ModelError(f"the model restores nothing for cadm: its {name} is {found}, not {wanted}")
        if self.dtype == torch.float64:  # a copy, so that nobody else sees the change
            self._network.time_proj = _ExactTimesteps(self._network.time_proj)

    @property
    def unit(self) -> int:
        """Luma samples each way to one of the coarsest level."""
        return int(2 ** len(self._network.config.block_out_channels))

    def frame(self, spec: PictureSpec) -> ModelFrame:
        """Say how a picture lies on the network's coarsest grid."""
        return ModelFrame(spec, self.unit, 0)

    def restored(self, condition: Tensor, frame: ModelFrame, *, label: int, steps: int, tile: int) -> Tensor:
        """Restore 2x2 luma blocks, (1, 6, rows, columns), of an enlarged picture.

        Args:
            condition: of the size of ``frame``.
            frame: from :meth:`frame`.
            label: see :func:`class_of`.
            steps: of DDIM; one gives the likeliest mean, more give texture.
            tile: side of tiles in samples of the coarsest level, 0 for none.
        """
        extended = frame.extended(condition)
        noise = noise_planes(CHANNELS, *extended.shape[-2:], device=self.device).to(self.dtype) / NOISE_DEVIATION
        everything = torch.cat((noise, conditioning(extended)), 1)

        def work(part: Tensor) -> Tensor:
            return self._sampled(part[:, :CHANNELS], part[:, CHANNELS:], label, steps)

        unit = self.unit // 2
        difference = blended(work, everything, tile, unit=unit, factor=unit)
        return condition + frame.cropped(DIFFERENCE_UNIT * difference)

    def _sampled(self, noise: Tensor, condition: Tensor, label: int, steps: int) -> Tensor:
        schedule = scheduler()
        schedule.set_timesteps(steps)
        labels = torch.tensor([label], device=self.device)
        found = noise
        for timestep in schedule.timesteps.tolist():
            predicted = self._network(torch.cat((found, condition), 1), timestep, class_labels=labels).sample
            found = schedule.step(predicted, timestep, found).prev_sample.to(self.dtype)
        return found


class _ExactTimesteps(nn.Module):
    """Sines and cosines of timesteps in double precision; those of diffusers are always in single precision."""

    def __init__(self, single: Any) -> None:
        super().__init__()
        self.num_channels: int = single.num_channels
        self.flip_sin_to_cos = single.flip_sin_to_cos
        self.downscale_freq_shift = single.downscale_freq_shift
        self.scale = single.scale

    def forward(self, timesteps: Tensor) -> Tensor:
        """Embed timesteps, (batch,), as (batch, channels)."""
        half = self.num_channels // 2
        exponents = torch.arange(half, dtype=torch.float64, device=timesteps.device) / (
            half - self.downscale_freq_shift
        )
        angles = self.scale * timesteps[:, None].double() * torch.exp(-math.log(LONGEST_PERIOD) * exponents)
        parts = (angles.cos(), angles.sin()) if self.flip_sin_to_cos else (angles.sin(), angles.cos())
        return torch.cat(parts, 1)
