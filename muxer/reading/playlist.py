"""HLS playlists before FFmpeg opens them (RFC 8216): what they name must be there, and on this machine.

FFmpeg's demuxer leaves segments out that it cannot open, and waits for more where a playlist does not end. Neither
may happen to a file that is to be restored whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ffhybrid.errors import CorruptDataError, TruncatedError, UnsupportedError

MAX_BYTES = 16 << 20
MAX_PLAYLISTS = 64
"""Renditions of one master playlist that are looked at."""
SUFFIXES = (".m3u8", ".m3u")
_MARKER, _END, _SEGMENT, _GAP = "#EXTM3U", "#EXT-X-ENDLIST", "#EXTINF", "#EXT-X-GAP"
_KEY, _UNENCRYPTED = "#EXT-X-KEY", "METHOD=NONE"
_URI_ATTRIBUTE = re.compile(r'[:,]URI="([^"]*)"')
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def is_url(name: str) -> bool:
    """Whether a name begins with a protocol, or a host, and not with a folder."""
    return bool(_SCHEME.match(name)) or name.startswith("//")


def is_playlist(path: Path) -> bool:
    """Whether a file is an HLS playlist by its name."""
    return path.suffix.lower() in SUFFIXES


def check_playlist(path: Path) -> None:
    """See that a playlist is finished and that every file is there that it, or a playlist it names, names.

    Raises:
        CorruptDataError: no playlist, or a huge one.
        TruncatedError: it does not end, says that a segment is missing, or names an empty file.
        UnsupportedError: it is encrypted, or names something on a network.
        FileNotFoundError: a file is missing.
    """
    waiting, seen = [path], {path}
    while waiting:
        playlist = waiting.pop()
        for named in _named_files(playlist):
            if not is_playlist(named) or named in seen:
                continue
            if len(seen) == MAX_PLAYLISTS:
                raise UnsupportedError(f"{path}: it names more than {MAX_PLAYLISTS} playlists")
            seen.add(named)
            waiting.append(named)


def _named_files(playlist: Path) -> Iterator[Path]:
    lines = _lines(playlist)
    has_segments = any(line.startswith(_SEGMENT) for line in lines)
    if has_segments and _END not in lines:
        raise TruncatedError(f"{playlist}: the playlist is not finished, there is no {_END}")
    for line in lines:
        if line == _GAP:
            raise TruncatedError(f"{playlist}: the playlist says that a segment is missing")
        if line.startswith(_KEY) and _UNENCRYPTED not in line:
            raise UnsupportedError(f"{playlist}: the playlist is encrypted, and FFmpeg takes no local keys")
        uris = _URI_ATTRIBUTE.findall(line) if line.startswith("#") else [line]
        for uri in filter(None, uris):
            yield _local(playlist, uri)


def _lines(playlist: Path) -> list[str]:
    with playlist.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    lines = data.decode("utf-8", errors="replace").lstrip("\ufeff").splitlines()
    if len(data) > MAX_BYTES or not lines or lines[0].strip() != _MARKER:
        raise CorruptDataError(f"{playlist}: this is no HLS playlist of at most {MAX_BYTES} bytes")
    return [line.strip() for line in lines]


def _local(playlist: Path, uri: str) -> Path:
    if is_url(uri):
        raise UnsupportedError(f"{playlist}: the playlist names {uri}, and only files of this machine are read")
    path = playlist.parent / uri
    if not path.is_file():
        raise FileNotFoundError(f"{playlist}: the playlist names {uri}, which is not there")
    if not path.stat().st_size:
        raise TruncatedError(f"{playlist}: the playlist names {uri}, which is empty")
    return path
