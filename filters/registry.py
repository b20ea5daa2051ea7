"""Generators by name, imported only when asked for."""

from __future__ import annotations

from importlib import import_module
from inspect import signature
from typing import cast

from ffhybrid.errors import UnsupportedError, UsageError
from ffhybrid.filters.base import Generator

_GENERATORS = {
    "overfit": "ffhybrid.filters.overfit.generator:Overfit",
    "thumbnail": "ffhybrid.filters.thumbnail:Thumbnail",
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


def for_restoring(name: str) -> Generator:
    """Make the generator that a payload names.

    Raises:
        UnsupportedError: this version has no such generator.
    """
    if name not in _GENERATORS:
        raise UnsupportedError(f"the keyframe was made by generator {name!r}, which this version does not have")
    return _load(name)


def _load(name: str, **options: object) -> Generator:
    module, _, attribute = _GENERATORS[name].partition(":")
    factory = getattr(import_module(module), attribute)
    known = signature(factory).parameters
    for option in options:
        if option not in known:
            raise UsageError(f"generator {name} has no option {option!r}; it has {', '.join(known)}")
    return cast(Generator, factory(**options))
