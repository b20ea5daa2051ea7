"""A text-to-image model in one step: U-Net, the constants of its last timestep, decoder, and what enlarges.

Promptus (section 3.1) denoises once, from the last timestep, so that gradients are of first order.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ffhybrid.errors import CorruptDataError, ModelError
from ffhybrid.filters.codes import MAX_COUNT
from ffhybrid.filters.models.autoencoder import Autoencoder
from ffhybrid.filters.models.checkpoints import opened, read_config
from ffhybrid.filters.models.loading import Model, load_component
from ffhybrid.filters.models.upscaling import Enlarger, load_enlarger
from ffhybrid.filters.noise import gaussian

DECODERS = ("AutoencoderTiny", "AutoencoderKL")
VAE, SCHEDULER = "vae", "scheduler"
STABLE_DIFFUSION = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "epsilon",
}
"""The schedule of Stable Diffusion 2.1 and its Turbo, where a folder has none of its own."""
LONGEST_PERIOD = 10000.0
MOST_TIMESTEPS = 1 << 16
LEAST_SIGNAL = 1e-6
"""Part of the variance at the last timestep, below which a U-Net that predicts noise says nothing of the picture."""


class OneStep(nn.Module):
    """What turns noise and a prompt into latents of unit scale, and latents into pictures.

    The picture's latents are ``skip`` times the noise plus ``gain`` times what the U-Net says: with alpha the part of
    the variance that is signal at the last timestep, a U-Net that predicts noise has 1 / sqrt(alpha) and
    -sqrt((1 - alpha) / alpha), for Stable Diffusion 1 / 0.0683 and -14.6146.
    """

    skip: Tensor
    gain: Tensor

    def __init__(self, unet: Any, vae: Any, schedule: dict[str, Any], enlarger: Enlarger | None) -> None:
        super().__init__()
        self.unet = unet
        self.vae = vae
        self.enlarger = enlarger
        self._timestep = schedule["num_train_timesteps"] - 1
        skip, gain = constants(schedule)
        self.register_buffer("skip", torch.tensor(skip))
        self.register_buffer("gain", torch.tensor(gain))
        unet.time_proj = FixedTimestep(unet.time_proj, self._timestep)

    @property
    def prompt_width(self) -> int:
        """Numbers in an embedding of one token."""
        return int(self.unet.config.cross_attention_dim)

    def forward(self, noise: Tensor, prompt: Tensor) -> Tensor:
        """Denoise once.

        Args:
            noise: (1, channels, rows, columns), of unit variance.
            prompt: (1, tokens, :attr:`prompt_width`).
        """
        said: Tensor = self.unet(noise, self._timestep, encoder_hidden_states=prompt).sample
        return self.skip * noise + self.gain * said


class FixedTimestep(nn.Module):
    """The sinusoids of one timestep.

    Those that diffusers computes are in single precision, whose last bits differ between machines: more than what a
    correction in double precision bears.
    """

    sinusoids: Tensor

    def __init__(self, timesteps: Any, timestep: int) -> None:
        super().__init__()
        half = timesteps.num_channels // 2
        rates = [math.log(LONGEST_PERIOD) * i / (half - timesteps.downscale_freq_shift) for i in range(half)]
        angles = [timestep * timesteps.scale * math.exp(-rate) for rate in rates]
        sines, cosines = [math.sin(angle) for angle in angles], [math.cos(angle) for angle in angles]
        both = cosines + sines if timesteps.flip_sin_to_cos else sines + cosines
        self.register_buffer("sinusoids", torch.tensor([both]), persistent=False)

    def forward(self, timesteps: Tensor) -> Tensor:
        """Give them, (batch, channels), whatever the timesteps are."""
        return self.sinusoids.expand(len(timesteps), -1)


class Diffusion(Autoencoder):
    """A model in one step as a map from prompts to latents, and from latents to pictures."""

    def __init__(self, model: Model) -> None:
        network: OneStep = model.network
        super().__init__(Model(network.vae, type(network.vae).__name__, model.digest, model.device))
        self._network = network

    @property
    def prompt_width(self) -> int:
        """Numbers in an embedding of one token."""
        return self._network.prompt_width

    def noise(self, grid: tuple[int, int], seed: int) -> Tensor:
        """Draw the noise of a grid of latents, the same everywhere.

        Raises:
            CorruptDataError: a grid beyond all bounds.
        """
        if self.channels * grid[0] * grid[1] > MAX_COUNT:
            raise CorruptDataError(f"a latent of {grid} is beyond the limit of {MAX_COUNT} numbers")
        return gaussian((self.channels, *grid), seed=seed, device=self.device).to(self.dtype)

    def denoised(self, noise: Tensor, prompt: Tensor) -> Tensor:
        """Make latents of unit scale, (1, channels, rows, columns), by a prompt, (1, tokens, prompt_width)."""
        latents: Tensor = self._network(noise, prompt)
        return latents

    def enlarged(self, rgb: Tensor, reduction: int) -> Tensor:
        """Enlarge by the model's own network where it has one."""
        enlarger = self._network.enlarger
        if enlarger is None:
            return super().enlarged(rgb, reduction)
        for _ in range(reduction):
            rgb = enlarger(rgb)
        return rgb


