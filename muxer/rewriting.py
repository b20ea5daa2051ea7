"""Rewriting a hybrid file GOP after GOP, with the packets of the other streams where they lay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from typing import Generic, Protocol, TypeVar

from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.errors import at
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.output import Output, PendingOutput, Writer
from ffhybrid.muxer.reading.gop_assembly import FoundGop
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.muxer.streams.cutting import LEAD
from ffhybrid.muxer.streams.values import OtherStreams, StreamPacket, stated


class StreamGop(Protocol):
    """What hybrid and restored GOPs have in common."""

    @property
    def parameter_sets(self) -> ParameterSets:
        """Of the whole GOP."""

    @property
    def access_units(self) -> tuple[AccessUnit, ...]:
        """In decoding order."""

    @property
    def time_base(self) -> Fraction:
        """Unit of their timestamps in seconds."""


G = TypeVar("G", bound=StreamGop)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GopGroup(Generic[T]):
    """A GOP and the packets that lie before it in the file; the last one, or a lost GOP, has packets only."""

    gop: T | None
    packets: tuple[StreamPacket, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """How many GOPs and pictures were written."""

    gops: int
    pictures: int


def grouped(reader: HybridReader) -> Iterator[GopGroup[FoundGop]]:
    """Read a file group by group."""
    packets: list[StreamPacket] = []
    for item in reader.demux():
        if isinstance(item, StreamPacket):
            packets.append(item)
            continue
        yield GopGroup(item, tuple(packets))
        packets.clear()
    if packets:
        yield GopGroup(None, tuple(packets))


def grouped_until(reader: HybridReader, end: Fraction | None) -> Iterator[GopGroup[FoundGop]]:
    """Read a file group by group up to the pictures before ``end``, in seconds of the container; None for all of it.

    A little more is read, for packets of other streams that lie behind.
    """
    for group in grouped(reader):
        begin = None if group.gop is None else _begin_of(group.gop)
        if end is None or begin is None or begin < end:
            yield GopGroup(group.gop and _until(group.gop, end), group.packets)
            continue
        yield GopGroup(None, group.packets)
        if begin >= end + LEAD:
            return


def _begin_of(found: FoundGop) -> Fraction | None:
    if found.gop is None:
        return None if found.seconds is None else Fraction(found.seconds)
    return found.gop.placeholder.pts * found.gop.time_base


def _until(found: FoundGop, end: Fraction | None) -> FoundGop:
    """Leave out what no picture before ``end`` needs: see :func:`pictures_until`."""
    if found.gop is None or end is None:
        return found
    count = pictures_until([unit.pts * found.gop.time_base for unit in found.gop.access_units], end)
    if count == len(found.gop.access_units):
        return found
    shorter = replace(found.gop, inter=found.gop.inter[: count - 1])
    return replace(found, gop=shorter, error=None, lost_behind=False, is_last=False)


def pictures_until(times: Sequence[Fraction], end: Fraction) -> int:
    """Count the pictures of a GOP, in decoding order, that must stay for those before ``end`` to be whole.

    They are the fewest among which are all of these, all that they may refer to, which is decoded before them, and all
    that are shown between: nothing refers to a picture that is gone, and none is missing in the middle.
    """
    wanted = sum(time < end for time in times)
    shown = sorted(times)
    latest = times[0]
    for count, time in enumerate(times, 1):
        latest = max(latest, time)
        if count >= wanted and latest == shown[count - 1]:
            return count
    return len(times)


def moved(units: Sequence[AccessUnit], base: Fraction, by: Fraction) -> tuple[tuple[AccessUnit, ...], Fraction]:
    """Take so many seconds from the times of access units, exactly; returns them and the time base that this takes."""
    finer = Fraction(1, lcm(base.denominator, by.denominator))
    scale, shift = int(base / finer), int(by / finer)
    found = (AccessUnit(unit.nal_units, unit.pts * scale - shift, unit.duration * scale) for unit in units)
    return tuple(found), finer


def hybrid_groups(reader: HybridReader) -> Iterator[GopGroup[HybridGop]]:
    """Read a file group by group, up to the first damage."""
    return (GopGroup(group.gop.gop if group.gop else None, group.packets) for group in grouped(reader))


@contextmanager
def located(reader: HybridReader, index: int, gop: StreamGop) -> Iterator[None]:
    """Put file, GOP number and time before the message of an error; after seeking the number is not known."""
    with at(f"{reader.path}: {gop_place(None if reader.is_sought else index, gop)}"):
        yield


def gop_place(index: int | None, gop: StreamGop) -> str:
    """Name a GOP and its time; None is one of which the number is not known."""
    number = "a GOP" if index is None else f"GOP {index}"
    return f"{number} at {float(gop.access_units[0].pts * gop.time_base):.3f} s"


def checked_other_streams(reader: HybridReader, target: Output) -> OtherStreams:
    """Collect what is to travel beside the video.

    Raises:
        UnsupportedError: the target cannot carry it; all that it cannot is named.
    """
    other_streams = reader.other_streams.other_streams if reader.other_streams else OtherStreams()
    if reader.other_streams and target.is_matroska:
        reader.other_streams.check_matroska()
    target.check(other_streams)
    return other_streams


def rewrite(
    reader: HybridReader,
    groups: Iterable[GopGroup[G]],
    pending: PendingOutput,
    *,
    other_streams: OtherStreams,
    carriage: Carriage | None,
    statement: Callable[[G], str] | None,
    write: Callable[[Writer, G], None],
    on_gop: Callable[[int, G], None] | None = None,
) -> Written:
    """Write groups as they come; ``write`` puts a GOP into the writer, ``on_gop`` hears of it afterwards.

    ``carriage`` is that of Matroska, None for GOPs without payloads. ``statement`` says by its first GOP what the file
    is, for its tag; None is for a file that does not say so.
    """
    writer: Writer | None = None
    waiting: list[StreamPacket] = []
    gops = pictures = 0
    with ExitStack() as stack:
        for group in groups:
            waiting += group.packets
            if group.gop is not None and writer is None:
                video = replace(reader.video, parameter_sets=group.gop.parameter_sets)
                base = group.gop.time_base
                beside = stated(other_streams, statement(group.gop)) if statement else other_streams
                opened = pending.open(video=video, other_streams=beside, time_base=base, carriage=carriage)
                writer = stack.enter_context(opened)
            if writer is None:
                continue
            for packet in waiting:
                writer.write_packet(packet)
            waiting.clear()
            if group.gop is None:
                continue
            write(writer, group.gop)
            if on_gop:
                on_gop(gops, group.gop)
            gops += 1
            pictures += len(group.gop.access_units)
    return Written(gops, pictures)
