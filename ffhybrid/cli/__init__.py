"""The command line: ffmpeg's words, results on standard output, everything else on standard error."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

import av
from rich.console import Console
from rich.logging import RichHandler

from ffhybrid.cli.arguments import joined_maps, parser
from ffhybrid.cli.commands import COMMANDS
from ffhybrid.cli.shared import LEVELS
from ffhybrid.errors import FFHybridError

INTERRUPTED = 130
FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code of docs/CLI.md."""
    options = parser().parse_args(joined_maps(sys.argv[1:] if arguments is None else arguments))
    console = Console(stderr=True, quiet=options.v == "quiet")
    _configure_logging(options.v, console)
    try:
        COMMANDS[options.command](options, console)
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
    handler = RichHandler(console=console, show_time=False, show_path=False)
    logging.basicConfig(level=LEVELS[level], handlers=[handler], format="%(message)s", force=True)
    av.logging.set_level(av.logging.VERBOSE if level == "debug" else None)


def _fail(console: Console, message: str, code: int) -> int:
    console.print(f"ffhybrid: {message}", markup=False, highlight=False, soft_wrap=True)
    return code


def _abandon_standard_output() -> None:
    """Keep the interpreter from complaining about a closed pipe once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
