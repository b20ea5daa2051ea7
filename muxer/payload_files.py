"""Payloads as files, as ``extract`` writes them, found again by their binding tags."""

from __future__ import annotations

from pathlib import Path

from ffhybrid.core.payload import MAX_SIZE, Payload
from ffhybrid.errors import UsageError, at
from ffhybrid.muxer.carriage import binding_tag

PAYLOAD_SUFFIX = ".payload"


class PayloadFolder:
    """The payloads of a folder; only their tags are kept in memory.

    Raises:
        UsageError: no folder, or none of its files is a payload by its name.
        CorruptDataError, UnsupportedError: a file of that name that is none.
        OSError: a file cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        files = sorted(folder.glob(f"*{PAYLOAD_SUFFIX}")) if folder.is_dir() else []
        if not files:
            raise UsageError(f"{folder}: this is no folder with *{PAYLOAD_SUFFIX} files, as extract writes them")
        self._files = {binding_tag(_read(file)): file for file in files}

    def find(self, tag: bytes) -> bytes | None:
        """Return the payload of a tag, None where there is none."""
        file = self._files.get(tag)
        return _read(file) if file else None


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        data = opened.read(MAX_SIZE + 1)
    with at(str(file)):
        Payload.from_bytes(data)
    return data
