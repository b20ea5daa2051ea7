"""The encoder of the mode that options ask for, and what is decided before it works: device, threads, arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from typing import TypeAlias, TypeVar

from ffhybrid.core.extras import naming_extra
from ffhybrid.encoder.gop_encoder import GopEncoder
from ffhybrid.encoder.options import EncodeMode, GopOptions
from ffhybrid.encoder.sequence_encoder import SequenceEncoder
from ffhybrid.encoder.speed import with_fit
from ffhybrid.errors import UsageError
from ffhybrid.filters import create_sequence
from ffhybrid.filters.registry import has_option, parse_keyframe_params, parse_sequence_params, sequence_has_option
from ffhybrid.restorer.generators import create

Encoder: TypeAlias = GopEncoder | SequenceEncoder
Settled = TypeVar("Settled", bound=GopOptions)

PROMPTUS, PROMPTUS_VIDEO = "promptus", "promptus-video"
"""Generators of keyframes and of whole GOPs that ``-mode promptus`` goes with."""


def encoder_for(options: GopOptions) -> Encoder:
    """Make the encoder of GOPs; no model is loaded yet.

    Raises:
        UsageError: options that the generator does not take, or that the mode has no use for.
    """
    options = settled(options)
    if options.mode is EncodeMode.HYBRID:
        has_presets = has_option(options.generator, "preset")
        return GopEncoder(
            create(options.generator, **with_fit(options.generator_options, options.effort, has_presets=has_presets)),
            options,
        )
    if options.generator not in (GopOptions().generator, PROMPTUS):
        raise UsageError(f"-mode {options.mode} generates by prompts, not by -kf {options.generator}")
    return SequenceEncoder(create_sequence(PROMPTUS_VIDEO, **options.generator_options), options)


def settled(options: Settled) -> Settled:
    """Decide what ``auto`` is on this machine, for a generator that has a device; judges work on the same one.

    Without torch nothing is decided, and no generator that would have a device can be made.

    Raises:
        UsageError: there is no such generator.
    """
    is_open = options.generator_options.get("device", "auto") == "auto"
    if not is_open or not _has_device(options) or find_spec("torch") is None:
        return options
    from ffhybrid.filters.devices import device_of

    return replace(options, generator_options={**options.generator_options, "device": device_of("auto").type})


@contextmanager
def fixed_arithmetic(options: GopOptions) -> Iterator[None]:
    """Hold torch to the threads of the options and to deterministic kernels, where fits or judges work with it."""
    if not (_has_device(options) or (options.is_judged and options.is_perceptual)):
        yield
        return
    with naming_extra("encoding", "encode"):
        from ffhybrid.filters.determinism import deterministic
    with deterministic(threads=options.fit_threads):
        yield


def _has_device(options: GopOptions) -> bool:
    if options.mode is EncodeMode.PROMPTUS:
        return sequence_has_option(PROMPTUS_VIDEO, "device")
    return has_option(options.generator, "device")


def parse_generator_params(mode: EncodeMode, generator: str, text: str) -> dict[str, object]:
    """Parse ``-kf-params`` for the generator that a mode goes with; ``generator`` is that of keyframes.

    Raises:
        UsageError: what the generator does not have, or values of another type.
    """
    if mode is EncodeMode.PROMPTUS:
        return parse_sequence_params(PROMPTUS_VIDEO, text)
    return parse_keyframe_params(generator, text)
