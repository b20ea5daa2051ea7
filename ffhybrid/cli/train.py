"""``ffhybrid train``: a model for generator ``cadm`` from the user's own videos."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ffhybrid.cli.parser import Parser
from ffhybrid.cli.shared import TABLE_WIDTH, progress
from ffhybrid.cli.values import positive, positives
from ffhybrid.filters.cadm.settings import Settings
from ffhybrid.training import TrainingOptions, train

if TYPE_CHECKING:
    from ffhybrid.filters.cadm.evaluation import RestorerQuality

DEFAULTS = TrainingOptions()


def add_options(command: Parser) -> None:
    """Declare the options."""
    command.add_argument("generator", choices=("cadm",), help="whose model is trained")
    command.add_argument(
        "-i", dest="inputs", type=Path, nargs="+", required=True, metavar="FILE", help="videos to learn from"
    )
    command.add_argument("-o", dest="output", type=Path, required=True, metavar="FOLDER", help="made or resumed")
    command.add_argument(
        "-iterations", type=positive, default=DEFAULTS.iterations, metavar="N", help="in all (%(default)s)"
    )
    command.add_argument(
        "-evaluate",
        type=positive,
        default=DEFAULTS.evaluation_interval,
        metavar="N",
        help="iterations between looks at frames held back (%(default)s)",
    )
    command.add_argument(
        "-interval", type=positive, default=DEFAULTS.frame_interval, metavar="N", help="every Nth frame (%(default)s)"
    )
    command.add_argument("-width", type=positive, metavar="N", help="of the pictures learnt from, never enlarged")
    command.add_argument(
        "-channels",
        type=positives,
        default=DEFAULTS.settings.channels,
        metavar="N,...",
        help="of the network, a level each, multiples of 8 (24,32,48)",
    )
    command.add_argument("-scale", type=int, choices=(1, 2, 4), help="learn to undo this reduction only (2 and 4)")
    command.add_argument(
        "-seed", type=int, default=DEFAULTS.settings.seed, metavar="N", help="of weights and examples (0)"
    )
    command.add_argument("-device", default=DEFAULTS.device, metavar="NAME", help="auto (default), cpu or cuda")
    command.add_argument("-lpips", type=Path, metavar="FILE", help="AlexNet's weights, where they are not found")


def run(options: argparse.Namespace, console: Console) -> None:
    """Train, and print the last evaluation."""
    settings = TrainingOptions(
        iterations=options.iterations,
        evaluation_interval=options.evaluate,
        frame_interval=options.interval,
        width=options.width,
        settings=Settings(
            channels=options.channels,
            reductions=(options.scale.bit_length() - 1,) if options.scale else DEFAULTS.settings.reductions,
            seed=options.seed,
        ),
        device=options.device,
        lpips=options.lpips,
    )
    with progress(console, "train", options.iterations) as show:
        found = train(
            options.inputs,
            options.output,
            options=settings,
            on_step=lambda iteration, loss: show(iteration, f"{iteration}: loss {loss:.4f}"),
        )
    _print(found)


def _print(found: Sequence[RestorerQuality]) -> None:
    table = Table("scale", "steps", "PSNR", "bicubic", "LPIPS", "bicubic", box=None, pad_edge=False)
    for quality in found:
        psnr = (f"{quality.psnr:.2f}", f"{quality.psnr_bicubic:.2f}")
        lpips = ("-" if isnan(value) else f"{value:.4f}" for value in (quality.lpips, quality.lpips_bicubic))
        table.add_row(str(quality.scale), str(quality.steps), *psnr, *lpips)
    Console(file=sys.stdout, highlight=False, width=TABLE_WIDTH).print(table)
