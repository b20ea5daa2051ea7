"""What a format of libavformat takes, found by writing headers that nobody keeps."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
from av.format import ContainerFormat

from ffhybrid import hevc
from ffhybrid.core.atomic_files import PIPE
from ffhybrid.core.gop import AccessUnit
from ffhybrid.core.picture import Colour
from ffhybrid.errors import UnsupportedError, UsageError
from ffhybrid.muxer.carriage import NEURAL_SIDE
from ffhybrid.muxer.libav.muxer_options import options_of
from ffhybrid.muxer.libav.writer import LibavWriter
from ffhybrid.muxer.matroska.tracks import VideoTrack
from ffhybrid.muxer.streams.values import OtherStreams, refuse


class _Nowhere(io.BytesIO):
    """A file in memory that is called like another one, by which libavformat guesses a format."""

    def __init__(self, name: str, *, can_seek: bool) -> None:
        super().__init__()
        self.name = name
        self._can_seek = can_seek

    def seekable(self) -> bool:
        """Say what the other one would."""
        return self._can_seek


def check_format(
    output: Path, container_format: str | None, other_streams: OtherStreams, options: Mapping[str, str]
) -> None:
    """See that a format takes HEVC, all other_streams and its options, by writing a header that nobody keeps.

    Formats without a file of their own (RTSP) are not tried.

    Raises:
        UnsupportedError: what the format does not take.
        UsageError: options whose values it does not take, or a pipe where it has to seek.
    """
    if container_format and ContainerFormat(container_format, "w").no_file:
        return
    _try_header(output, container_format, OtherStreams(), {})
    try:
        _try_header(output, container_format, OtherStreams(), options)
    except UnsupportedError as error:
        given = " ".join(f"-{name} {value}" for name, value in options.items())
        raise UsageError(f"{output}: the output format does not take {given}") from error
    if output == PIPE:
        _check_pipe(container_format, options)
    parts = [(track.index, OtherStreams(tracks=(track,))) for track in other_streams.tracks]
    parts += [(file.index, OtherStreams(attachments=(file,))) for file in other_streams.attachments]
    refused: dict[int, str] = {}
    for index, part in parts:
        try:
            _try_header(output, container_format, part, {})
        except UnsupportedError as error:
            refused[index] = str(error).removeprefix(f"{output}: ")
    refuse(refused, name=str(output))


def _check_pipe(container_format: str | None, options: Mapping[str, str]) -> None:
    try:
        _try_header(PIPE, container_format, OtherStreams(), options, can_seek=False)
    except UnsupportedError as error:
        instead = "-f matroska"
        if "movflags" in options_of(str(container_format)):
            instead = f"-movflags frag_keyframe or {instead}"
        raise UsageError(f"{PIPE}: {container_format} needs an output that can seek; use {instead}") from error


def _try_header(
    output: Path,
    container_format: str | None,
    other_streams: OtherStreams,
    options: Mapping[str, str],
    *,
    can_seek: bool = True,
) -> None:
    """Write a header and a picture: of a fragmented MP4 file without one the trailer crashes libavformat 62."""
    sets, base = hevc.neural_track_parameter_sets(), Fraction(1, 1000)
    video = VideoTrack(
        parameter_sets=sets,
        width=NEURAL_SIDE,
        height=NEURAL_SIDE,
        sample_aspect_ratio=Fraction(1),
        frame_rate=None,
        colour=Colour(),
    )
    writer = LibavWriter(
        _Nowhere(str(output), can_seek=can_seek),
        video=video,
        time_base=base,
        other_streams=other_streams,
        container_format=container_format,
        options=dict(options),
    )
    try:
        writer.begin()
        idr = hevc.placeholder_idr(sets, hevc.NalType.IDR_N_LP)
        writer.write_access_units([AccessUnit((idr,), 0, 1)], sets.nal_units, base)
    finally:
        # "faststart" reads the file once more by its name, which is not there.
        with suppress(OSError, av.error.FFmpegError):
            writer.close()
