"""Latents of a picture from the body of a ``promptus`` latent: noise, prompt, one step."""

from __future__ import annotations

import torch
from torch import Tensor

from ffhybrid.core.picture import PictureSpec
from ffhybrid.errors import CorruptDataError
from ffhybrid.filters.models.autoencoder import ModelFrame
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.latent_quantiser import values_of as start_of
from ffhybrid.filters.models.loading import Model
from ffhybrid.filters.promptus.codec import PromptBody
from ffhybrid.filters.promptus.model import Diffusion
from ffhybrid.filters.promptus.prompt import Factors, composed

NOISE_PART = 0.95
"""The part of the noise where something is mixed into it, gamma in equation 1 of Promptus."""


def mixed(noise: Tensor, other: Tensor | None) -> Tensor:
    """Put other latents, if there are any, into the noise (Promptus, equation 1)."""
    return noise if other is None else NOISE_PART * noise + (1 - NOISE_PART) * other


def noise_of(seed: int, start: bytes, diffusion: Diffusion, frame: ModelFrame) -> Tensor:
    """Give what is denoised: noise of a seed with a start, if there is one.

    Raises:
        CorruptDataError: a damaged start, or a picture beyond all bounds.
    """
    noise = diffusion.noise(frame.grid, seed)
    return mixed(noise, start_of(start, diffusion, frame) if start else None)


def factors_of(prompt: PromptBody, diffusion: Diffusion) -> Factors:
    """Give U and V in the precision of the model.

    Raises:
        CorruptDataError: they are not as wide as its prompts.
    """
    if prompt.width != diffusion.prompt_width:
        raise CorruptDataError(f"the prompt is {prompt.width} wide, those of the model are {diffusion.prompt_width}")
    u, v = (torch.as_tensor(f, device=diffusion.device, dtype=diffusion.dtype) for f in prompt.factors())
    return u, v


def values_of(body: bytes, diffusion: Diffusion, frame: ModelFrame) -> Tensor:
    """Denoise the latents of a body.

    Raises:
        CorruptDataError: a damaged body, or a picture beyond all bounds.
    """
    parsed = PromptBody.from_bytes(body)
    prompt = composed(*factors_of(parsed, diffusion))
    return diffusion.denoised(noise_of(parsed.seed, parsed.start, diffusion, frame), prompt)


def paint(model: Model, spec: PictureSpec, latent: ModelLatent) -> Tensor:
    """Make the picture of a latent in 2x2 luma blocks, (1, 6, rows, columns), in the precision of the model.

    Raises:
        CorruptDataError: see :func:`values_of`.
    """
    diffusion = Diffusion(model)
    frame = ModelFrame(spec, diffusion.unit, latent.reduction)
    return frame.cropped(diffusion.decoded(values_of(latent.body, diffusion, frame), frame, latent.tile))
