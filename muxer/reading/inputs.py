"""Opening untrusted media files through PyAV: files, playlists, parts after each other, standard input."""

from __future__ import annotations

import errno
from io import RawIOBase
from pathlib import Path

import av

from ffhybrid.errors import CorruptDataError, FFHybridError, UnsupportedError
from ffhybrid.muxer.reading.playlist import check_playlist, is_playlist, is_url

STANDARD_INPUT = Path("-")
CONCAT = "concat:"
"""FFmpeg's protocol for parts of one stream after each other: ``concat:init.mp4|1.m4s|2.m4s``."""
MANIFEST_SUFFIX = ".mpd"
_PROTOCOLS = ("file",)
"""All that a file may make FFmpeg open, nothing on a network."""


def open_media(
    path: Path, *, otherwise: type[FFHybridError], file: RawIOBase | None = None
) -> av.container.InputContainer:
    """Open a file for demultiplexing, or :data:`STANDARD_INPUT`, or parts (:data:`CONCAT`).

    ``file`` is read in place of what lies under the path.

    Raises:
        FFHybridError: of type ``otherwise``, where FFmpeg cannot read the content.
        UnsupportedError: an address on a network, a DASH manifest.
        UnsupportedError, CorruptDataError, TruncatedError: see :func:`check_playlist`.
        OSError: the file itself cannot be opened.
    """
    if path.suffix.lower() == MANIFEST_SUFFIX:
        raise UnsupportedError(
            f"{path}: FFmpeg in PyAV reads no DASH manifests; give one representation as concat:INIT|SEGMENT|SEGMENT"
        )
    name, protocols = _name(path)
    if is_playlist(path) and not name.startswith(CONCAT):
        check_playlist(path)
    try:
        return av.open(
            file or name, "r", metadata_errors="replace", options={"protocol_whitelist": ",".join(protocols)}
        )
    except av.error.FFmpegError as error:
        # FFmpeg says EIO of damaged Matroska files too.
        refused = isinstance(error, OSError) and not isinstance(error, ValueError | EOFError)
        if refused and error.errno != errno.EIO:
            raise
        raise otherwise(f"{path}: this is no media file that FFmpeg can read") from error


def duration_of(path: Path) -> float | None:
    """Ask a file how many seconds it lasts; None where it does not say, and for standard input, which is read once.

    Raises:
        CorruptDataError, UnsupportedError, TruncatedError, OSError: as :func:`open_media`.
    """
    if path == STANDARD_INPUT:
        return None
    with open_media(path, otherwise=CorruptDataError) as container:
        return container.duration / av.time_base if container.duration else None


def _name(path: Path) -> tuple[str, tuple[str, ...]]:
    """Give FFmpeg's name of an input, and the protocols that this takes."""
    name = str(path)
    if path == STANDARD_INPUT:
        return "pipe:0", ("pipe", *_PROTOCOLS)
    if name.startswith(CONCAT):
        return name, ("concat", *_PROTOCOLS)
    if not is_url(name):
        return name, _PROTOCOLS
    if not path.exists():
        raise UnsupportedError(f"{path}: only files of this machine are read, and standard input")
    return f"file:{name}", _PROTOCOLS
