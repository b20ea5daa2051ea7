"""Wavering of x265's LPIPS between neighbouring CRFs: what ``-candidates`` has to choose from.

GOPs are coded with x265's own keyframe at CRFs 0.02 apart, which changes their sizes by a per cent in all. Printed are
standard deviations of sizes and of LPIPS from a straight line over the CRF and over the size, both in logarithms.

    python -m quality.wavering [--crfs 34 40 46] [--encodes 10] [--frames 120] [--width 640] [CLIP ...]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.table import Table

from ffhybrid import X265Options
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import encode_native_idr
from ffhybrid.encoder.crf_search import NEIGHBOUR_STEP
from ffhybrid.encoder.quality import Judge, visual_distance
from one_gop import bits_per_pixel, first_gops, gop_parser


def off_the_line(x: Sequence[float], y: Sequence[float]) -> float:
    """Give the standard deviation of ``y`` from its straight line over ``x``."""
    line = np.polynomial.Polynomial.fit(x, y, 1)
    return float(np.std(np.asarray(y) - line(np.asarray(x)), ddof=2))


def row(gop: SourceGop, options: X265Options, encodes: int, judge: Judge) -> list[str]:
    """Encode at CRFs from that of ``options`` on."""
    crfs = [options.crf + NEIGHBOUR_STEP * index for index in range(encodes)]
    coded = [encode_native_idr(gop, replace(options, crf=crf)) for crf in crfs]
    sizes = np.log([one.size for one in coded])
    distances = np.log([judge.quality(one.pictures(), gop).lpips for one in coded])
    spread = f"{100 * np.ptp(np.exp(distances - distances.min())):.1f} %"
    wavering = (off_the_line(crfs, sizes), off_the_line(sizes, distances))
    return [f"{bits_per_pixel(coded[0], gop):.4f}", *(f"{100 * part:.2f} %" for part in wavering), spread]


def main() -> None:
    """Print a row a clip and CRF."""
    parser = gop_parser(__doc__)
    parser.add_argument("--crfs", nargs="+", type=float, default=(34, 40, 46))
    parser.add_argument("--encodes", type=int, default=10)
    parser.add_argument("--x265-preset", default="slow")
    arguments = parser.parse_args()
    judge = Judge(visual_distance(None))
    table = Table("clip", "CRF", "bits per pixel", "sizes", "LPIPS", "highest LPIPS over lowest", box=None)
    for path, gop in first_gops(arguments):
        for crf in arguments.crfs:
            options = X265Options(preset=arguments.x265_preset, crf=crf)
            table.add_row(path.name, f"{crf:g}", *row(gop, options, arguments.encodes, judge))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
