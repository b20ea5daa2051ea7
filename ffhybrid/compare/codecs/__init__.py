"""Codecs of comparisons by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ffhybrid.compare.codecs.base import PARTS, Codec, Encoded
from ffhybrid.compare.codecs.hybrid import Hybrid
from ffhybrid.compare.codecs.sr import Sr
from ffhybrid.compare.codecs.svtav1 import SvtAv1
from ffhybrid.compare.codecs.vvenc import Vvenc
from ffhybrid.compare.codecs.x265 import DEFAULTS, X265, X265Best
from ffhybrid.compare.options import CompareOptions
from ffhybrid.compare.selection import Selection
from ffhybrid.encoder.modes import settled
from ffhybrid.errors import UsageError

__all__ = ["CODECS", "PARTS", "Codec", "Encoded", "create"]


def _selection(options: CompareOptions) -> Selection:
    """Give every codec as many candidates as hybrid files have."""
    return Selection(
        candidates=options.encode.effort.candidates,
        gop_length=options.gop_length,
        lpips=options.panel.lpips,
        device=settled(options.encode).device,
    )


CODECS: Mapping[str, Callable[[CompareOptions], Codec]] = {
    "hybrid": lambda options: Hybrid(options.encode),
    "x265": lambda options: X265("x265", _selection(options), preset=options.encode.x265.preset, tuning=DEFAULTS),
    "x265-best": lambda options: X265Best("x265-best", _selection(options), preset=options.encode.x265.preset),
    "sr": lambda options: Sr(_selection(options), preset=options.encode.x265.preset, weights=options.sr_weights),
    "svtav1": lambda options: SvtAv1(_selection(options)),
    "vvenc": lambda options: Vvenc(_selection(options)),
}


def create(name: str, options: CompareOptions) -> Codec:
    """Make a codec.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in CODECS:
        raise UsageError(f"there is no codec {name!r} to compare with; known are {', '.join(CODECS)}")
    return CODECS[name](options)
