"""Where encoding and restoring write to: Matroska by our own writer, everything else through PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.libav import LibavWriter, check_format
from ffhybrid.muxer.matroska import MatroskaWriter
from ffhybrid.muxer.streams import Companions
from ffhybrid.muxer.tracks import VideoTrack
from ffhybrid.outputs import PIPE, standard_output

MATROSKA_SUFFIXES = (".mkv", ".mka", ".mk3d")


def is_matroska_target(output: Path, container_format: str | None) -> bool:
    """Whether an output is Matroska, which a pipe is unless its format is named."""
    if container_format:
        return container_format == "matroska"
    return output == PIPE or output.suffix.lower() in MATROSKA_SUFFIXES


def check_target(output: Path, container_format: str | None, companions: Companions) -> None:
    """See that an output takes what is to travel beside the video.

    Raises:
        UnsupportedError: it does not. Matroska is another matter: see :meth:`CompanionReader.check_matroska`.
    """
    if not is_matroska_target(output, container_format):
        check_format(output, container_format, companions)


@contextmanager
def open_writer(
    target: Path,
    output: Path,
    *,
    video: VideoTrack,
    companions: Companions,
    time_base: Fraction,
    carriage: Carriage | None,
    container_format: str | None,
) -> Iterator[MatroskaWriter | LibavWriter]:
    """Open a writer into ``target``, which becomes ``output`` when it is complete, or :data:`PIPE`.

    ``carriage`` is that of Matroska, None for plain GOPs; other containers have payloads in band.
    """
    file = standard_output() if target == PIPE else None
    if not is_matroska_target(output, container_format):
        with LibavWriter(
            file or target,
            video=video,
            time_base=time_base,
            companions=companions,
            container_format=container_format,
        ) as libav_writer:
            yield libav_writer
        return
    with (
        file or target.open("wb") as opened,
        MatroskaWriter(opened, video=video, companions=companions, carriage=carriage) as writer,
    ):
        yield writer
