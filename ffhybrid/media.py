"""Opening media files of strangers through PyAV."""

from __future__ import annotations

import errno
from pathlib import Path

import av

from ffhybrid.errors import FFHybridError


def open_media(path: Path, *, otherwise: type[FFHybridError]) -> av.container.InputContainer:
    """Open a file for demultiplexing.

    Raises:
        FFHybridError: of type ``otherwise``, where FFmpeg cannot read the content.
        OSError: the file itself cannot be opened.
    """
    try:
        return av.open(path, metadata_errors="replace")
    except av.error.FFmpegError as error:
        # FFmpeg says EIO of damaged Matroska files too.
        refused = isinstance(error, OSError) and not isinstance(error, ValueError | EOFError)
        if refused and error.errno != errno.EIO:
            raise
        raise otherwise(f"{path}: this is no media file that FFmpeg can read") from error
