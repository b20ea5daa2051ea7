"""The commands that move payloads about and touch no picture: remux, strip, inject."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console

from ffhybrid.cli.format_options import format_options
from ffhybrid.cli.shared import Command, emit, progress, stream_options
from ffhybrid.outputs import PIPE
from ffhybrid.remuxing import RemuxReport, inject, remux, strip


def _remux(options: argparse.Namespace, console: Console) -> None:
    with progress(console, "remux", None) as show:
        report = remux(
            options.input,
            options.output,
            carriage=options.carriage,
            **_writing(options),
            on_gop=lambda index, _: show(index, f"GOP {index}"),
        )
    _report(options, report)


def _strip(options: argparse.Namespace, console: Console) -> None:
    with progress(console, "strip", None) as show:
        report = strip(
            options.input,
            options.output,
            **_writing(options),
            on_gop=lambda index, _: show(index, f"GOP {index}"),
        )
    _report(options, report)


def _inject(options: argparse.Namespace, console: Console) -> None:
    with progress(console, "inject", None) as show:
        report = inject(
            options.input,
            options.payloads,
            options.output,
            carriage=options.carriage,
            **_writing(options),
            on_gop=lambda index, _: show(index, f"GOP {index}"),
        )
    _report(options, report)


def _writing(options: argparse.Namespace) -> dict[str, Any]:
    """Take what the three have in common."""
    return {
        "container_format": options.format,
        "format_options": format_options(options),
        "overwrite": options.y,
        "streams": stream_options(options),
    }


def _report(options: argparse.Namespace, report: RemuxReport) -> None:
    if options.output != PIPE:
        emit(options, asdict(report), asdict(report).items())


CONTAINER_COMMANDS: Mapping[str, Command] = {"remux": _remux, "strip": _strip, "inject": _inject}
