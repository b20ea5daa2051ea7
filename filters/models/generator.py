"""Base classes of generators on a model: finding it, generating, correcting. Importing this needs no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import CorruptDataError
from ffhybrid.filters.base import Reproducibility
from ffhybrid.filters.devices import check_device
from ffhybrid.filters.effort import PERCEPTUAL
from ffhybrid.filters.models.downscaling import reductions_of
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.loading import Model, ModelSource, load_component
from ffhybrid.filters.models.options import FitOptions, KeyframeOptions, ModelOptions

if TYPE_CHECKING:
    from ffhybrid.filters.models.generation import Generation


class ModelBound:
    """A generator on a model of diffusers; its options are a value of :attr:`options_type`."""

    reproducibility = Reproducibility.PINNED
    options_type: ClassVar[type[ModelOptions]]
    """What the registry makes of a user's options."""
    architectures: ClassVar[tuple[str, ...]]
    """Classes of diffusers that it takes, in the order of the format."""
    component: ClassVar[str]
    """Subfolder of such a model in a repository of a whole pipeline."""
    beside: ClassVar[tuple[str, ...]] = ()
    """Other subfolders that its model is assembled from."""

    def __init__(self, options: ModelOptions) -> None:
        self._models = ModelSource(
            architectures=self.architectures,
            component=self.component,
            reference=options.model,
            device=check_device(options.device),
            hub=options.hub,
            beside=self.beside,
            assemble=self.assembled,
        )
        self._reductions = reductions_of(options.scale)
        self._is_perceptual = isinstance(options, FitOptions) and options.tune == PERCEPTUAL

    @property
    def looks_at_lpips(self) -> bool:
        """Whether fits do."""
        return self._is_perceptual

    @staticmethod
    def assembled(path: Path, architecture: str) -> Any:
        """Make the network of a folder or file and a class; one of diffusers, unless a generator knows better."""
        return load_component(path, architecture)

    def model_digest(self) -> str:
        """Return the first bytes of the SHA-256 of the model's weights, in hexadecimal.

        Raises:
            UsageError, ModelError: none is named, or it is not there.
        """
        return self._models.named().digest.hex()

    def _recorded(self, latent: ModelLatent) -> Model:
        """Load the model that a latent was made with."""
        if latent.architecture >= len(self.architectures):
            raise CorruptDataError(f"the latent names class {latent.architecture} of {len(self.architectures)}")
        return self._models.recorded(self.architectures[latent.architecture], latent.model)


class PretrainedGenerator(ModelBound, ABC):
    """A generator of keyframes on a model of diffusers."""

    options_type = KeyframeOptions

    def __init__(self, options: KeyframeOptions) -> None:
        super().__init__(options)
        self._repair = options.repair

    def generate(self, latent: bytes, spec: PictureSpec) -> Picture:
        """Make the picture in single precision.

        Raises:
            CorruptDataError, UnsupportedError: a latent that cannot be read.
            ModelError: the model that it was made with is not there.
            OutOfMemoryError: the picture is too large for this machine.
        """
        parsed = ModelLatent.from_bytes(latent)
        return self._generation(parsed, spec, self._recorded(parsed)).picture()

    def corrected(self, latent: bytes, spec: PictureSpec) -> Picture | None:
        """Make the encoder's exact picture on any machine, in double precision; None without a stored correction.

        Raises:
            CorruptDataError, ModelError, OutOfMemoryError: as :meth:`generate`.
        """
        parsed = ModelLatent.from_bytes(latent)
        if not parsed.is_correctable:
            return None
        return self._generation(parsed, spec, self._recorded(parsed)).corrected(parsed.correction)

    def correction_size(self, latent: bytes) -> int:
        """Bytes of the stored correction; no model is looked at."""
        return len(ModelLatent.from_bytes(latent).correction)

    @abstractmethod
    def _generation(self, latent: ModelLatent, spec: PictureSpec, model: Model) -> Generation:
        """Make ready what generates a latent's picture."""

    def _finished(self, latent: ModelLatent, spec: PictureSpec, model: Model) -> bytes:
        """Add the correction where one is asked for, and serialise."""
        if self._repair:
            correction = self._generation(latent, spec, model).correction()
            latent = replace(latent, is_correctable=True, correction=correction)
        return latent.to_bytes()
