"""Generators by name, imported only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from typing import Generic, TypeVar, cast

from ffhybrid.core.extras import check_installed
from ffhybrid.errors import UnsupportedError, UsageError
from ffhybrid.filters.base import Generator, SequenceGenerator

INTRA_CODEC = "intra_codec"

Made = TypeVar("Made", Generator, SequenceGenerator)


@dataclass(frozen=True, slots=True)
class Place:
    """Module and class of a generator; ``extra`` of the package brings the torch that fits its latents."""

    module: str
    attribute: str
    extra: str | None = None


class Registry(Generic[Made]):
    """Generators of one kind; ``what`` they are is for messages, ``places`` say by name where they are.

    Those that code pictures as such are given ``intra_codec``, an :class:`~ffhybrid.filters.base.IntraCodec`.
    """

    def __init__(self, what: str, places: Mapping[str, Place]) -> None:
        self._what = what
        self._places = places

    def names(self) -> tuple[str, ...]:
        """Names that :meth:`create` knows."""
        return tuple(self._places)

    def create(self, name: str, *, intra_codec: object = None, **options: object) -> Made:
        """Make the generator for encoding, with its own options.

        Raises:
            UsageError: an unknown name, options that the generator does not take, or torch, which fits, is missing.
        """
        if name not in self._places:
            raise UsageError(f"there is no {self._what} {name!r}; known are {', '.join(self.names())}")
        if extra := self._places[name].extra:
            check_installed("torch", what=f"encoding with generator {name}", extra=extra)
        factory, known = self._factory(name)
        of_user = [option for option in known if option != INTRA_CODEC]
        for option in options:
            if option not in of_user:
                raise UsageError(f"generator {name} has no option {option!r}; it has {', '.join(of_user)}")
        return factory(**options, **({INTRA_CODEC: intra_codec} if INTRA_CODEC in known else {}))

    def for_restoring(self, name: str, **options: object) -> Made:
        """Make the generator that a payload names, with those of the options that it has.

        Raises:
            UnsupportedError: this version has no such generator.
        """
        if name not in self._places:
            raise UnsupportedError(f"the keyframe was made by generator {name!r}, which this version does not have")
        factory, known = self._factory(name)
        return factory(**{option: value for option, value in options.items() if option in known})

    def _factory(self, name: str) -> tuple[Callable[..., Made], Collection[str]]:
        """Find what makes a generator of its options, and their names.

        Generators on models take a value of their ``options_type``, others the options themselves.
        """
        place = self._places[name]
        made = cast(Callable[..., Made], getattr(import_module(place.module), place.attribute))
        options_type = getattr(made, "options_type", None)
        if options_type is None:
            return made, signature(made).parameters
        return (lambda **options: made(options_type(**options))), signature(options_type).parameters


_KEYFRAMES = Registry[Generator](
    "keyframe generator",
    {
        "overfit": Place("ffhybrid.filters.overfit.generator", "Overfit", extra="encode"),
        "promptus": Place("ffhybrid.filters.promptus.generator", "Promptus", extra="diffusers"),
        "thumbnail": Place("ffhybrid.filters.thumbnail", "Thumbnail"),
        "vae": Place("ffhybrid.filters.vae.generator", "Vae", extra="diffusers"),
        "vqgan": Place("ffhybrid.filters.vqgan.generator", "Vqgan", extra="diffusers"),
        "cadm": Place("ffhybrid.filters.cadm.generator", "Cadm", extra="diffusers"),
    },
)
_SEQUENCES = Registry[SequenceGenerator](
    "generator of whole GOPs",
    {"promptus-video": Place("ffhybrid.filters.promptus.video_generator", "PromptusVideo", extra="diffusers")},
)

names, create, for_restoring = _KEYFRAMES.names, _KEYFRAMES.create, _KEYFRAMES.for_restoring
sequence_names, create_sequence, sequence_for_restoring = (
    _SEQUENCES.names,
    _SEQUENCES.create,
    _SEQUENCES.for_restoring,
)
