"""Restoring: a hybrid file becomes standard HEVC in any container, with all that is beside it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from ffhybrid.gop import HybridGop
from ffhybrid.hevc import SpliceEffort
from ffhybrid.keyframe import RestoredGop, restore_gop
from ffhybrid.muxer.reader import HybridReader
from ffhybrid.muxer.stream_map import StreamOptions
from ffhybrid.pipeline import in_order, usable_cores
from ffhybrid.regeneration import Regeneration
from ffhybrid.rewriting import Group, checked_companions, grouped, located, rewrite
from ffhybrid.targets import Target, Writer


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
    format_options: Mapping[str, str] | None = None,
    overwrite: bool = False,
    streams: StreamOptions | None = None,
    effort: SpliceEffort = SpliceEffort.FAST,
    regeneration: Regeneration | None = None,
    threads: int | None = None,
    on_gop: Callable[[int, RestoredGop], None] | None = None,
) -> RestoreReport:
    """Restore a hybrid file; ``source`` and ``output`` may be ``-``.

    ``container_format`` is FFmpeg's name of a format, by default that of the output's name, Matroska on a pipe;
    ``format_options`` are options of its muxer. ``streams`` says what is carried beside the video, by default
    everything.

    Keyframes of later GOPs are made while earlier ones are written, on ``threads`` threads (default: one a core). The
    output does not depend on their number.

    Raises:
        NotHybridError, CorruptDataError, GeometryError, VerificationError: see their docstrings, with file and GOP
            in the message; no output appears then.
        UsageError, UnsupportedError: streams that do not exist, or that the output cannot carry.
    """
    target = Target(output=Path(output), container_format=container_format, format_options=format_options or {})
    streams = streams or StreamOptions()
    with HybridReader(Path(source), streams=streams, for_matroska=target.is_matroska) as reader:
        companions = checked_companions(reader, target)
        groups = _restored(reader, effort=effort, regeneration=regeneration, threads=threads)
        with closing(groups), target.pending(overwrite=overwrite) as pending:
            written = rewrite(
                reader, groups, pending, companions=companions, carriage=None, write=_write, on_gop=on_gop
            )
            return RestoreReport(
                gops=written.gops, pictures=written.pictures, keyframes=written.gops, file_bytes=pending.size()
            )


def _write(writer: Writer, gop: RestoredGop) -> None:
    writer.write_access_units(gop.access_units, gop.parameter_sets.nal_units, gop.time_base)


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


def _restored(
    reader: HybridReader, *, effort: SpliceEffort, regeneration: Regeneration | None, threads: int | None
) -> Generator[Group[RestoredGop], None, None]:
    def work(numbered: tuple[int, Group[HybridGop]]) -> Group[RestoredGop]:
        index, group = numbered
        if group.gop is None:
            return Group(None, group.packets)
        with located(reader, index, group.gop):
            return Group(restore_gop(group.gop, effort=effort, regeneration=regeneration), group.packets)

    return in_order(enumerate(grouped(reader)), work, threads=threads or usable_cores())
