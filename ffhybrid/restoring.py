"""Restoring: a hybrid file becomes standard HEVC in any container, audio and timestamps as they were."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from os import PathLike
from pathlib import Path

from ffhybrid.errors import FFHybridError, UnsupportedError
from ffhybrid.gop import HybridGop
from ffhybrid.hevc import SpliceEffort
from ffhybrid.keyframe import RestoredGop, restore_gop
from ffhybrid.muxer.libav import PlainWriter
from ffhybrid.muxer.reader import HybridReader
from ffhybrid.muxer.tracks import AudioPacket
from ffhybrid.outputs import PIPE, pending_output, standard_output
from ffhybrid.pipeline import in_order, usable_cores
from ffhybrid.regeneration import Regeneration

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
    effort: SpliceEffort = SpliceEffort.FAST,
    regeneration: Regeneration | None = None,
    threads: int | None = None,
    on_gop: Callable[[int, RestoredGop], None] | None = None,
) -> RestoreReport:
    """Restore a hybrid file; ``output`` may be ``-`` (Matroska unless ``container_format`` names another).

    Keyframes of later GOPs are made while earlier ones are written, on ``threads`` threads (default: one a core). The
    output does not depend on their number.

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
        with closing(_restored(reader, effort=effort, regeneration=regeneration, threads=threads)) as groups:
            if output == PIPE:
                return _write(groups, _Target(reader, PIPE, container_format or PIPE_FORMAT, audio), on_gop)
            with pending_output(output, overwrite=overwrite) as pending:
                return _write(groups, _Target(reader, pending, container_format, audio), on_gop)


def restored_gops(
    reader: HybridReader,
    *,
    threads: int | None = None,
    effort: SpliceEffort = SpliceEffort.FAST,
    regeneration: Regeneration | None = None,
) -> Generator[RestoredGop, None, None]:
    """Restore GOP after GOP, some of them at once; errors name the file, the GOP and its time."""
    with closing(_restored(reader, effort=effort, regeneration=regeneration, threads=threads)) as groups:
        yield from (group.gop for group in groups if group.gop)


@dataclass(frozen=True, slots=True)
class _Group:
    """A GOP and the audio that lies before it in the file; the last one may have audio only."""

    gop: RestoredGop | None
    audio: tuple[AudioPacket, ...]


def _restored(
    reader: HybridReader, *, effort: SpliceEffort, regeneration: Regeneration | None, threads: int | None
) -> Generator[_Group, None, None]:
    def work(numbered: tuple[int, tuple[HybridGop | None, tuple[AudioPacket, ...]]]) -> _Group:
        index, (gop, audio) = numbered
        if gop is None:
            return _Group(None, audio)
        with located(reader, index, gop):
            return _Group(restore_gop(gop, effort=effort, regeneration=regeneration), audio)

    return in_order(enumerate(_grouped(reader)), work, threads=threads or usable_cores())


def _grouped(reader: HybridReader) -> Iterator[tuple[HybridGop | None, tuple[AudioPacket, ...]]]:
    audio: list[AudioPacket] = []
    for item in reader.demux():
        if isinstance(item, AudioPacket):
            audio.append(item)
            continue
        yield item, tuple(audio)
        audio.clear()
    if audio:
        yield None, tuple(audio)


@contextmanager
def located(reader: HybridReader, index: int, gop: HybridGop | RestoredGop) -> Iterator[None]:
    """Put file, GOP number and time before the message of an error; after seeking the number is not known."""
    try:
        yield
    except FFHybridError as error:
        number = "a GOP" if reader.is_sought else f"GOP {index}"
        seconds = float(gop.access_units[0].pts * gop.time_base)
        raise type(error)(f"{reader.path}: {number} at {seconds:.3f} s: {error}") from error


@dataclass(frozen=True, slots=True)
class _Target:
    """What is written where."""

    reader: HybridReader
    path: Path
    container_format: str | None
    audio: bool

    def open(self, first: RestoredGop) -> PlainWriter:
        """Open the output for GOPs like ``first``."""
        return PlainWriter(
            standard_output() if self.path == PIPE else self.path,
            video=replace(self.reader.video, parameter_sets=first.parameter_sets),
            time_base=Fraction(first.time_base),
            audio=self.reader.audio_stream if self.audio else None,
            container_format=self.container_format,
        )

    def size(self) -> int:
        """Bytes of the finished file, 0 for a pipe."""
        return self.path.stat().st_size if self.path != PIPE else 0


def _write(
    groups: Iterator[_Group], target: _Target, on_gop: Callable[[int, RestoredGop], None] | None
) -> RestoreReport:
    writer: PlainWriter | None = None
    waiting: list[AudioPacket] = []
    gops = pictures = 0
    with ExitStack() as stack:
        for group in groups:
            waiting += group.audio
            if group.gop is None:
                continue
            writer = writer or stack.enter_context(target.open(group.gop))
            _write_gop(writer, group.gop, waiting)
            if on_gop:
                on_gop(gops, group.gop)
            gops += 1
            pictures += len(group.gop.access_units)
        for packet in waiting:
            if writer is not None:
                writer.write_audio(packet)
    return RestoreReport(gops=gops, pictures=pictures, keyframes=gops, file_bytes=target.size())


def _write_gop(writer: PlainWriter, gop: RestoredGop, waiting: list[AudioPacket]) -> None:
    end = max(unit.pts + unit.duration for unit in gop.access_units) * gop.time_base
    while waiting and waiting[0].pts < end:
        writer.write_audio(waiting.pop(0))
    writer.write_access_units(gop.access_units, gop.parameter_sets.nal_units)
