"""Codecs of comparisons by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ffhybrid.compare.codecs.base import PARTS, Codec, Encoded
from ffhybrid.compare.codecs.hybrid import Hybrid
from ffhybrid.compare.codecs.sr import Sr
from ffhybrid.compare.codecs.svtav1 import SvtAv1
from ffhybrid.compare.codecs.vvenc import Vvenc
from ffhybrid.compare.codecs.x265 import BEST, KEY, X265
from ffhybrid.compare.options import CompareOptions
from ffhybrid.errors import UsageError

__all__ = ["CODECS", "PARTS", "Codec", "Encoded", "create"]


def _x265(name: str, options: CompareOptions, extra: Mapping[str, str], *, favours_keyframes: bool = False) -> X265:
    return X265(
        name,
        preset=options.encode.x265.preset,
        gop_length=options.gop_length,
        extra=extra,
        favours_keyframes=favours_keyframes,
    )


CODECS: Mapping[str, Callable[[CompareOptions], Codec]] = {
    "hybrid": lambda options: Hybrid(options.encode),
    "x265": lambda options: _x265("x265", options, {}),
    "x265-best": lambda options: _x265("x265-best", options, BEST),
    "x265-key": lambda options: _x265("x265-key", options, KEY, favours_keyframes=True),
    "sr": lambda options: Sr(
        preset=options.encode.x265.preset, gop_length=options.gop_length, weights=options.sr_weights
    ),
    "svtav1": lambda options: SvtAv1(gop_length=options.gop_length),
    "vvenc": lambda options: Vvenc(gop_length=options.gop_length),
}


def create(name: str, options: CompareOptions) -> Codec:
    """Make a codec.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in CODECS:
        raise UsageError(f"there is no codec {name!r} to compare with; known are {', '.join(CODECS)}")
    return CODECS[name](options)
