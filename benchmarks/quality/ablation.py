"""Ablation: LPIPS of hybrid files without one part of the system or another, as table 4 of HybridPrompt has it.

All files of a clip have the same bytes. "Naive" is a keyframe fitted for itself alone at the size of x265's own, with
x265's default options after it; "every frame" a generated picture for each frame, which takes more bytes than these
rates have: the table says how many at least.

    python -m quality.ablation [--bpp 0.0064] [--preset fast] [--frames 72] [--width 640] [--out FOLDER] [CLIP ...]
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from clips import EIGHT_BITS, bitrate_at, shared_clips, wheel_clip
from ffhybrid import EncodeOptions, GopLimits, UsageError, X265Options
from ffhybrid.compare import CompareOptions, compare

X265_PRESET = "medium"


def variants(full: EncodeOptions) -> Mapping[str, EncodeOptions]:
    """Leave one thing out after the other."""
    unrefined = replace(full, refinements=0)
    naive = replace(unrefined, budgets=1, fallback=False, x265=replace(full.x265, tune=None))
    return {
        "full": full,
        "no joint refinement": unrefined,
        "nor sizes tried": replace(unrefined, budgets=1),
        "naive": naive,
        "every frame": replace(naive, limits=GopLimits(length=1, minimum=1, scene_threshold=0)),
    }


def lpips(clip: Path, options: EncodeOptions, bitrate: int, arguments: argparse.Namespace) -> str:
    """Encode and measure, or say why not."""
    settings = CompareOptions(
        bitrates=(bitrate,),
        codecs=("hybrid",),
        encode=options,
        source=EIGHT_BITS,
        frames=arguments.frames,
        width=arguments.width,
    )
    try:
        (point,) = compare(clip, arguments.out / clip.stem, options=settings).selected()
    except UsageError as error:
        least = re.search(r"at least (\d+)", str(error))
        if least is None:
            raise
        return f"needs {int(least[1]) / bitrate:.0f} times the bytes"
    return f"{point.mean('lpips'):.4f} ({point.mean('psnr'):.2f} dB)"


def main() -> None:
    """Print a row a clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--bpp", type=float, default=0.0064)
    parser.add_argument("--preset", default="fast", help="effort of the generator")
    parser.add_argument("--frames", type=int, default=72)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--out", type=Path, default=Path("build/ablation"), help="kept, and resumed")
    arguments = parser.parse_args()
    full = EncodeOptions(
        generator_options={"preset": arguments.preset},
        refinements=1,
        x265=X265Options(preset=X265_PRESET),
        limits=GopLimits(length=arguments.frames, scene_threshold=0),
    )
    table = Table("clip", *variants(full), box=None)
    for clip in arguments.clips or shared_clips() or [wheel_clip("bikes.mp4")]:
        _, bitrate = bitrate_at(clip, arguments.bpp, width=arguments.width)
        table.add_row(clip.stem, *(lpips(clip, options, bitrate, arguments) for options in variants(full).values()))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
