"""The command line: ffmpeg's words, results on standard output, everything else on standard error.

Nothing heavy is imported before a command is known: version and help are there at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ffhybrid.cli.commands import COMMANDS, overview, parser_of
from ffhybrid.cli.parser import HELP
from ffhybrid.core.suggestions import did_you_mean
from ffhybrid.errors import UsageError

_VERSION = ("-version", "--version")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code of docs/CLI.md."""
    name, *words = (sys.argv[1:] if arguments is None else arguments) or [""]
    if name in (*HELP, *_VERSION):
        sys.stdout.write(overview() if name in HELP else _version())
        return 0
    if name not in COMMANDS:
        return _refuse_command(name)
    try:
        options = parser_of(name).parse(words)
    except UsageError as error:
        sys.stderr.write(f"ffhybrid {name}: {error}\n")
        return error.exit_code
    from ffhybrid.cli.running import run

    return run(options)


def _version() -> str:
    from importlib.metadata import version

    return f"ffhybrid {version('ffhybrid')}\n"


def _refuse_command(name: str) -> int:
    what = f"unknown command {name}{did_you_mean(name, COMMANDS)}" if name else "which command?"
    sys.stderr.write(f"ffhybrid: {what} (ffhybrid -h lists them)\n")
    return UsageError.exit_code
