"""Bits of x265's own keyframes: LPIPS of a GOP at equal bytes, by the factor that a zone gives them.

Factor 1 is what x265 does by itself. Bytes are those of the elementary stream; between encodes LPIPS is taken straight
over the logarithm of their size, "-" where they do not reach a rate.

    python -m quality.keyframe_bits [--factors 1 2 3 4.5] [--frames 120] [--width 640] [CLIP ...]
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.table import Table

from ffhybrid import X265Options
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import encode_native_idr
from ffhybrid.encoder.quality import Judge, visual_distance
from ffhybrid.x265.options import parse_x265_params
from one_gop import POINTS, at_points, bits_per_pixel, first_gops, gop_parser

CRFS = (30, 36, 42, 46, 50)


def cells(gop: SourceGop, factor: float, judge: Judge, options: X265Options) -> list[str]:
    """LPIPS at every rate that the encodes reach."""
    coded = [encode_native_idr(gop, replace(options, crf=crf), factor=factor) for crf in CRFS]
    distances = [judge.quality(one.pictures(), gop).lpips for one in coded]
    found = at_points([bits_per_pixel(one, gop) for one in coded], distances)
    return ["-" if np.isnan(distance) else f"{distance:.4f}" for distance in found]


def main() -> None:
    """Print a row a clip and factor."""
    parser = gop_parser(__doc__)
    parser.add_argument("--factors", nargs="+", type=float, default=(1, 2, 3, 4.5))
    parser.add_argument("--x265-preset", default="slow")
    parser.add_argument("--x265-params", type=parse_x265_params, default={}, help="on top of -tune hybrid")
    arguments = parser.parse_args()
    options = X265Options(preset=arguments.x265_preset, params=arguments.x265_params)
    judge = Judge(visual_distance(None, device="auto"))
    table = Table("clip", "factor", *map(str, POINTS), box=None)
    for path, gop in first_gops(arguments):
        for factor in arguments.factors:
            table.add_row(path.name, f"{factor:g}", *cells(gop, factor, judge, options))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
