"""Generators by name, imported only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from inspect import Parameter, signature
from typing import Generic, TypeVar, cast, get_type_hints

from ffhybrid.core.extras import check_installed
from ffhybrid.core.suggestions import did_you_mean
from ffhybrid.errors import UnsupportedError, UsageError
from ffhybrid.filters.base import KeyframeGenerator, SequenceGenerator
from ffhybrid.filters.params import as_annotated, parse_params

INTRA_CODEC = "intra_codec"
SHARED_OPTIONS = frozenset({"model", "device", "hub", "repair", "preset", "tune", "seed", "lpips"})
"""Options that several generators have with one meaning; the others are a generator's own, ``-kf-params``."""

Made = TypeVar("Made", bound=KeyframeGenerator | SequenceGenerator)


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
        known = self._known(name)
        if extra := self._places[name].extra:
            check_installed("torch", what=f"encoding with generator {name}", extra=extra)
        of_user = [option for option in known if option != INTRA_CODEC]
        for option in options:
            if option not in of_user:
                raise UsageError(f"generator {name} has no option {option!r}; it has {', '.join(of_user)}")
        factory, _ = self._factory(name)
        return factory(**options, **({INTRA_CODEC: intra_codec} if INTRA_CODEC in known else {}))

    def has_option(self, name: str, option: str) -> bool:
        """Whether a generator has an option of this name.

        Raises:
            UsageError: an unknown name.
        """
        return option in self._known(name)

    def own_options(self, name: str) -> tuple[str, ...]:
        """Names of the options that a generator does not share with others: keys of ``-kf-params``.

        Raises:
            UsageError: an unknown name.
        """
        return tuple(option for option in self._known(name) if option not in {*SHARED_OPTIONS, INTRA_CODEC})

    def parse_params(self, name: str, text: str) -> dict[str, object]:
        """Parse ``key=value:key=value``, a generator's own options, into arguments of :meth:`create`.

        Raises:
            UsageError: an unknown name, a key that the generator does not have, or a value of another type.
        """
        own = self.own_options(name)
        known = self._known(name)
        parsed: dict[str, object] = {}
        for key, value in parse_params(text).items():
            if key not in own:
                has = f"it has {', '.join(own)}" if own else "it has none"
                raise UsageError(f"-kf-params: generator {name} has no {key!r}{did_you_mean(key, own)} ({has})")
            parsed[key] = as_annotated(key, value, known[key].annotation)
        return parsed

    def for_restoring(self, name: str, **options: object) -> Made:
        """Make the generator that a payload names, with those of the options that it has.

        Raises:
            UnsupportedError: this version has no such generator.
        """
        if name not in self._places:
            raise UnsupportedError(f"the keyframe was made by generator {name!r}, which this version does not have")
        factory, known = self._factory(name)
        return factory(**{option: value for option, value in options.items() if option in known})

    def _known(self, name: str) -> Mapping[str, Parameter]:
        if name not in self._places:
            raise UsageError(f"there is no {self._what} {name!r}; known are {', '.join(self.names())}")
        return self._factory(name)[1]

    def _factory(self, name: str) -> tuple[Callable[..., Made], Mapping[str, Parameter]]:
        """Find what makes a generator of its options, and the options by name.

        Generators on models take a value of their ``options_type``, others the options themselves.
        """
        place = self._places[name]
        made = cast(Callable[..., Made], getattr(import_module(place.module), place.attribute))
        options_type = getattr(made, "options_type", None)
        if options_type is None:
            return made, signature(made, eval_str=True).parameters
        hints = get_type_hints(options_type)  # fields may be inherited from another module, with its own imports
        known = {
            name: each.replace(annotation=hints[name]) for name, each in signature(options_type).parameters.items()
        }
        return (lambda **options: made(options_type(**options))), known


_KEYFRAMES = Registry[KeyframeGenerator](
    "keyframe generator",
    {
        "enhance": Place("ffhybrid.filters.enhance.generator", "Enhance", extra="encode"),
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
own_options, parse_keyframe_params = _KEYFRAMES.own_options, _KEYFRAMES.parse_params
has_option, sequence_has_option = _KEYFRAMES.has_option, _SEQUENCES.has_option
sequence_names, create_sequence, sequence_for_restoring = (
    _SEQUENCES.names,
    _SEQUENCES.create,
    _SEQUENCES.for_restoring,
)
sequence_own_options, parse_sequence_params = _SEQUENCES.own_options, _SEQUENCES.parse_params
