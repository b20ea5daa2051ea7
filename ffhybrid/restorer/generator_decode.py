"""Making a payload's picture again: by which model, and what happens where this machine's arithmetic differs."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ffhybrid.core import fixups
from ffhybrid.core.payload import Anchor, Payload, anchor_md5, picture_md5
from ffhybrid.core.picture import Picture
from ffhybrid.errors import CorruptDataError, ReproductionError, VerificationError
from ffhybrid.filters.base import (
    AnchorGenerator,
    BasePicture,
    CorrectableGenerator,
    KeyframeGenerator,
    RefiningGenerator,
    Reproducibility,
    SequenceGenerator,
)
from ffhybrid.filters.registry import names, sequence_for_restoring
from ffhybrid.hevc import sei
from ffhybrid.restorer.generators import for_restoring

logger = logging.getLogger(__name__)


class Strictness(StrEnum):
    """What is done about a generated keyframe that is not what its MD5 says, in FFmpeg's words for ``-strict``."""

    NORMAL = "normal"
    """Correct it where the payload has a correction, else stop."""
    STRICT = "strict"
    """Stop."""
    EXPERIMENTAL = "experimental"
    """Correct it, or go on with the wrong picture; the pictures that refer to it drift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorDecode:
    """How keyframes are made again; what concerns models is for generators that have one.

    ``model`` is a folder, a safetensors file, a name below ``FFHYBRID_MODELS`` or a repository of the hub, None to
    look through ``FFHYBRID_MODELS``. ``device`` is ``auto``, ``cpu`` or ``cuda``; ``hub`` allows downloading.
    """

    model: str | None = None
    device: str = "auto"
    hub: bool = False
    strict: Strictness = Strictness.NORMAL

    def picture(self, payload: Payload, base: Picture | None) -> Picture:
        """Make the reference picture, at its coded size; its MD5 is right unless ``strict`` is ``experimental``.

        ``base`` is the base picture, if the payload has one.

        Raises:
            CorruptDataError, UnsupportedError: a payload that cannot be read.
            ModelError: a model that is not there.
            ReproductionError: this machine makes another picture.
            VerificationError: the picture is not the one that the encoder saw.
        """
        generator = for_restoring(payload.generator, model=self.model, device=self.device, hub=self.hub)
        picture = _completed(_generated(generator, payload, base), payload, payload.fixups)
        if _is_right(picture, payload):
            return picture
        return self._settled(generator, picture, payload)

    def anchor(self, payload: Payload, anchor: Anchor, base: BasePicture, *, distance: int) -> Picture:
        """Make an anchor of its base picture, at its coded size, ``distance`` pictures behind the last generated one.

        Its MD5 is right unless ``strict`` is ``experimental``: then a damaged base is given as it is.

        Raises:
            CorruptDataError: a payload whose generator has no anchors, or a damaged latent.
            UnsupportedError: a network that this version lacks.
            VerificationError: the picture is not the one that the encoder saw.
        """
        generator = for_restoring(payload.generator, model=self.model, device=self.device, hub=self.hub)
        if not isinstance(generator, AnchorGenerator):
            raise CorruptDataError(f"generator {payload.generator} has no anchors")
        enhanced = generator.enhance(anchor.latent, base, payload.spec, keyframe=payload.latent, distance=distance)
        picture = _completed(enhanced, payload, anchor.fixups)
        if anchor_md5(sei.picture_md5s(picture)) == anchor.picture_md5:
            return picture
        complaint = "its base picture is damaged or was coded anew: what is made of it does not match its MD5"
        if self.strict is not Strictness.EXPERIMENTAL:
            raise VerificationError(complaint)
        logger.warning("%s; going on with the base picture as it is", complaint)
        return base.picture.padded(payload.coded_width, payload.coded_height)

    def pictures(self, payload: Payload) -> Iterator[Picture]:
        """Make all pictures of a GOP whose pictures are all generated, at their coded size.

        Whether their MD5 is right is seen behind the last one.

        Raises:
            CorruptDataError, UnsupportedError, ModelError: as :meth:`picture`.
            ReproductionError: the pictures are not those that the encoder saw.
        """
        generator = sequence_for_restoring(payload.generator, model=self.model, device=self.device, hub=self.hub)
        md5s = b""
        for count, generated in enumerate(generator.generate_sequence(payload.latent, payload.spec), 1):
            if count > payload.pictures:
                raise CorruptDataError(f"the latent has more pictures than the {payload.pictures} of its payload")
            picture = generated.padded(payload.coded_width, payload.coded_height)
            md5s += picture_md5(sei.picture_md5s(picture))
            yield picture
        if sequence_md5(md5s) == payload.picture_md5:
            return
        complaint = f"the generated pictures do not match their MD5: {_otherwise(generator, payload)}"
        if self.strict is not Strictness.EXPERIMENTAL:
            raise ReproductionError(complaint)
        logger.warning("%s; going on with pictures of which nobody knows how far off they are", complaint)

    def _settled(self, generator: KeyframeGenerator, wrong: Picture, payload: Payload) -> Picture:
        """Decide what becomes of a picture that does not match its MD5."""
        if generator.reproducibility is Reproducibility.EXACT:
            raise VerificationError("the generated keyframe does not match its MD5")
        if self.strict is not Strictness.STRICT and isinstance(generator, CorrectableGenerator):
            corrected = generator.corrected(payload.latent, payload.spec)
            if corrected is not None:
                return _checked(wrong, _completed(corrected, payload, payload.fixups), payload)
        complaint = f"the generated keyframe does not match its MD5: {_otherwise(generator, payload)}"
        if self.strict is Strictness.EXPERIMENTAL:
            logger.warning("%s; going on with a picture of which nobody knows how far off it is", complaint)
            return wrong
        raise ReproductionError(f"{complaint} (files written with -kf:repair restore anywhere)")


def correction_size(payload: Payload) -> int:
    """Bytes of the correction in a payload's latent; 0 if there is none, or a generator that has none."""
    if payload.generator not in names():
        return 0
    generator = for_restoring(payload.generator)
    return generator.correction_size(payload.latent) if isinstance(generator, CorrectableGenerator) else 0


