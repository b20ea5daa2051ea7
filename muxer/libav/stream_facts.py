"""Facts of a video stream that libavformat knows and PyAV does not tell: chroma location, orientation, cropping.

FFmpeg's own Matroska muxer says it: a header for the stream is written into memory and read.
"""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

import av

from ffhybrid.core.presentation import Orientation
from ffhybrid.muxer.matroska import ebml, elements, tracks

logger = logging.getLogger(__name__)

_FLOAT = struct.Struct(">d")
_ANY_CODEC = {"allow_raw_vfw": "1"}
_CHROMA_LOCATIONS = {siting: location for location, siting in tracks.CHROMA_SITINGS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cropping:
    """Columns and rows of decoded pictures that are not to be shown."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """None where container and headers do not say; see :class:`~ffhybrid.core.presentation.Presentation`.

    ``chroma_location`` is 0 to 3: Matroska has no bottom ones.
    """

    chroma_location: int | None = None
    orientation: Orientation | None = None
    cropping: Cropping | None = None


def stream_facts(stream: av.VideoStream, *, level: int = logging.WARNING) -> StreamFacts:
    """Ask FFmpeg's Matroska muxer; of a codec that it does not take that is said, at ``level`` of :mod:`logging`."""
    file = io.BytesIO()
    try:
        with av.open(file, "w", format="matroska", options=_ANY_CODEC) as container:
            container.add_stream_from_template(stream, opaque=True)  # Decoders need no encoder of their name.
            container.start_encoding()
            header = file.getvalue()
    except (ValueError, av.error.FFmpegError) as error:
        name = stream.codec_context.name
        logger.log(level, "%s: chroma location, rotation and cropping are not known: %s", name, error)
        return StreamFacts()
    video = _Master(io.BytesIO(header), 0, len(header)).inner(
        elements.SEGMENT, elements.TRACKS, tracks.TRACK_ENTRY, tracks.VIDEO
    )
    colour, projection = video.inner(tracks.COLOUR), video.inner(tracks.PROJECTION)
    siting = (colour.unsigned(tracks.SITING_HORIZONTAL), colour.unsigned(tracks.SITING_VERTICAL))
    return StreamFacts(
        chroma_location=_CHROMA_LOCATIONS.get(siting),
        orientation=_orientation(projection.degrees(tracks.ROLL), projection.degrees(tracks.YAW)),
        cropping=_cropping([video.unsigned(side) for side in tracks.CROP_LEFT_TOP_RIGHT_BOTTOM]),
    )


def _orientation(roll: float, yaw: float) -> Orientation | None:
    return Orientation(roll, bool(yaw)) if roll or yaw else None


def _cropping(sides: Sequence[int]) -> Cropping | None:
    left, top, right, bottom = sides
    return Cropping(left=left, top=top, right=right, bottom=bottom) if any(sides) else None


class _Master:
    """A master element of a file of our own making; one that is not there has nothing inside."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self._file, self._start, self._end = file, start, end

    def inner(self, *path: int) -> _Master:
        """First element of each name, one inside the other."""
        found = self
        for identifier in path:
            element = found._find(identifier)
            end = found._end if element is None or element.size is None else element.data + element.size
            found = _Master(self._file, element.data if element else end, end)
        return found

    def unsigned(self, identifier: int) -> int:
        """Value of an unsigned integer, 0 without one."""
        return int.from_bytes(self._bytes(identifier), "big")

    def degrees(self, identifier: int) -> float:
        """Value of a float, of eight bytes as FFmpeg writes it; 0 without one."""
        data = self._bytes(identifier)
        return cast(float, _FLOAT.unpack(data)[0]) if len(data) == _FLOAT.size else 0.0

    def _bytes(self, identifier: int) -> bytes:
        element = self._find(identifier)
        if element is None or element.size is None:
            return b""
        self._file.seek(element.data)
        return self._file.read(element.size)

    def _find(self, identifier: int) -> ebml.Element | None:
        position = self._start
        while position < self._end:
            element = ebml.read_header(self._file, position)
            if element is None or element.identifier == identifier:
                return element
            position = element.data + (element.size or 0)
        return None
