"""Restoring: a hybrid file becomes standard HEVC in any container, with all that is beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from fractions import Fraction
from os import PathLike
from pathlib import Path

from ffhybrid.core.gop import HybridGop
from ffhybrid.core.ordered_pool import in_order
from ffhybrid.core.resources import usable_cores
from ffhybrid.core.time_range import TimeRange
from ffhybrid.hevc import SpliceEffort
from ffhybrid.muxer.output import Writer
from ffhybrid.muxer.reading.gop_assembly import FoundGop
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.muxer.reading.tolerant_reader import TolerantReader
from ffhybrid.muxer.rewriting import GopGroup, checked_other_streams, grouped_until, located, moved, rewrite
from ffhybrid.muxer.streams.values import StreamPacket
from ffhybrid.options import OutputOptions
from ffhybrid.restorer.damage import DamagedGop, Salvage, Salvaged, salvaged
from ffhybrid.restorer.generator_decode import GeneratorDecode
from ffhybrid.restorer.provenance import Provenance, first_statement
from ffhybrid.restorer.splice import RestoredGop, restore_gop

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What was written; ``keyframes`` is how many keyframes were generated and matched their MD5s.

    ``damaged`` are the GOPs of a damaged input that are not in the output, or not as a whole; empty for a whole input.
    """

    gops: int
    pictures: int
    keyframes: int
    file_bytes: int
    damaged: tuple[DamagedGop, ...]


def restore(
    source: str | PathLike[str],
    output: str | PathLike[str],
    *,
    options: OutputOptions | None = None,
    overwrite: bool = False,
    effort: SpliceEffort = SpliceEffort.FAST,
    generator_decode: GeneratorDecode | None = None,
    stop_at_damage: bool = False,
    time_range: TimeRange | None = None,
    threads: int | None = None,
    on_gop: Callable[[int, RestoredGop], None] | None = None,
) -> RestoreReport:
    """Restore a hybrid file; ``source`` and ``output`` may be ``-``.

    Of a ``time_range`` only what is needed is read and restored. As with ``ffmpeg -ss -c copy`` the output begins with
    the keyframe at or before the start, at 0; a line of the log says at which time of the input that is. It ends with
    the pictures before the end, and those behind it, a few at most, that they refer to or that are shown between.
    Other streams are cut at the keyframe and at the end.

    Keyframes of later GOPs are made while earlier ones are written, on ``threads`` threads (default: one a core). The
    output does not depend on their number.

    A damaged input is restored as far as it is whole: damaged GOPs are left out, each is logged as an error, and the
    report lists them. With ``stop_at_damage`` the first damage is an error.

    Raises:
        TruncatedError, CorruptDataError, GeometryError, VerificationError: damage, where it is an error, or no GOP can
            be restored; with file and GOP in the message. No output appears then.
        NotHybridError, ModelError: see their docstrings.
        UsageError, UnsupportedError: streams that do not exist, or that the output cannot carry; a time range without
            a picture, or in what cannot be sought, as standard input.
    """
    options = options or OutputOptions()
    target = options.target(output)
    generator_decode = generator_decode or GeneratorDecode()
    salvage = Salvage(stop=stop_at_damage)
    known = salvage.known(Path(source))
    with ExitStack() as stack:
        with salvage.opening(known):
            reader = TolerantReader(
                Path(source),
                damage=known,
                streams=options.streams,
                for_matroska=target.is_matroska,
                time_range=time_range,
            )
            stack.enter_context(reader)
            other_streams = checked_other_streams(reader, target)
        _say_where(reader, time_range)
        pending = stack.enter_context(target.pending(overwrite=overwrite))
        groups = _salvaged(reader, salvage, effort=effort, generator_decode=generator_decode, threads=threads)
        stack.enter_context(closing(groups))
        provenance = Provenance()
        written = rewrite(
            reader,
            groups,
            pending,
            other_streams=other_streams,
            carriage=None,
            statement=first_statement,
            write=lambda writer, gop: _write(writer, provenance.stated(gop)),
            on_gop=on_gop,
        )
        salvage.check(written.gops)
        return RestoreReport(
            gops=written.gops,
            pictures=written.pictures,
            keyframes=written.gops,
            file_bytes=pending.size(),
            damaged=tuple(salvage.damaged),
        )


def _say_where(reader: HybridReader, time_range: TimeRange | None) -> None:
    """Tell at which time of the input the output begins, if that is not where it was wanted."""
    cut = reader.cut
    if time_range is None or not time_range.start or cut.shift == cut.begin + time_range.start:
        return
    logger.warning(
        "%s: the output begins with the keyframe at %.3f s, the last one before -ss %.3f",
        reader.path,
        float(cut.shift - cut.begin),
        float(time_range.start),
    )


def _write(writer: Writer, gop: RestoredGop) -> None:
    writer.write_access_units(gop.access_units, gop.parameter_sets.nal_units, gop.time_base)


def restored_gops(
    reader: HybridReader,
    *,
    threads: int | None = None,
    generator_decode: GeneratorDecode | None = None,
) -> Generator[RestoredGop, None, None]:
    """Restore GOP after GOP, some of them at once; errors name the file, the GOP and its time."""

    def work(numbered: tuple[int, HybridGop]) -> RestoredGop:
        index, gop = numbered
        with located(reader, index, gop):
            return restore_gop(gop, generator_decode=generator_decode)

    return in_order(enumerate(reader.gops()), work, threads=threads or usable_cores())


def _salvaged(
    reader: TolerantReader,
    salvage: Salvage,
    *,
    effort: SpliceEffort,
    generator_decode: GeneratorDecode,
    threads: int | None,
) -> Generator[GopGroup[RestoredGop], None, None]:
    """Restore GOP after GOP, some of them at once, and take note of those that are damaged."""

    def restore_whole(gop: HybridGop) -> RestoredGop:
        return restore_gop(gop, effort=effort, generator_decode=generator_decode)

    def work(group: GopGroup[FoundGop]) -> tuple[Salvaged, tuple[StreamPacket, ...]]:
        return salvaged(reader, group.gop, restore_whole), group.packets

    groups = grouped_until(reader, reader.cut.end)
    with closing(in_order(groups, work, threads=threads or usable_cores())) as results:
        for result, packets in results:
            salvage.note(result.damage)
            yield GopGroup(_moved(result.gop, reader.cut.shift), packets)


def _moved(gop: RestoredGop | None, by: Fraction) -> RestoredGop | None:
    if gop is None or not by:
        return gop
    units, base = moved(gop.access_units, gop.time_base, by)
    return replace(gop, access_units=units, time_base=base)