def sequence_md5(md5s: bytes) -> bytes:
    """MD5 of what :func:`~ffhybrid.core.payload.picture_md5` gives of every picture, after each other."""
    return hashlib.md5(md5s, usedforsecurity=False).digest()


def _otherwise(generator: KeyframeGenerator | SequenceGenerator, payload: Payload) -> str:
    return (
        f"generator {payload.generator} is {generator.reproducibility}, and this machine is not as the one that encoded"
    )


def _generated(generator: KeyframeGenerator, payload: Payload, base: Picture | None) -> Picture:
    if not isinstance(generator, RefiningGenerator):
        return generator.generate(payload.latent, payload.spec)
    if base is None:
        raise CorruptDataError(f"a keyframe of generator {payload.generator} has no base picture")
    return generator.refine(payload.latent, base, payload.spec)


def _completed(generated: Picture, payload: Payload, differences: bytes) -> Picture:
    return fixups.apply(generated.padded(payload.coded_width, payload.coded_height), differences)


def _is_right(picture: Picture, payload: Payload) -> bool:
    return picture_md5(sei.picture_md5s(picture)) == payload.picture_md5


def _checked(wrong: Picture, corrected: Picture, payload: Payload) -> Picture:
    """Say how far off a picture was, if the corrected one is right."""
    if not _is_right(corrected, payload):
        raise VerificationError("neither the generated keyframe nor its correction matches the MD5")
    off = np.abs(wrong.samples().astype(np.int32) - corrected.samples())
    logger.warning(
        "the generated keyframe is off by %d at most and %.2g on average, in %d samples; it is corrected exactly",
        off.max(),
        off.mean(),
        np.count_nonzero(off),
    )
    return corrected
