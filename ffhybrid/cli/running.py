"""Running a command: its log, its errors as one line each, its exit code."""

from __future__ import annotations

import argparse
import logging
import os
import sys

import av
from rich.console import Console
from rich.logging import RichHandler

from ffhybrid.cli.commands import CommandModule
from ffhybrid.cli.parser import LEVELS
from ffhybrid.errors import FFHybridError

INTERRUPTED = 130
FAILED = 1


def run(command: CommandModule, options: argparse.Namespace) -> int:
    """Run the command that was parsed; return the exit code of docs/CLI.md."""
    console = Console(stderr=True, quiet=options.v == "quiet")
    _configure_logging(options.v, console)
    try:
        command.run(options, console)
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


def _configure_logging(level: str, console: Console) -> None:
    if console.is_terminal:
        handler: logging.Handler = RichHandler(console=console, show_time=False, show_path=False)
        form = "%(message)s"
    else:  # a line a message, whatever its length: logs are read by programs
        handler, form = logging.StreamHandler(), "%(levelname)-8s %(message)s"
    logging.basicConfig(level=LEVELS[level], handlers=[handler], format=form, force=True)
    av.logging.set_level(av.logging.VERBOSE if level == "debug" else None)


def _fail(console: Console, message: str, code: int) -> int:
    console.print(f"ffhybrid: {message}", markup=False, highlight=False, soft_wrap=True)
    return code


def _abandon_standard_output() -> None:
    """Keep the interpreter from complaining about a closed pipe once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
