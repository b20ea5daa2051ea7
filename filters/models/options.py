"""Options of generators on a model, by the names that users give them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ffhybrid.filters.effort import PERCEPTUAL


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which model a generator works on, and at which size.

    Args:
        model: folder, safetensors file, name below ``FFHYBRID_MODELS``, or repository of the hub.
        device: ``auto``, ``cpu`` or ``cuda``.
        hub: whether a model may be downloaded.
        scale: how much smaller the model's picture is, 1, 2 or 4; None leaves it to the generator.
    """

    model: str | None = None
    device: str = "auto"
    hub: bool = False
    scale: int | None = None


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """How a latent is looked for.

    Args:
        preset: effort, in x265's words; default ``medium``.
        tune: ``perceptual`` (default) also minimises LPIPS, ``psnr`` only the mean squared error.
        seed: of what is drawn at random; the same seed gives the same latent on the same machine.
        lpips: a file with AlexNet's weights, where they are not found by themselves.
    """

    preset: str | None = None
    tune: str = PERCEPTUAL
    seed: int = 0
    lpips: Path | None = None


@dataclass(frozen=True, kw_only=True)
class KeyframeOptions(ModelOptions):
    """Options of a generator of keyframes.

    Args:
        repair: whether fits store a correction that makes the picture exact on any machine.
    """

    repair: bool = False


@dataclass(frozen=True, kw_only=True)
class FittedKeyframeOptions(FitOptions, KeyframeOptions):
    """Options of a generator of keyframes that looks for latents with an effort and an aim."""
