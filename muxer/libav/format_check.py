"""What a format of libavformat takes, found by writing headers that nobody keeps."""

from __future__ import annotations

import io
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from av.format import ContainerFormat

from ffhybrid import hevc
from ffhybrid.core.picture import Colour
from ffhybrid.errors import UnsupportedError, UsageError
from ffhybrid.muxer.carriage import NEURAL_SIDE
from ffhybrid.muxer.libav.writer import LibavWriter
from ffhybrid.muxer.matroska.tracks import VideoTrack
from ffhybrid.muxer.streams.values import OtherStreams, refuse


class _Nowhere(io.BytesIO):
    """A file in memory that is called like another one, by which libavformat guesses a format."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def check_format(
    output: Path, container_format: str | None, other_streams: OtherStreams, options: Mapping[str, str]
) -> None:
    """See that a format takes HEVC, all other_streams and its options, by writing a header that nobody keeps.

    Formats without a file of their own (RTSP) are not tried.

    Raises:
        UnsupportedError: what the format does not take.
        UsageError: options whose values it does not take.
    """
    if container_format and ContainerFormat(container_format, "w").no_file:
        return
    _try_header(output, container_format, OtherStreams(), {})
    try:
        _try_header(output, container_format, OtherStreams(), options)
    except UnsupportedError as error:
        given = " ".join(f"-{name} {value}" for name, value in options.items())
        raise UsageError(f"{output}: the output format does not take {given}") from error
    parts = [(track.index, OtherStreams(tracks=(track,))) for track in other_streams.tracks]
    parts += [(file.index, OtherStreams(attachments=(file,))) for file in other_streams.attachments]
    refused: dict[int, str] = {}
    for index, part in parts:
        try:
            _try_header(output, container_format, part, {})
        except UnsupportedError as error:
            refused[index] = str(error).removeprefix(f"{output}: ")
    refuse(refused, name=str(output))


def _try_header(
    output: Path, container_format: str | None, other_streams: OtherStreams, options: Mapping[str, str]
) -> None:
    sets = hevc.neural_track_parameter_sets()
    video = VideoTrack(
        parameter_sets=sets,
        width=NEURAL_SIDE,
        height=NEURAL_SIDE,
        sample_aspect_ratio=Fraction(1),
        frame_rate=None,
        colour=Colour(),
    )
    with LibavWriter(
        _Nowhere(str(output)),
        video=video,
        time_base=Fraction(1, 1000),
        other_streams=other_streams,
        container_format=container_format,
        options=dict(options),
    ) as writer:
        writer.begin()
