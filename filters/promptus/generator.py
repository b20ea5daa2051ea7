"""Generator ``promptus``: a prompt of a text-to-image model, fitted to the picture (Wu et al., 2026)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ffhybrid.core.picture import PictureSpec
from ffhybrid.errors import UsageError
from ffhybrid.filters.base import FitProgress, Objective
from ffhybrid.filters.effort import check_tune, look_up
from ffhybrid.filters.models.descent_steps import ITERATIONS
from ffhybrid.filters.models.downscaling import least_within
from ffhybrid.filters.models.generator import PretrainedGenerator
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.loading import Model
from ffhybrid.filters.models.options import FittedKeyframeOptions
from ffhybrid.filters.promptus.codec import PromptBody, check_seed

if TYPE_CHECKING:
    from ffhybrid.filters.models.generation import Generation

MOST_STARTS = 0.9
"""The most of a budget that a start takes."""
NATIVE_SAMPLES = 960 * 544
"""Luma samples of the model's picture at most: HybridPrompt generates 540p (section 3.2)."""


@dataclass(frozen=True, kw_only=True)
class PromptusOptions(FittedKeyframeOptions):
    """Options of Promptus.

    Args:
        nested: order the components of a prompt, so that a latent can be cut to a lower rank without another fit.
        start: part of the budget, at most 0.9, for coarse latents of the picture that are mixed into the noise.
    """

    nested: bool = False
    start: float = 0.0


class Promptus(PretrainedGenerator):
    """A model of the kind of SD-Turbo, which denoises in one step.

    Its folder holds ``unet/``, a ``UNet2DConditionModel``, and ``vae/``, an ``AutoencoderTiny`` (TAESD) or
    ``AutoencoderKL``; if it likes, ``scheduler/``, whose schedule is Stable Diffusion's otherwise, and
    ``enlarger/fsrcnn_x2.safetensors``, without which the model's picture is enlarged by bicubic interpolation.

    ``preset`` says how many iterations; ``placebo`` is what the paper takes. ``seed`` is that of the noise that is
    denoised, and of the fit. Without a ``scale`` it is the least that leaves the model's picture at most 540p.
    """

    name = "promptus"
    architectures = ("UNet2DConditionModel",)
    component = "unet"
    beside = ("vae", "scheduler", "enlarger")

    options_type = PromptusOptions

    def __init__(self, options: PromptusOptions) -> None:
        super().__init__(options)
        if not 0 <= options.start <= MOST_STARTS:
            raise UsageError(f"a start takes at most {MOST_STARTS:g} of the bytes, not {options.start:g}")
        self._iterations = look_up(ITERATIONS, options.preset)
        self._tune = check_tune(options.tune)
        self._seed = check_seed(options.seed)
        self._lpips = options.lpips
        self._nested = options.nested
        self._start = options.start

    def fit(
        self,
        objective: Objective,
        spec: PictureSpec,
        *,
        budget: int | None,
        warm_start: bytes | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> bytes:
        """Fit a prompt and quantise it to the budget; a correction comes on top.

        Descent begins with ``warm_start`` if that is of the same model, and goes on from it where it is of the same
        picture: the result is never worse.

        Raises:
            UsageError: no model is named, or torch or diffusers are not installed.
            ModelError: the model is not there, or of another class.
            OutOfMemoryError: the picture is too large for this machine.
        """
        model = self._models.named()
        from ffhybrid.filters.promptus.session import PromptusSession

        before = ModelLatent.from_bytes(warm_start) if warm_start else None
        reduction = least_within(self._reductions, spec, NATIVE_SAMPLES)
        session = PromptusSession(
            objective,
            spec,
            model,
            reduction=reduction,
            seed=self._seed,
            start=self._start,
            nested=self._nested,
            tune=self._tune,
            lpips_file=self._lpips,
        )
        found = session.fit(
            self._iterations,
            budget=budget,
            warm_start=before.body if before and before.model == model.digest else None,
            progress=progress,
        )
        latent = ModelLatent(
            architecture=self.architectures.index(model.architecture),
            model=model.digest,
            reduction=reduction,
            tile=session.tile,
            body=found.body,
        )
        return self._finished(latent, spec, model)

    @staticmethod
    def truncated(latent: bytes, rank: int) -> bytes:
        """Cut a latent that was fitted in nested order to a lower rank; no model is looked at.

        It makes a coarser picture, so that a correction is left out and P and B pictures are to be coded anew.

        Raises:
            CorruptDataError, UnsupportedError: a latent that cannot be read.
            ValueError: it has no such rank.
        """
        parsed = ModelLatent.from_bytes(latent)
        body = PromptBody.from_bytes(parsed.body).truncated(rank)
        return replace(parsed, body=body.to_bytes(), is_correctable=False, correction=b"").to_bytes()

    @staticmethod
    def assembled(path: Path, architecture: str) -> Any:
        """Make the network of a model's U-Net and what is in the folders beside it."""
        from ffhybrid.filters.promptus.model import assembled

        return assembled(path, architecture)

    def _generation(self, latent: ModelLatent, spec: PictureSpec, model: Model) -> Generation:
        from ffhybrid.filters.models.generation import Generation
        from ffhybrid.filters.promptus.latents import paint

        return Generation(model, spec, latent, paint)
