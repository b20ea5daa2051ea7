"""``ffhybrid fetch-weights``: the published networks that keyframes are fitted and judged by."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from ffhybrid.cli.parser import Parser
from ffhybrid.filters.published_weights import fetch


def add_options(command: Parser) -> None:
    """Declare the options: none."""


def run(options: argparse.Namespace, console: Console) -> None:  # noqa: ARG001 - every command has both
    """Fetch what is not there yet, and name the files on standard output."""
    for path in fetch():
        sys.stdout.write(f"{path}\n")
