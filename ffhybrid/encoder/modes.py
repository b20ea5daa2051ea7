"""The encoder of the mode that options ask for."""

from __future__ import annotations

from typing import TypeAlias

from ffhybrid.encoder.gop_encoder import GopEncoder
from ffhybrid.encoder.options import EncodeMode, GopOptions
from ffhybrid.encoder.sequence_encoder import SequenceEncoder
from ffhybrid.encoder.speed import with_fit
from ffhybrid.errors import UsageError
from ffhybrid.filters import create_sequence
from ffhybrid.filters.registry import parse_keyframe_params, parse_sequence_params, takes
from ffhybrid.restorer.generators import create

Encoder: TypeAlias = GopEncoder | SequenceEncoder

PROMPTUS, PROMPTUS_VIDEO = "promptus", "promptus-video"
"""Generators of keyframes and of whole GOPs that ``-mode promptus`` goes with."""


def encoder_for(options: GopOptions) -> Encoder:
    """Make the encoder of GOPs; no model is loaded yet.

    Raises:
        UsageError: options that the generator does not take, or that the mode has no use for.
    """
    if options.mode is EncodeMode.HYBRID:
        has_presets = takes(options.generator, "preset")
        return GopEncoder(
            create(options.generator, **with_fit(options.generator_options, options.effort, has_presets=has_presets)),
            options,
        )
    if options.generator not in (GopOptions().generator, PROMPTUS):
        raise UsageError(f"-mode {options.mode} generates by prompts, not by -kf {options.generator}")
    return SequenceEncoder(create_sequence(PROMPTUS_VIDEO, **options.generator_options), options)


def parse_generator_params(mode: EncodeMode, generator: str, text: str) -> dict[str, object]:
    """Parse ``-kf-params`` for the generator that a mode goes with; ``generator`` is that of keyframes.

    Raises:
        UsageError: what the generator does not have, or values of another type.
    """
    if mode is EncodeMode.PROMPTUS:
        return parse_sequence_params(PROMPTUS_VIDEO, text)
    return parse_keyframe_params(generator, text)
