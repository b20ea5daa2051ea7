"""Restoring: a hybrid file becomes standard HEVC in any container, audio and timestamps as they were."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path

from ffhybrid.errors import FFHybridError, UnsupportedError
from ffhybrid.gop import HybridGop
from ffhybrid.keyframe import RestoredGop, restore_gop
from ffhybrid.muxer.libav import PlainWriter
from ffhybrid.muxer.reader import HybridReader
from ffhybrid.muxer.tracks import AudioPacket, VideoTrack
from ffhybrid.outputs import PIPE, pending_output, standard_output

logger = logging.getLogger(__name__)

PIPE_FORMAT = "matroska"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What was written; ``keyframes`` is how many keyframes were generated and matched their MD5s."""

    gops: int
    pictures: int
    keyframes: int
    file_bytes: int


def restore(
    source: str | PathLike[str],
    output: str | PathLike[str],
    *,
    container_format: str | None = None,
    overwrite: bool = False,
    audio: bool = True,
    on_gop: Callable[[int, RestoredGop], None] | None = None,
) -> RestoreReport:
    """Restore a hybrid file; ``output`` may be ``-`` (Matroska unless ``container_format`` names another).

    Raises:
        NotHybridError, CorruptDataError, GeometryError, VerificationError: see their docstrings, with file and GOP
            in the message; no output appears then.
    """
    source, output = Path(source), Path(output)
    with HybridReader(source) as reader:
        if audio and reader.other_streams:
            raise UnsupportedError(
                f"{source}: {', '.join(reader.other_streams)} cannot be carried yet; give -an to leave them out"
            )
        if output == PIPE:
            return _restore_to(reader, PIPE, container_format or PIPE_FORMAT, audio, on_gop)
        with pending_output(output, overwrite=overwrite) as pending:
            return _restore_to(reader, pending, container_format, audio, on_gop)


def restored_gops(reader: HybridReader) -> Iterator[RestoredGop | AudioPacket]:
    """Restore GOP after GOP; errors name the file, the GOP and its time."""
    index = 0
    for item in reader.demux():
        if isinstance(item, AudioPacket):
            yield item
            continue
        with located(reader.path, index, item):
            restored = restore_gop(item)
        index += 1
        yield restored


@contextmanager
def located(path: Path, index: int, gop: HybridGop) -> Iterator[None]:
    """Put file, GOP number and time before the message of an error."""
    try:
        yield
    except FFHybridError as error:
        seconds = float(gop.placeholder.pts * gop.time_base)
        raise type(error)(f"{path}: GOP {index} at {seconds:.3f} s: {error}") from error


def _restore_to(
    reader: HybridReader,
    target: Path,
    container_format: str | None,
    audio: bool,
    on_gop: Callable[[int, RestoredGop], None] | None,
) -> RestoreReport:
    writer: PlainWriter | None = None
    waiting: list[AudioPacket] = []
    gops = pictures = 0
    try:
        for item in restored_gops(reader):
            if isinstance(item, AudioPacket):
                waiting.append(item)
                continue
            if writer is None:
                writer = _open(reader, target, item, container_format, audio)
            _write_gop(writer, item, waiting)
            if on_gop:
                on_gop(gops, item)
            gops += 1
            pictures += len(item.access_units)
        for packet in waiting:
            if writer is not None:
                writer.write_audio(packet)
    finally:
        if writer is not None:
            writer.close()
    size = target.stat().st_size if target != PIPE else 0
    return RestoreReport(gops=gops, pictures=pictures, keyframes=gops, file_bytes=size)


def _write_gop(writer: PlainWriter, gop: RestoredGop, waiting: list[AudioPacket]) -> None:
    end = max(unit.pts + unit.duration for unit in gop.access_units) * gop.time_base
    while waiting and waiting[0].pts < end:
        writer.write_audio(waiting.pop(0))
    writer.write_access_units(gop.access_units, gop.parameter_sets.nal_units)


def _open(
    reader: HybridReader, target: Path, first: RestoredGop, container_format: str | None, audio: bool
) -> PlainWriter:
    declared = reader.video
    video = VideoTrack(
        parameter_sets=first.parameter_sets,
        width=declared.width,
        height=declared.height,
        sample_aspect_ratio=declared.sample_aspect_ratio,
        frame_rate=declared.frame_rate,
        colour=declared.colour,
    )
    return PlainWriter(
        standard_output() if target == PIPE else target,
        video=video,
        time_base=Fraction(first.time_base),
        audio=reader.audio_stream if audio else None,
        container_format=container_format,
    )
