"""``ffhybrid restore``."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from rich.console import Console

from ffhybrid.cli.options import (
    add_input,
    add_model,
    add_output,
    add_report_format,
    add_streams,
    add_strictness,
    add_time_range,
    generator_decode,
    output_options,
    time_range,
)
from ffhybrid.cli.parser import Parser
from ffhybrid.cli.shared import emit, gop_progress
from ffhybrid.cli.values import one_of, positive
from ffhybrid.core.atomic_files import PIPE
from ffhybrid.errors import DamageError
from ffhybrid.hevc import SpliceEffort
from ffhybrid.restorer.generator_decode import Strictness
from ffhybrid.restoring import restore

EFFORTS = tuple(SpliceEffort)


def add_options(command: Parser) -> None:
    """Declare the options."""
    add_input(command)
    add_output(command)
    add_report_format(command)
    command.add_argument(
        "-splice:effort",
        dest="effort",
        type=one_of(EFFORTS),
        default=EFFORTS[0],
        metavar="|".join(EFFORTS),
        help="how hard lossless keyframes are squeezed (%(default)s)",
    )
    command.add_argument("-threads", type=positive, metavar="N", help="keyframes made at a time (one a core)")
    command.add_argument("-xerror", action="store_true", help="stop at the first damage of the input")
    add_strictness(command, *Strictness)
    add_time_range(command)
    add_streams(command)
    add_model(command)


def run(options: argparse.Namespace, console: Console) -> None:
    """Restore, and print the report.

    Raises:
        DamageError: the input is damaged; what is whole of it is restored.
    """
    with gop_progress(console, "restore") as on_gop:
        report = restore(
            options.input,
            options.output,
            options=output_options(options),
            overwrite=options.y,
            effort=options.effort,
            generator_decode=generator_decode(options),
            stop_at_damage=options.xerror,
            time_range=time_range(options),
            threads=options.threads,
            on_gop=on_gop,
        )
    if options.output != PIPE:
        totals = {**asdict(report), "damaged": len(report.damaged)}
        emit(options, asdict(report), totals.items())
    if report.damaged:
        raise DamageError(f"{options.input}: the input is damaged, and what is whole of it is restored")
