"""What several commands do: a progress bar, results on standard output, which streams travel along."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ffhybrid.cli.values import time
from ffhybrid.core.time_range import TimeRange
from ffhybrid.muxer.streams.selection import StreamOptions

TABLE_WIDTH = 140
LEVELS = {
    "quiet": 100,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}
"""Of :mod:`logging`, by the words of ``-v``."""

Command = Callable[[argparse.Namespace, Console], None]


@contextmanager
def progress(console: Console, description: str, total: float | None) -> Iterator[Callable[[float, str], None]]:
    """Show a bar on a terminal; calls give the amount done and a word on it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal or console.quiet) as bar:
        task = bar.add_task(description, total=total, note="")
        yield lambda done, note: bar.update(task, completed=done, note=note)


@contextmanager
def gop_progress(console: Console, description: str) -> Iterator[Callable[..., None]]:
    """Show how many GOPs are done, of nobody knows how many; calls give the index of one, and more if they like."""
    with progress(console, description, None) as show:
        yield lambda index, *_: show(index, f"GOP {index}")


def emit(options: argparse.Namespace, result: Mapping[str, Any], rows: Iterable[tuple[str, object]]) -> None:
    """Print a result on standard output: one JSON object, or a line a value."""
    if options.of == "json":
        json.dump(result, sys.stdout)
        sys.stdout.write("\n")
        return
    for name, value in rows:
        sys.stdout.write(f"{name}={value}\n")


def add_time_range(command: argparse.ArgumentParser) -> None:
    """Add ffmpeg's options for a part of the input."""
    group = command.add_argument_group("part of the input (90, 1:30, 0:01:30.5, 90500ms)")
    group.add_argument("-ss", type=time, metavar="TIME", help="begin here")
    group.add_argument("-to", type=time, metavar="TIME", help="end here")
    group.add_argument("-t", type=time, metavar="TIME", help="last so long; wins over -to")


def time_range(options: argparse.Namespace) -> TimeRange:
    """Take it.

    Raises:
        UsageError: an end that is not behind the start.
    """
    return TimeRange.of(start=options.ss, end=options.to, duration=options.t)


def stream_options(options: argparse.Namespace) -> StreamOptions:
    """Take what says which streams are carried."""
    return StreamOptions(
        maps=tuple(options.map),
        audio=not options.an,
        subtitles=not options.sn,
        data=not options.dn,
        audio_codec=options.audio_codec,
        audio_bitrate=options.audio_bitrate,
        subtitle_codec=options.subtitle_codec,
    )
