"""``ffhybrid verify``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from ffhybrid.cli.options import add_model, add_report_format, add_strictness, generator_decode
from ffhybrid.cli.parser import Parser
from ffhybrid.cli.shared import emit, gop_progress
from ffhybrid.restorer.generator_decode import Strictness
from ffhybrid.verification import verify


def add_options(command: Parser) -> None:
    """Declare the options."""
    command.add_argument("input", type=Path, metavar="FILE", help="input file")
    add_report_format(command)
    add_strictness(command, Strictness.NORMAL, Strictness.STRICT)
    add_model(command)


def run(options: argparse.Namespace, console: Console) -> None:
    """Verify, and print the report."""
    with gop_progress(console, "verify") as on_gop:
        report = verify(options.input, generator_decode=generator_decode(options), on_gop=on_gop)
    emit(options, asdict(report), asdict(report).items())
