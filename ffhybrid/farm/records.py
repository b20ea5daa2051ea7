"""Records between a process that runs jobs and its parent, in the form of :mod:`ffhybrid.x265.worker`."""

from __future__ import annotations

import json
from typing import BinaryIO

import msgspec

from ffhybrid import errors
from ffhybrid.encoder.progress import GopProgress
from ffhybrid.errors import CorruptDataError, EncoderError, FFHybridError
from ffhybrid.x265.worker import RECORD

JOB, RESULT, ERROR, PROGRESS = range(4)
LEVEL = "FFHYBRID_WORKER_LOG_LEVEL"
"""Environment variable with the level of the log on standard error."""


def read_record(file: BinaryIO, *, most: int) -> tuple[int, bytes] | None:
    """Read one record, None at the end.

    Raises:
        CorruptDataError: a record that is cut short, or longer than ``most`` bytes.
    """
    head = file.read(RECORD.size)
    if not head:
        return None
    if len(head) < RECORD.size:
        raise CorruptDataError("a record is cut short")
    kind, size = RECORD.unpack(head)
    if size > most:
        raise CorruptDataError(f"a record has {size} bytes")
    data = file.read(size)
    if len(data) < size:
        raise CorruptDataError("a record is cut short")
    return kind, data


def progress_record(progress: GopProgress) -> bytes:
    """Say how far a job is."""
    return msgspec.json.encode(progress)


def progress_of(data: bytes) -> GopProgress:
    """Read what :func:`progress_record` wrote.

    Raises:
        CorruptDataError: anything else.
    """
    try:
        return msgspec.json.decode(data, type=GopProgress)
    except msgspec.MsgspecError as error:
        raise CorruptDataError(f"this is no progress of a job: {error}") from error


def error_record(error: Exception) -> bytes:
    """Say what a job raised."""
    of_system = [error.errno, error.strerror, error.filename] if isinstance(error, OSError) else None
    fields = {"type": type(error).__name__, "message": str(error), "system": of_system}
    return json.dumps(fields, default=str).encode()


def raised(data: bytes) -> Exception:
    """Make the exception of :func:`error_record` again, as far as this program knows its type."""
    fields = json.loads(data)
    kind, message = getattr(errors, fields["type"], None), fields["message"]
    if isinstance(kind, type) and issubclass(kind, FFHybridError):
        return kind(message)
    if fields["system"] is not None:
        return OSError(*fields["system"])
    return EncoderError(f"{fields['type']}: {message}")
