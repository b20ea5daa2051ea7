"""Outputs that appear under their name only when they are complete."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from ffhybrid.errors import UsageError

PIPE = Path("-")
_PENDING = re.compile(r"\.ffhybrid-(?P<name>.+)-[a-z0-9_]{8}(\.[^.]*)?")
"""The name that :func:`_prefix` and :mod:`tempfile` make of a name."""


@contextmanager
def pending_output(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside ``path``, renamed to it on success and removed on failure.

    Raises:
        UsageError: the output exists and may not be overwritten.
    """
    _refuse_existing([path], overwrite=overwrite)
    descriptor, name = tempfile.mkstemp(prefix=_prefix(path), suffix=path.suffix, dir=path.parent)
    os.close(descriptor)
    pending = Path(name)
    try:
        yield pending
        pending.chmod(0o666 & ~_umask())
        _synchronise(pending)
        pending.replace(path)
    finally:
        pending.unlink(missing_ok=True)


@contextmanager
def pending_files(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a path of the same name in an empty folder beside ``path``, for muxers that write files of their own.

    On success all that lies in the folder moves beside ``path``; the file of that name itself, which lists the
    others, comes last.

    Raises:
        UsageError: one of the files exists and may not be overwritten; none of them is moved then.
    """
    _refuse_existing([path], overwrite=overwrite)
    with tempfile.TemporaryDirectory(prefix=_prefix(path), dir=path.parent) as folder:
        pending = Path(folder) / path.name
        yield pending
        written = sorted(Path(folder).iterdir(), key=lambda file: (file == pending, file.name))
        _refuse_existing([path.with_name(file.name) for file in written], overwrite=overwrite)
        for file in written:
            _synchronise(file)
            file.replace(path.with_name(file.name))


def _refuse_existing(paths: Iterable[Path], *, overwrite: bool) -> None:
    existing = None if overwrite else next((path for path in paths if path.exists()), None)
    if existing is not None:
        raise UsageError(f"{existing} exists already (give -y to overwrite it)")


def pending_name(path: Path) -> str | None:
    """Name that a temporary file of this module was to have; None for others."""
    found = _PENDING.fullmatch(path.name)
    return found["name"] if found else None


def remove_pending(path: Path) -> None:
    """Remove what processes that were killed left of an output; nobody else may be writing it."""
    for other in path.parent.iterdir():
        if pending_name(other) != _plain_name(path):
            continue
        if other.is_dir():
            shutil.rmtree(other)
        else:
            other.unlink(missing_ok=True)


def durable_write(path: Path, data: bytes) -> None:
    """Write a file that is there as a whole or not at all, whatever breaks off: synchronised, then renamed."""
    descriptor, name = tempfile.mkstemp(prefix=_prefix(path), dir=path.parent)
    pending = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        pending.chmod(0o666 & ~_umask())
        _synchronise(pending)
        pending.replace(path)
    finally:
        pending.unlink(missing_ok=True)
    _synchronise(path.parent)


class Pipe(io.RawIOBase):
    """Standard output for muxers that ask whether they may seek; they may not."""

    name = str(PIPE)

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


def _prefix(path: Path) -> str:
    return f".ffhybrid-{_plain_name(path)}-"


def _plain_name(path: Path) -> str:
    """Name without what muxers of several files take for a number, as in ``part-%d.mkv``."""
    return path.name.replace("%", "_")


def _synchronise(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
