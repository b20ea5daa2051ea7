"""Outputs that appear under their name only when they are complete."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from ffhybrid.errors import UsageError

PIPE = Path("-")


@contextmanager
def pending_output(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside ``path``, renamed to it on success and removed on failure.

    Raises:
        UsageError: the output exists and may not be overwritten.
    """
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists already (give -y to overwrite it)")
    descriptor, name = tempfile.mkstemp(prefix=".ffhybrid-", suffix=path.suffix, dir=path.parent)
    os.close(descriptor)
    pending = Path(name)
    try:
        yield pending
        pending.chmod(0o666 & ~_umask())
        pending.replace(path)
    finally:
        pending.unlink(missing_ok=True)


class Pipe(io.RawIOBase):
    """Standard output for muxers that ask whether they may seek; they may not."""

    def __init__(self, target: BinaryIO) -> None:
        super().__init__()
        self._target = target

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return False."""
        return False

    def write(self, data: Any) -> int:
        """Write everything."""
        return self._target.write(bytes(data))

    def flush(self) -> None:
        """Flush the target."""
        if not self._target.closed:
            self._target.flush()


def standard_output() -> BinaryIO:
    """Return standard output as a binary file that cannot seek."""
    return cast(BinaryIO, Pipe(sys.stdout.buffer))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
