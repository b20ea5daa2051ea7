"""The command line: ffmpeg's words, results on standard output, everything else on standard error.

Modules are imported when they are wanted, so that the version is there at once and a command waits for its own only.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

_VERSION = ("-version", "--version")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code of docs/CLI.md."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in _VERSION:
        from ffhybrid._version import __version__

        sys.stdout.write(f"ffhybrid {__version__}\n")
        return 0
    from ffhybrid.cli.commands import dispatch

    return dispatch(words)
