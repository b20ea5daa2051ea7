"""``ffhybrid compare``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from math import isnan
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ffhybrid.cli.keyframes import add_keyframes, keyframe_options
from ffhybrid.cli.options import add_input, add_model, add_pictures, source_options
from ffhybrid.cli.parser import Parser
from ffhybrid.cli.shared import TABLE_WIDTH, progress
from ffhybrid.cli.values import bit_rates, one_of, picture_size, positive
from ffhybrid.compare import CompareOptions, RatePoint, compare
from ffhybrid.compare.options import DEFAULT_CODECS, LPIPS_INTERVAL
from ffhybrid.compare.results import METRICS
from ffhybrid.source.gop_planning import GopLimits
from ffhybrid.x265.options import PRESETS, X265Options


def add_options(command: Parser) -> None:
    """Declare the options."""
    add_input(command)
    add_pictures(command)
    command.add_argument("-o", dest="output", type=Path, required=True, metavar="FOLDER", help="made or resumed")
    command.add_argument(
        "-b:v", dest="bitrates", type=bit_rates, required=True, metavar="RATE,...", help="bits a second of whole files"
    )
    command.add_argument(
        "-codecs", default=",".join(DEFAULT_CODECS), metavar="NAME,...", help="of %(default)s, sr, svtav1, vvenc"
    )
    command.add_argument(
        "-sr:weights", dest="sr_weights", type=Path, metavar="FILE", help="FSRCNN for sr (one fitted to the clip)"
    )
    command.add_argument("-g", type=positive, default=120, metavar="N", help="frames in a GOP (%(default)s)")
    command.add_argument("-frames:v", dest="frames", type=positive, metavar="N", help="compare the first N frames")
    size = command.add_mutually_exclusive_group()
    size.add_argument("-s", dest="size", type=picture_size, metavar="WxH", help="size of the pictures compared")
    size.add_argument("-width", type=positive, metavar="N", help="the same, in their own shape, never enlarged")
    command.add_argument(
        "-preset",
        type=one_of(PRESETS),
        default="slow",
        metavar="NAME",
        help="x265's, alone and in hybrid (%(default)s)",
    )
    command.add_argument(
        "-lpips_interval", type=positive, default=LPIPS_INTERVAL, metavar="N", help="LPIPS of every Nth frame"
    )
    add_keyframes(command)
    add_model(command)
    command.first_page(
        *("-i", "-o", "-b:v", "-codecs", "-g", "-frames:v", "-vf", "-s", "-width", "-preset", "-lpips_interval"),
        *("-kf", "-b:kf", "-kf:preset", "-kf:tune", "-kf:refine", "-kf-params", "-model", "-device"),
    )


def run(options: argparse.Namespace, console: Console) -> None:
    """Compare, and print a line a point."""
    width, height = options.size or (options.width, None)
    settings = CompareOptions(
        bitrates=options.bitrates,
        codecs=tuple(options.codecs.split(",")),
        encode=replace(
            keyframe_options(options),
            x265=X265Options(preset=options.preset),
            limits=GopLimits(length=options.g, scene_threshold=0),
        ),
        source=source_options(options),
        frames=options.frames,
        width=width,
        height=height,
        lpips_interval=options.lpips_interval,
        lpips=options.kf_lpips,
        sr_weights=options.sr_weights,
    )
    with progress(console, "compare", len(settings.codecs) * len(settings.bitrates)) as show:
        results = compare(
            options.input,
            options.output,
            options=settings,
            on_step=lambda step: show(step.number, f"{step.codec} {step.bitrate / 1000:g} kbit/s: {step.note}"),
        )
    _print_points(results.selected())


def _print_points(points: Sequence[RatePoint]) -> None:
    out = Console(file=sys.stdout, highlight=False, width=TABLE_WIDTH)
    table = Table("codec", "kbit/s", "bytes", "LPIPS", "PSNR", "SSIM", "VMAF", "seconds", box=None, pad_edge=False)
    for point in points:
        lpips, psnr, ssim, vmaf = (point.mean(metric) for metric in METRICS)
        qualities = ("-" if isnan(lpips) else f"{lpips:.4f}", f"{psnr:.2f}", f"{ssim:.4f}", f"{vmaf:.2f}")
        sizes = (point.codec, f"{point.rate / 1000:.1f}", str(point.size))
        table.add_row(*sizes, *qualities, f"{point.encode_seconds:.1f}")
    out.print(table)
