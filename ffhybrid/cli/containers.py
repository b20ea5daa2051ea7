"""``ffhybrid remux``, ``strip`` and ``inject``, which move payloads about and touch no picture."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from rich.console import Console

from ffhybrid.cli.options import add_carriage, add_input, add_output, add_report_format, add_streams, output_options
from ffhybrid.cli.parser import Parser
from ffhybrid.cli.shared import emit, gop_progress
from ffhybrid.core.atomic_files import PIPE
from ffhybrid.remuxing import RemuxReport, inject, remux, strip

REMUX, STRIP, INJECT = "remux", "strip", "inject"


def add_options(command: Parser) -> None:
    """Declare the options, which the three share but for two."""
    add_input(command)
    add_output(command)
    add_report_format(command)
    if command.name != STRIP:
        add_carriage(command)
    if command.name == INJECT:
        command.add_argument(
            "-payloads", type=Path, required=True, metavar="FOLDER", help="where extract wrote *.payload files"
        )
    add_streams(command)


def run(options: argparse.Namespace, console: Console) -> None:
    """Do the work, and print the report."""
    work = _work(options)
    with gop_progress(console, options.command) as on_gop:
        report = work(
            options=output_options(options),
            overwrite=options.y,
            on_gop=on_gop,
        )
    if options.output != PIPE:
        emit(options, asdict(report), asdict(report).items())


def _work(options: argparse.Namespace) -> Callable[..., RemuxReport]:
    """Give the function with its own arguments."""
    if options.command == STRIP:
        return partial(strip, options.input, options.output)
    if options.command == INJECT:
        return partial(inject, options.input, options.payloads, options.output, carriage=options.carriage)
    return partial(remux, options.input, options.output, carriage=options.carriage)
