"""Generators by name, imported only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from inspect import signature
from typing import cast

from ffhybrid.errors import UnsupportedError, UsageError
from ffhybrid.filters.base import Generator

_GENERATORS = {
    "overfit": "ffhybrid.filters.overfit.generator:Overfit",
    "thumbnail": "ffhybrid.filters.thumbnail:Thumbnail",
    "vae": "ffhybrid.filters.pretrained.vae:Vae",
    "vqgan": "ffhybrid.filters.pretrained.vqgan:Vqgan",
    "cadm": "ffhybrid.filters.pretrained.cadm.generator:Cadm",
}


def names() -> tuple[str, ...]:
    """Names that :func:`create` knows."""
    return tuple(_GENERATORS)


def create(name: str, **options: object) -> Generator:
    """Make the generator for encoding, with its own options.

    Raises:
        UsageError: an unknown name, or options that the generator does not take.
    """
    if name not in _GENERATORS:
        raise UsageError(f"there is no keyframe generator {name!r}; known are {', '.join(names())}")
    return _load(name, **options)


def for_restoring(name: str, **options: object) -> Generator:
    """Make the generator that a payload names, with those of the options that it has.

    Raises:
        UnsupportedError: this version has no such generator.
    """
    if name not in _GENERATORS:
        raise UnsupportedError(f"the keyframe was made by generator {name!r}, which this version does not have")
    known = signature(_factory(name)).parameters
    return _load(name, **{option: value for option, value in options.items() if option in known})


def _factory(name: str) -> Callable[..., Generator]:
    module, _, attribute = _GENERATORS[name].partition(":")
    return cast(Callable[..., Generator], getattr(import_module(module), attribute))


def _load(name: str, **options: object) -> Generator:
    factory = _factory(name)
    known = signature(factory).parameters
    for option in options:
        if option not in known:
            raise UsageError(f"generator {name} has no option {option!r}; it has {', '.join(known)}")
    return factory(**options)
