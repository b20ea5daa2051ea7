"""``ffhybrid extract``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from ffhybrid.cli.options import add_input, add_model, add_strictness, generator_decode
from ffhybrid.cli.parser import Parser
from ffhybrid.errors import UsageError
from ffhybrid.extraction import extract
from ffhybrid.restorer.generator_decode import Strictness


def add_options(command: Parser) -> None:
    """Declare the options."""
    add_input(command)
    command.add_argument("output", type=Path, metavar="FOLDER", help="made if it does not exist")
    command.add_argument("-y", action="store_true", help="overwrite files in the folder")
    add_strictness(command, *Strictness)
    add_model(command)


def run(options: argparse.Namespace, console: Console) -> None:  # noqa: ARG001 - every command has both
    """Extract, and print the names of the files.

    Raises:
        UsageError: the output is no folder.
    """
    if options.output.exists() and not options.output.is_dir():
        raise UsageError(f"{options.output} is not a folder")
    for path in extract(options.input, options.output, overwrite=options.y, generator_decode=generator_decode(options)):
        sys.stdout.write(f"{path}\n")
