"""Generators by name, imported only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import signature
from typing import Generic, TypeVar, cast

from ffhybrid.errors import UnsupportedError, UsageError
from ffhybrid.filters.base import Generator, SequenceGenerator

Made = TypeVar("Made", Generator, SequenceGenerator)


class Registry(Generic[Made]):
    """Generators of one kind; ``what`` they are is for messages, ``places`` are their modules and classes by name."""

    def __init__(self, what: str, places: Mapping[str, str]) -> None:
        self._what = what
        self._places = places

    def names(self) -> tuple[str, ...]:
        """Names that :meth:`create` knows."""
        return tuple(self._places)

    def create(self, name: str, **options: object) -> Made:
        """Make the generator for encoding, with its own options.

        Raises:
            UsageError: an unknown name, or options that the generator does not take.
        """
        if name not in self._places:
            raise UsageError(f"there is no {self._what} {name!r}; known are {', '.join(self.names())}")
        factory = self._factory(name)
        known = signature(factory).parameters
        for option in options:
            if option not in known:
                raise UsageError(f"generator {name} has no option {option!r}; it has {', '.join(known)}")
        return factory(**options)

    def for_restoring(self, name: str, **options: object) -> Made:
        """Make the generator that a payload names, with those of the options that it has.

        Raises:
            UnsupportedError: this version has no such generator.
        """
        if name not in self._places:
            raise UnsupportedError(f"the keyframe was made by generator {name!r}, which this version does not have")
        factory = self._factory(name)
        known = signature(factory).parameters
        return factory(**{option: value for option, value in options.items() if option in known})

    def _factory(self, name: str) -> Callable[..., Made]:
        module, _, attribute = self._places[name].partition(":")
        return cast(Callable[..., Made], getattr(import_module(module), attribute))


_KEYFRAMES = Registry[Generator](
    "keyframe generator",
    {
        "overfit": "ffhybrid.filters.overfit.generator:Overfit",
        "promptus": "ffhybrid.filters.pretrained.promptus:Promptus",
        "thumbnail": "ffhybrid.filters.thumbnail:Thumbnail",
        "vae": "ffhybrid.filters.pretrained.vae:Vae",
        "vqgan": "ffhybrid.filters.pretrained.vqgan:Vqgan",
        "cadm": "ffhybrid.filters.pretrained.cadm.generator:Cadm",
    },
)
_SEQUENCES = Registry[SequenceGenerator](
    "generator of whole GOPs", {"promptus-video": "ffhybrid.filters.pretrained.promptus_video:PromptusVideo"}
)

names, create, for_restoring = _KEYFRAMES.names, _KEYFRAMES.create, _KEYFRAMES.for_restoring
sequence_names, create_sequence, sequence_for_restoring = (
    _SEQUENCES.names,
    _SEQUENCES.create,
    _SEQUENCES.for_restoring,
)
