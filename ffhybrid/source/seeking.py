"""Seeking a source so that what is decoded is right: the frames from a time on, and those of a part of the file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain

import av

from ffhybrid.errors import CorruptDataError
from ffhybrid.muxer.streams.cutting import Cut, rounded

logger = logging.getLogger(__name__)

LEADS = (0, 2, 8, 32, 128)
"""Seconds before the time wanted that are sought, one after the other: not every container finds a keyframe before it,
and a decoder may need pictures before the keyframe that it begins with."""


def decoded_from(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    decode: Callable[[], Iterator[av.VideoFrame]],
    seconds: Fraction,
) -> Iterator[av.VideoFrame]:
    """Decode from a picture at or before a time in the container on, or from the beginning where none can be sought.

    ``decode`` goes on where the container stands.
    """
    base = Fraction(stream.time_base or 1)
    wanted = rounded(seconds / base)
    for lead in LEADS:
        try:
            container.seek(wanted - round(lead / base), stream=stream)
        except av.error.FFmpegError as error:
            logger.debug("%s: %d s before %.3f s cannot be sought: %s", container.name, lead, float(seconds), error)
            break
        frames = decode()
        try:
            first = next(frames, None)
        except CorruptDataError as error:
            logger.debug("%s: %s", container.name, error)
            continue
        if first is not None and first.pts is not None and first.pts <= wanted:
            return chain([first], frames)
    logger.info("%s: %.3f s cannot be sought; the video is decoded from its beginning", container.name, float(seconds))
    _rewind(container, stream)
    return decode()


def _rewind(container: av.container.InputContainer, stream: av.VideoStream) -> None:
    try:
        container.seek(stream.start_time or 0, stream=stream)
    except av.error.FFmpegError:
        # What cannot seek at all still stands at its beginning.
        logger.debug("%s: it cannot be rewound", container.name)


def trimmed(frames: Iterable[av.VideoFrame], cut: Cut, base: Fraction, *, name: str) -> Iterator[av.VideoFrame]:
    """Give the frames of a part of a file, which come in order of presentation, their times counted from its beginning.

    Raises:
        CorruptDataError: a frame without a timestamp.
    """
    shift, begin, end = cut.ticks(base)
    for frame in frames:
        if frame.pts is None:
            raise CorruptDataError(f"{name}: frames have no timestamps, so no part of the file can be chosen")
        frame.pts -= shift
        if end is not None and frame.pts >= end:
            return
        if cut.first is None or frame.pts >= begin:
            yield frame