def assembled(path: Path, architecture: str) -> OneStep:
    """Load the U-Net of a folder, and from the folders beside it decoder, schedule and enlarger.

    Raises:
        UsageError: diffusers is not installed.
        ModelError: a part is not there, is damaged, of another class, or does not fit the others.
    """
    place = opened(path.parent / VAE, VAE)
    if place.architecture not in DECODERS:
        raise ModelError(f"{place.path} is of class {place.architecture}, not {' or '.join(DECODERS)}")
    unet = load_component(path, architecture)
    vae = load_component(place.path, place.architecture)
    _check(path, unet, vae)
    return OneStep(unet, vae, schedule_of(path.parent), load_enlarger(path.parent))


def schedule_of(folder: Path) -> dict[str, Any]:
    """Read a model's schedule; without one it is Stable Diffusion's.

    Raises:
        ModelError: it cannot be read.
    """
    path = folder / SCHEDULER / "scheduler_config.json"
    if not path.is_file():
        return STABLE_DIFFUSION
    schedule = STABLE_DIFFUSION | read_config(path)
    timesteps = schedule["num_train_timesteps"]
    if not isinstance(timesteps, int) or not 1 < timesteps <= MOST_TIMESTEPS:
        raise ModelError(f"{path} has an impossible number of timesteps")
    try:
        constants(schedule)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path} has no schedule for one step: {error}") from error
    return schedule


def constants(schedule: dict[str, Any]) -> tuple[float, float]:
    """Give the weights of noise and of the U-Net's output in the latents of a single step from the last timestep.

    Raises:
        ValueError: a schedule in which the last timestep has no signal, or that predicts something else.
    """
    alpha = math.prod(1 - beta for beta in _betas(schedule))
    kind = schedule["prediction_type"]
    if kind == "sample":
        return 0.0, 1.0
    if kind == "v_prediction":
        return math.sqrt(alpha), -math.sqrt(1 - alpha)
    if kind != "epsilon":
        raise ValueError(f"prediction type {kind!r} is not known")
    if alpha < LEAST_SIGNAL:
        raise ValueError("noise is predicted where there is nothing else")
    return 1 / math.sqrt(alpha), -math.sqrt((1 - alpha) / alpha)


def _betas(schedule: dict[str, Any]) -> list[float]:
    """Give the variances of the steps; in double precision, so that all machines have the same constants."""
    kind, count = schedule["beta_schedule"], schedule["num_train_timesteps"]
    first, last = float(schedule["beta_start"]), float(schedule["beta_end"])
    if schedule.get("trained_betas") is not None or schedule.get("rescale_betas_zero_snr"):
        raise ValueError("variances are listed, or rescaled")
    if kind not in ("linear", "scaled_linear"):
        raise ValueError(f"beta schedule {kind!r} is not known")
    if not 0 < first <= last < 1:
        raise ValueError(f"variances from {first} to {last} are impossible")
    power = 2 if kind == "scaled_linear" else 1
    first, last = first ** (1 / power), last ** (1 / power)
    return [(first + (last - first) * i / (count - 1)) ** power for i in range(count)]


def _check(path: Path, unet: Any, vae: Any) -> None:
    """Refuse models that want more than one prompt, and parts that do not fit each other."""
    config = unet.config
    wants = ("addition_embed_type", "class_embed_type", "encoder_hid_dim_type", "time_cond_proj_dim")
    for name in wants:
        if config.get(name) is not None:
            raise ModelError(f"{path} is conditioned by more than a prompt: it has {name} {config[name]!r}")
    if not isinstance(config.cross_attention_dim, int) or config.time_embedding_type != "positional":
        raise ModelError(f"{path} is no U-Net of the kind of Stable Diffusion")
    channels = {config.in_channels, config.out_channels, vae.config.latent_channels}
    if len(channels) != 1:
        raise ModelError(f"{path} and the decoder beside it have different numbers of channels")
