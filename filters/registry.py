"""Generators by name, imported only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import signature
from typing import cast

from ffhybrid.errors import UnsupportedError, UsageError
from ffhybrid.filters.base import Generator, SequenceGenerator

_GENERATORS = {
    "overfit": "ffhybrid.filters.overfit.generator:Overfit",
    "promptus": "ffhybrid.filters.pretrained.promptus:Promptus",
    "thumbnail": "ffhybrid.filters.thumbnail:Thumbnail",
    "vae": "ffhybrid.filters.pretrained.vae:Vae",
    "vqgan": "ffhybrid.filters.pretrained.vqgan:Vqgan",
    "cadm": "ffhybrid.filters.pretrained.cadm.generator:Cadm",
}

_SEQUENCES = {"promptus-video": "ffhybrid.filters.pretrained.promptus_video:PromptusVideo"}


def names() -> tuple[str, ...]:
    """Names that :func:`create` knows."""
    return tuple(_GENERATORS)


def sequence_names() -> tuple[str, ...]:
    """Names of generators of whole GOPs."""
    return tuple(_SEQUENCES)


def create(name: str, **options: object) -> Generator:
    """Make the generator for encoding, with its own options.

    Raises:
        UsageError: an unknown name, or options that the generator does not take.
    """
    if name not in _GENERATORS:
        raise UsageError(f"there is no keyframe generator {name!r}; known are {', '.join(names())}")
    return cast(Generator, _load(name, _GENERATORS[name], options))


def create_sequence(name: str, **options: object) -> SequenceGenerator:
    """Make a generator of whole GOPs for encoding, with its own options.

    Raises:
        UsageError: an unknown name, or options that the generator does not take.
    """
    if name not in _SEQUENCES:
        raise UsageError(f"there is no generator {name!r} of whole GOPs; known are {', '.join(sequence_names())}")
    return cast(SequenceGenerator, _load(name, _SEQUENCES[name], options))


def for_restoring(name: str, **options: object) -> Generator:
    """Make the generator that a payload names, with those of the options that it has.

    Raises:
        UnsupportedError: this version has no such generator.
    """
    if name not in _GENERATORS:
        raise UnsupportedError(f"the keyframe was made by generator {name!r}, which this version does not have")
    return cast(Generator, _load(name, _GENERATORS[name], _taken(_GENERATORS[name], options)))


def sequence_for_restoring(name: str, **options: object) -> SequenceGenerator:
    """Make the generator of whole GOPs that a payload names, with those of the options that it has."""
    return cast(SequenceGenerator, _load(name, _SEQUENCES[name], _taken(_SEQUENCES[name], options)))


def _factory(place: str) -> Callable[..., object]:
    module, _, attribute = place.partition(":")
    return cast(Callable[..., object], getattr(import_module(module), attribute))


def _taken(place: str, options: Mapping[str, object]) -> dict[str, object]:
    known = signature(_factory(place)).parameters
    return {option: value for option, value in options.items() if option in known}


def _load(name: str, place: str, options: Mapping[str, object]) -> object:
    factory = _factory(place)
    known = signature(factory).parameters
    for option in options:
        if option not in known:
            raise UsageError(f"generator {name} has no option {option!r}; it has {', '.join(known)}")
    return factory(**options)
