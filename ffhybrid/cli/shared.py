"""What several commands do: a progress bar, results on standard output."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

TABLE_WIDTH = 140


@contextmanager
def progress(console: Console, description: str, total: float | None) -> Iterator[Callable[[float, str], None]]:
    """Show a bar on a terminal; calls give the amount done and a word on it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
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
