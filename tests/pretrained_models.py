"""Small randomly initialised models of the very classes that users have, saved as they are published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ffhybrid.core.picture import Colour, Picture
from ffhybrid.filters.cadm.restorer import CONFIG as RESTORER
from ffhybrid.filters.colour import to_rgb
from ffhybrid.filters.losses import pack

TINY = {
    "encoder_block_out_channels": (8, 8, 8),
    "decoder_block_out_channels": (8, 8, 8),
    "num_encoder_blocks": (1, 1, 1),
    "num_decoder_blocks": (1, 1, 1),
}
KL = {
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "block_out_channels": (8, 8),
    "norm_num_groups": 4,
}
VQ = {**KL, "num_vq_embeddings": 64, "latent_channels": 4}
UNET = {
    **RESTORER,
    "block_out_channels": (8, 8),
    "down_block_types": ("DownBlock2D",) * 2,
    "up_block_types": ("UpBlock2D",) * 2,
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "add_attention": False,
}
CONFIGS: dict[str, dict[str, Any]] = {"AutoencoderTiny": TINY, "AutoencoderKL": KL, "VQModel": VQ, "UNet2DModel": UNET}


def saved(architecture: str, folder: Path, *, seed: int = 0, **changes: Any) -> Path:
    """Make a model and save it as diffusers does, in safetensors; ``changes`` are of its configuration."""
    import diffusers

    torch.manual_seed(seed)
    model = getattr(diffusers, architecture)(**CONFIGS[architecture] | changes)
    if architecture == "AutoencoderTiny":
        _spread_out(model)
    if architecture == "VQModel":
        torch.nn.init.normal_(model.quantize.embedding.weight)
    model.save_pretrained(folder)
    return folder


def trained(picture: Picture, folder: Path, *, steps: int = 150) -> Path:
    """Train a small AutoencoderTiny on one picture for a few seconds, so that its latents mean something."""
    import diffusers

    rgb = to_rgb(pack(picture, torch.device("cpu")), Colour())
    torch.manual_seed(0)
    model = diffusers.AutoencoderTiny(**TINY)
    _spread_out(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(steps):
        latents = model.encode(2 * rgb - 1).latents
        noisy = latents + 0.2 * (torch.rand_like(latents) - 0.5)
        error = ((model.decode(noisy).sample + 1) / 2 - rgb).square().mean() + 1e-3 * latents.square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    model.save_pretrained(folder)
    return folder


def _spread_out(model: Any) -> None:
    """Give latents and pictures of a deep random network without normalisation the spread that trained ones have."""
    with torch.no_grad():
        model.encoder.layers[-1].weight *= 100
        model.decoder.layers[-1].weight *= 10
        model.decoder.layers[-1].bias.fill_(0.5)


PROMPTED = {
    "sample_size": 8,
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "cross_attention_dim": 16,
    "attention_head_dim": 2,
    "norm_num_groups": 4,
}


def saved_one_step(folder: Path, *, seed: int = 0, decoder: str = "AutoencoderTiny", **unet: object) -> Path:
    """Make a model of the kind of SD-Turbo whose picture depends on its prompt as much as that of a trained one.

    Random attention hardly lets a prompt through, so it is made louder; and the U-Net says the latents themselves,
    where one that says the noise would have to know it.
    """
    import diffusers

    torch.manual_seed(seed)
    model = diffusers.UNet2DConditionModel(**PROMPTED | unet)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "attn2" in name or name == "conv_out.weight":
                weight *= 4
    model.save_pretrained(folder / "unet")
    saved(decoder, folder / "vae", seed=seed)
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text('{"prediction_type": "sample"}')
    return folder
