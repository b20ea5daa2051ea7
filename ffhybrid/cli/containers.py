"""The commands that move payloads about and touch no picture: remux, strip, inject."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from ffhybrid.cli.shared import Command, emit, gop_progress, output_options
from ffhybrid.core.atomic_files import PIPE
from ffhybrid.remuxing import RemuxReport, inject, remux, strip


def _remux(options: argparse.Namespace, console: Console) -> None:
    _run(options, console, remux, options.input, options.output, carriage=options.carriage)


def _strip(options: argparse.Namespace, console: Console) -> None:
    _run(options, console, strip, options.input, options.output)


def _inject(options: argparse.Namespace, console: Console) -> None:
    _run(options, console, inject, options.input, options.payloads, options.output, carriage=options.carriage)


def _run(
    options: argparse.Namespace, console: Console, work: Callable[..., RemuxReport], *paths: Path, **own: object
) -> None:
    """Do the work, with what the three have in common and its own options, and report on it."""
    with gop_progress(console, options.command) as on_gop:
        report = work(
            *paths,
            options=output_options(options),
            overwrite=options.y,
            on_gop=on_gop,
            **own,
        )
    if options.output != PIPE:
        emit(options, asdict(report), asdict(report).items())


CONTAINER_COMMANDS: Mapping[str, Command] = {"remux": _remux, "strip": _strip, "inject": _inject}
