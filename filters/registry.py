"""Generators by name, imported only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from inspect import signature
from typing import Generic, TypeVar, cast

from ffhybrid.errors import UnsupportedError, UsageError
from ffhybrid.filters.base import Generator, SequenceGenerator

INTRA_CODEC = "intra_codec"

Made = TypeVar("Made", Generator, SequenceGenerator)


class Registry(Generic[Made]):
    """Generators of one kind; ``what`` they are is for messages, ``places`` are their modules and classes by name.

    Those that code pictures as such are given ``intra_codec``, an :class:`~ffhybrid.filters.base.IntraCodec`.
    """

    def __init__(self, what: str, places: Mapping[str, str]) -> None:
        self._what = what
        self._places = places

    def names(self) -> tuple[str, ...]:
        """Names that :meth:`create` knows."""
        return tuple(self._places)

    def create(self, name: str, *, intra_codec: object = None, **options: object) -> Made:
        """Make the generator for encoding, with its own options.

        Raises:
            UsageError: an unknown name, or options that the generator does not take.
        """
        if name not in self._places:
            raise UsageError(f"there is no {self._what} {name!r}; known are {', '.join(self.names())}")
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
        module, _, attribute = self._places[name].partition(":")
        made = cast(Callable[..., Made], getattr(import_module(module), attribute))
        options_type = getattr(made, "options_type", None)
        if options_type is None:
            return made, signature(made).parameters
        return (lambda **options: made(options_type(**options))), signature(options_type).parameters


_KEYFRAMES = Registry[Generator](
    "keyframe generator",
    {
        "overfit": "ffhybrid.filters.overfit.generator:Overfit",
        "promptus": "ffhybrid.filters.promptus.generator:Promptus",
        "thumbnail": "ffhybrid.filters.thumbnail:Thumbnail",
        "vae": "ffhybrid.filters.vae.generator:Vae",
        "vqgan": "ffhybrid.filters.vqgan.generator:Vqgan",
        "cadm": "ffhybrid.filters.cadm.generator:Cadm",
    },
)
_SEQUENCES = Registry[SequenceGenerator](
    "generator of whole GOPs", {"promptus-video": "ffhybrid.filters.promptus.video_generator:PromptusVideo"}
)

names, create, for_restoring = _KEYFRAMES.names, _KEYFRAMES.create, _KEYFRAMES.for_restoring
sequence_names, create_sequence, sequence_for_restoring = (
    _SEQUENCES.names,
    _SEQUENCES.create,
    _SEQUENCES.for_restoring,
)
