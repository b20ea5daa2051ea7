"""What stock players show of hybrid files, beside the restored video and x265 at its best, at equal bytes.

The first GOP of every clip with a generated keyframe of two fifths of its bytes (``quality.tuning`` encodes it and
keeps it in ``--out``): the panel of stock view, restored video and x265's own encode of the same bytes, and for every
clip how far the stock view is from x265's.

    python -m quality.stock_view [--points 0.0064 0.019] [--frames 120] [--width 640] [--interval 24]
        [--kf enhance] [--effort medium] [--metrics lpips ...] [--jobs 1] [--out FOLDER] [CLIP ...]
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from clips import shared_clips, wheel_clip
from quality.tuning import STOCK, Settings, encode_clips, facts_of, print_table, settings_parser

HYBRID, X265 = "whole-0.4+cap45", "x265-whole+cap45"
"""The hybrid's own tuning, and the same for x265 alone."""


def print_clips(clips: Sequence[Path], settings: Settings, console: Console) -> None:
    """Print LPIPS and PSNR of the three views of every clip."""
    names = (HYBRID + STOCK, HYBRID, X265)
    columns = [f"{metric} {view}" for metric in ("LPIPS", "PSNR") for view in ("stock", "restored", "x265")]
    table = Table("clip", *columns, "LPIPS, stock to x265", box=None)
    for clip in clips:
        panels = [facts_of(settings.folder(clip), name)["panel"] for name in names]
        lpips, psnr = ([panel[metric][0] for panel in panels] for metric in ("lpips", "psnr"))
        cells = (*(f"{value:.4f}" for value in lpips), *(f"{value:.2f}" for value in psnr))
        table.add_row(clip.stem, *cells, f"{100 * (lpips[0] / lpips[2] - 1):+.1f} %")
    console.print(table)


def main() -> None:
    """Encode what is missing, and print tables for every point."""
    parser = settings_parser(__doc__, frames=120, out=Path("build/stock-view"))
    parser.add_argument("--points", nargs="+", type=float, default=(0.0064, 0.019), help="bits per pixel")
    options = parser.parse_args()
    clips = options.clips or shared_clips() or [wheel_clip("bikes.mp4")]
    logging.basicConfig(level=logging.WARNING)
    console = Console(width=200)
    for point in options.points:
        settings = Settings(
            variants=(X265, HYBRID),
            point=point,
            frames=options.frames,
            width=options.width,
            interval=options.interval,
            metrics=tuple(dict.fromkeys((*options.metrics, "lpips", "psnr"))),
            generator=options.generator,
            effort=options.effort,
            x265=options.x265,
            out=options.out,
            stock=True,
        )
        encode_clips(clips, settings, jobs=options.jobs)
        console.rule(f"{point:g} bits a pixel")
        print_table(clips, settings, console)
        print_clips(clips, settings, console)


if __name__ == "__main__":
    main()
