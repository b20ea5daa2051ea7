"""The quantiser cap: LPIPS and PSNR of a GOP at equal bytes, by the CRF from which on bits only weigh more.

51 is x265's own way: quantisation gets coarser up to its highest CRF. Keyframes are generated (once, for all encodes of
a clip) or x265's own; bytes are those of the elementary streams. Between encodes values are taken straight over the
logarithm of their size, "-" where they do not reach a rate.

    python -m quality.quantiser_cap [--limits 40 42 45 48 51] [--frames 120] [--width 640] [CLIP ...]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.table import Table

from ffhybrid import X265Options
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import CodedGop, encode_generated, encode_native_idr
from ffhybrid.encoder.keyframes import BaseCoder, fit_keyframe
from ffhybrid.encoder.quality import Judge, visual_distance
from ffhybrid.filters import Likeness, create
from one_gop import POINTS, at_points, bits_per_pixel, first_gops, gop_parser

CRFS = (40, 42, 44, 46, 48, 50, 52, 54, 57, 60)
KEYFRAME_SHARE = 0.25
"""The part of the bytes at the second point that a generated keyframe gets."""

Encode = Callable[[X265Options], CodedGop]


def encoders(gop: SourceGop, *, preset: str, x265_preset: str) -> dict[str, Encode]:
    """Ways to encode a GOP, by name."""
    bases = BaseCoder(gop, X265Options(preset=x265_preset))
    budget = round(KEYFRAME_SHARE * POINTS[1] * gop.spec.width * gop.spec.height * len(gop) / 8)
    keyframe = fit_keyframe(create("overfit", preset=preset), Likeness(gop.picture(0)), bases, budget=budget)
    return {
        "generated": lambda options: encode_generated(gop, keyframe, options),
        "x265's": lambda options: encode_native_idr(gop, options),
    }


def cells(gop: SourceGop, encode: Encode, options: X265Options, judge: Judge) -> list[str]:
    """LPIPS and PSNR at every rate that the encodes reach."""
    coded = [encode(replace(options, crf=crf)) for crf in CRFS]
    rates = [bits_per_pixel(one, gop) for one in coded]
    qualities = [judge.quality(one.pictures(), gop) for one in coded]
    distances = at_points(rates, [quality.lpips for quality in qualities])
    psnrs = at_points(rates, [quality.psnr for quality in qualities])
    return ["-" if np.isnan(lpips) else f"{lpips:.4f} {psnr:.2f}" for lpips, psnr in zip(distances, psnrs, strict=True)]


def main() -> None:
    """Print a row a clip, kind of keyframe and limit."""
    parser = gop_parser(__doc__)
    parser.add_argument("--limits", nargs="+", type=float, default=(40, 42, 45, 48, 51))
    parser.add_argument("--preset", default="ultrafast", help="effort of overfit")
    parser.add_argument("--x265-preset", default="slow")
    arguments = parser.parse_args()
    judge = Judge(visual_distance(None, device="auto"))
    console = Console(width=120)
    for path, gop in first_gops(arguments):
        table = Table("clip", "keyframe", "limit", *map(str, POINTS), box=None)
        ways = encoders(gop, preset=arguments.preset, x265_preset=arguments.x265_preset)
        for kind, encode in ways.items():
            for limit in arguments.limits:
                options = X265Options(preset=arguments.x265_preset, quantiser_cap=limit)
                table.add_row(path.name, kind, f"{limit:g}", *cells(gop, encode, options, judge))
        console.print(table)


if __name__ == "__main__":
    main()
