"""Keyframe generators by name, with the intra codec that some of them are given."""

from __future__ import annotations

from ffhybrid.filters import registry
from ffhybrid.filters.base import KeyframeGenerator
from ffhybrid.hevc.intra_codec import HevcIntraCodec


def create(name: str, **options: object) -> KeyframeGenerator:
    """Make the generator for encoding, with its own options.

    Raises:
        UsageError: an unknown name, or options that the generator does not take.
    """
    return registry.create(name, intra_codec=HevcIntraCodec(), **options)


def for_restoring(name: str, **options: object) -> KeyframeGenerator:
    """Make the generator that a payload names, with those of the options that it has.

    Raises:
        UnsupportedError: this version has no such generator.
    """
    return registry.for_restoring(name, intra_codec=HevcIntraCodec(), **options)
