"""Restoring: a hybrid file becomes standard HEVC in any container, with all that is beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from ffhybrid.errors import FFHybridError
from ffhybrid.gop import HybridGop
from ffhybrid.hevc import SpliceEffort
from ffhybrid.keyframe import RestoredGop, restore_gop
from ffhybrid.muxer.libav import LibavWriter
from ffhybrid.muxer.matroska import MatroskaWriter
from ffhybrid.muxer.reader import HybridReader
from ffhybrid.muxer.stream_map import StreamOptions
from ffhybrid.muxer.streams import Companions, StreamPacket
from ffhybrid.outputs import PIPE, pending_output
from ffhybrid.pipeline import in_order, usable_cores
from ffhybrid.regeneration import Regeneration
from ffhybrid.targets import check_target, is_matroska_target, open_writer

logger = logging.getLogger(__name__)


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
    streams: StreamOptions | None = None,
    effort: SpliceEffort = SpliceEffort.FAST,
    regeneration: Regeneration | None = None,
    threads: int | None = None,
    on_gop: Callable[[int, RestoredGop], None] | None = None,
) -> RestoreReport:
    """Restore a hybrid file; ``output`` may be ``-`` (Matroska unless ``container_format`` names another).

    ``streams`` says what is carried beside the video, by default everything.

    Keyframes of later GOPs are made while earlier ones are written, on ``threads`` threads (default: one a core). The
    output does not depend on their number.

    Raises:
        NotHybridError, CorruptDataError, GeometryError, VerificationError: see their docstrings, with file and GOP
            in the message; no output appears then.
        UsageError, UnsupportedError: streams that do not exist, or that the output cannot carry.
    """
    source, output = Path(source), Path(output)
    for_matroska = is_matroska_target(output, container_format)
    with HybridReader(source, streams=streams or StreamOptions(), for_matroska=for_matroska) as reader:
        if reader.companions and for_matroska:
            reader.companions.check_matroska()
        with closing(_restored(reader, effort=effort, regeneration=regeneration, threads=threads)) as groups:
            if output == PIPE:
                return _write(groups, _Target(reader, PIPE, output, container_format), on_gop)
            with pending_output(output, overwrite=overwrite) as pending:
                return _write(groups, _Target(reader, pending, output, container_format), on_gop)


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
    """A GOP and the packets that lie before it in the file; the last one may have packets only."""

    gop: RestoredGop | None
    packets: tuple[StreamPacket, ...]


def _restored(
    reader: HybridReader, *, effort: SpliceEffort, regeneration: Regeneration | None, threads: int | None
) -> Generator[_Group, None, None]:
    def work(numbered: tuple[int, tuple[HybridGop | None, tuple[StreamPacket, ...]]]) -> _Group:
        index, (gop, packets) = numbered
        if gop is None:
            return _Group(None, packets)
        with located(reader, index, gop):
            return _Group(restore_gop(gop, effort=effort, regeneration=regeneration), packets)

    return in_order(enumerate(_grouped(reader)), work, threads=threads or usable_cores())


def _grouped(reader: HybridReader) -> Iterator[tuple[HybridGop | None, tuple[StreamPacket, ...]]]:
    packets: list[StreamPacket] = []
    for item in reader.demux():
        if isinstance(item, StreamPacket):
            packets.append(item)
            continue
        yield item, tuple(packets)
        packets.clear()
    if packets:
        yield None, tuple(packets)


@contextmanager
def located(reader: HybridReader, index: int, gop: HybridGop | RestoredGop) -> Iterator[None]:
    """Put file, GOP number and time before the message of an error; after seeking the number is not known."""
    try:
        yield
    except FFHybridError as error:
        number = "a GOP" if reader.is_sought else f"GOP {index}"
        seconds = float(gop.access_units[0].pts * gop.time_base)
        raise type(error)(f"{reader.path}: {number} at {seconds:.3f} s: {error}") from error


class _Target:
    """What is written where: into ``path``, which becomes ``output``.

    Raises:
        UnsupportedError: the output cannot carry what is beside the video.
    """

    def __init__(self, reader: HybridReader, path: Path, output: Path, container_format: str | None) -> None:
        self._reader, self._path, self._output = reader, path, output
        self._format = container_format
        self._companions = reader.companions.companions if reader.companions else Companions()
        check_target(output, container_format, self._companions)

    def open(self, first: RestoredGop) -> AbstractContextManager[MatroskaWriter | LibavWriter]:
        """Open the output for GOPs like ``first``."""
        return open_writer(
            self._path,
            self._output,
            video=replace(self._reader.video, parameter_sets=first.parameter_sets),
            companions=self._companions,
            time_base=first.time_base,
            carriage=None,
            container_format=self._format,
        )

    def size(self) -> int:
        """Bytes of the finished file, 0 for a pipe."""
        return self._path.stat().st_size if self._path != PIPE else 0


def _write(
    groups: Iterator[_Group], target: _Target, on_gop: Callable[[int, RestoredGop], None] | None
) -> RestoreReport:
    writer: MatroskaWriter | LibavWriter | None = None
    waiting: list[StreamPacket] = []
    gops = pictures = 0
    with ExitStack() as stack:
        for group in groups:
            waiting += group.packets
            if group.gop is not None:
                writer = writer or stack.enter_context(target.open(group.gop))
            if writer is None:
                continue
            for packet in waiting:
                writer.write_packet(packet)
            waiting.clear()
            if group.gop is None:
                continue
            writer.write_access_units(group.gop.access_units, group.gop.parameter_sets.nal_units, group.gop.time_base)
            if on_gop:
                on_gop(gops, group.gop)
            gops += 1
            pictures += len(group.gop.access_units)
    return RestoreReport(gops=gops, pictures=pictures, keyframes=gops, file_bytes=target.size())
