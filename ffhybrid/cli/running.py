"""Running a command: its log, its errors as one line each, its exit code."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable

import av
from rich.console import Console
from rich.logging import RichHandler

from ffhybrid.cli.parser import LEVELS
from ffhybrid.errors import FFHybridError

INTERRUPTED = 130
FAILED = 1


def run(command: Callable[[argparse.Namespace, Console], None], options: argparse.Namespace) -> int:
    """Run a command with the options that were parsed; return the exit code of docs/CLI.md."""
    console = Console(stderr=True, quiet=options.v == "quiet")
    _configure_logging(options.v, console)
    try:
        command(options, console)
    except FFHybridError as error:
        return _fail(console, str(error), error.exit_code)
    except BrokenPipeError:
        _abandon_standard_output()
        return FAILED
    except (OSError, av.error.FFmpegError) as error:
        return _fail(console, str(error), FAILED)
    except KeyboardInterrupt:
        return _fail(console, "interrupted", INTERRUPTED)
    return 0


class _Lines(logging.Handler):
    """A line a message, whatever its length, where standard error is no terminal: programs read it there."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print it."""
        self._console.print(self.format(record), markup=False, highlight=False, soft_wrap=True)


def _configure_logging(level: str, console: Console) -> None:
    handler = RichHandler(console=console, show_time=False, show_path=False) if console.is_terminal else _Lines(console)
    form = "%(message)s" if console.is_terminal else "%(levelname)-8s %(message)s"
    logging.basicConfig(level=LEVELS[level], handlers=[handler], format=form, force=True)
    av.logging.set_level(av.logging.VERBOSE if level == "debug" else None)


def _fail(console: Console, message: str, code: int) -> int:
    console.print(f"ffhybrid: {message}", markup=False, highlight=False, soft_wrap=True)
    return code


def _abandon_standard_output() -> None:
    """Keep the interpreter from complaining about a closed pipe once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
