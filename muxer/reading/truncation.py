"""Files that end before their time, where their format tells: boxes of ISO media files, packets of MPEG-TS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ffhybrid.errors import TruncatedError
from ffhybrid.muxer.matroska.damaged_range import DamagedRange

_TRANSPORT_STREAM = "mpegts"
_FILE_TYPES = (b"ftyp", b"styp")
_MEDIA = (b"moof", b"mdat")
_LARGE, _TO_THE_END = 1, 0
_BOX_HEADER, _LARGE_HEADER = 8, 16
_SYNC_BYTE = 0x47
_PACKET_SIZES = {0: 188, 4: 192}
"""Bytes of a packet of MPEG-TS by where its sync byte lies; a timestamp comes before it in M2TS files."""


def find_truncation(path: Path) -> DamagedRange | None:
    """Find where a file of one of these formats ends too early; None where it does not, or nothing tells."""
    if not path.is_file():
        return None
    size = path.stat().st_size
    with path.open("rb") as file:
        for kind, start, end in _boxes(file, size):
            if end > size:
                error = TruncatedError(f"{path}: the file ends {end - size} bytes early")
                return _ended(error, start, size, has_blocks=kind in _MEDIA)
        if any(_is_transport_stream(file, at, packet) and size % packet for at, packet in _PACKET_SIZES.items()):
            return _ended(TruncatedError(f"{path}: the file ends inside a packet"), size, size, has_blocks=True)
    return None


def hides_truncation(format_name: str) -> bool:
    """Whether a format, by FFmpeg's name, does not tell that its last picture lacks its end."""
    return format_name == _TRANSPORT_STREAM


def _ended(error: TruncatedError, start: int, end: int, *, has_blocks: bool) -> DamagedRange:
    return DamagedRange(
        error=error, start=start, end=end, seconds=None, has_blocks=has_blocks, is_readable=True, until=None
    )


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, beginning and end of the boxes of an ISO media file (ISO/IEC 14496-12 clause 4.2); none of other files."""
    position = 0
    while position < size:
        file.seek(position)
        header = file.read(_LARGE_HEADER)
        kind, length = header[4:8], int.from_bytes(header[:4], "big")
        if position == 0 and kind not in _FILE_TYPES:
            return
        if length == _LARGE:
            length = int.from_bytes(header[8:], "big")
        end = size if length == _TO_THE_END else position + length
        if len(header) >= _BOX_HEADER and end < position + _BOX_HEADER:
            return
        yield kind, position, max(end, position + _BOX_HEADER)
        position = end


def _is_transport_stream(file: BinaryIO, at: int, packet: int) -> bool:
    file.seek(0)
    data = file.read(at + packet + 1)
    return len(data) == at + packet + 1 and data[at] == data[at + packet] == _SYNC_BYTE
