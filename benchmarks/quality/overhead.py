"""Container overhead: bytes beside the elementary streams, by file, GOP and picture (``muxer/overhead.py``).

Hybrid files of several lengths, GOPs and qualities are remuxed; what is left is fitted by least squares.

    python -m quality.overhead [--formats mkv mp4 ts] [CLIP]
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import ffhybrid
from clips import EIGHT_BITS, wheel_clip

GOPS = ((60, 60), (60, 120), (20, 60), (30, 120))
"""Pictures of a GOP, and of the file."""
CRFS = (36, 48)


def encode(clip: Path, output: Path, *, gop: int, frames: int, crf: float) -> tuple[int, int]:
    """Encode a hybrid file; give its GOPs and the bytes of its elementary streams."""
    options = ffhybrid.EncodeOptions(
        generator="thumbnail",
        fallback=False,
        limits=ffhybrid.GopLimits(length=gop, scene_threshold=0),
        x265=ffhybrid.X265Options(crf=crf, preset="medium"),
        source=EIGHT_BITS,
        streams=ffhybrid.StreamOptions(audio=False),
        frames=frames,
    )
    report = ffhybrid.encode(clip, output, options=options)
    return len(report.gops), sum(one.payload + one.placeholder + one.inter for one in report.gops)


def main() -> None:
    """Print a row a format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path, default=wheel_clip("bikes.mp4"))
    parser.add_argument("--formats", nargs="+", default=("mkv", "mp4", "mov", "ts", "nut"))
    arguments = parser.parse_args()
    known = []
    left: dict[str, list[int]] = {name: [] for name in arguments.formats}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, ((gop, frames), crf) in enumerate(product(GOPS, CRFS)):
            hybrid = folder / f"{number}.mkv"
            gops, streams = encode(arguments.clip, hybrid, gop=gop, frames=frames, crf=crf)
            known.append((1, gops, frames))
            for suffix, sizes in left.items():
                copy = folder / f"{number}-copy.{suffix}"
                ffhybrid.remux(hybrid, copy)
                sizes.append(copy.stat().st_size - streams)
    table = Table("format", "file", "GOP", "picture", "worst miss", box=None)
    for suffix, sizes in left.items():
        found, *_ = np.linalg.lstsq(np.array(known), np.array(sizes), rcond=None)
        miss = np.abs(np.array(known) @ found - sizes).max()
        table.add_row(suffix, *(f"{value:.1f}" for value in found), f"{miss:.0f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
