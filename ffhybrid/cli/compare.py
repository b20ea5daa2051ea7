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
from ffhybrid.compare.options import DEFAULT_CODECS
from ffhybrid.panel import INTERVAL, METRICS, PANEL, PanelOptions
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
        "-metrics", default=",".join(METRICS), metavar="NAME,...", help="what is measured where it is installed (all)"
    )
    sampled = ", ".join(metric.title for metric in METRICS.values() if metric.sampled)
    command.add_argument(
        "-metric_interval",
        type=positive,
        default=INTERVAL,
        metavar="N",
        help=f"{sampled} of every Nth frame (%(default)s)",
    )
    add_keyframes(command)
    add_model(command)
    command.first_page(
        *("-i", "-o", "-b:v", "-codecs", "-g", "-frames:v", "-vf", "-s", "-width", "-preset", "-metrics"),
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
        panel=PanelOptions(
            metrics=tuple(options.metrics.split(",")), interval=options.metric_interval, lpips=options.kf_lpips
        ),
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
    out = Console(file=sys.stdout, highlight=False, width=2 * TABLE_WIDTH)
    taken = [metric for metric in PANEL if any(metric.name in point.panel.pooled for point in points)]
    headings = ("codec", "kbit/s", "bytes", *(metric.title for metric in taken), "seconds")
    table = Table(*headings, box=None, pad_edge=False)
    for point in points:
        means = ((metric, point.mean(metric.name)) for metric in taken)
        qualities = ("-" if isnan(mean) else metric.text(mean) for metric, mean in means)
        sizes = (point.codec, f"{point.rate / 1000:.1f}", str(point.size))
        table.add_row(*sizes, *qualities, f"{point.encode_seconds:.1f}")
    out.print(table)
