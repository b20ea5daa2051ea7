"""Rewriting a hybrid file GOP after GOP, with the packets of the other streams where they lay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Generic, Protocol, TypeVar

from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.errors import at
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.output import PendingTarget, Target, Writer
from ffhybrid.muxer.reading.gop_assembly import FoundGop
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.muxer.streams.values import OtherStreams, StreamPacket


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


def checked_other_streams(reader: HybridReader, target: Target) -> OtherStreams:
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
    pending: PendingTarget,
    *,
    other_streams: OtherStreams,
    carriage: Carriage | None,
    write: Callable[[Writer, G], None],
    on_gop: Callable[[int, G], None] | None = None,
) -> Written:
    """Write groups as they come; ``write`` puts a GOP into the writer, ``on_gop`` hears of it afterwards.

    ``carriage`` is that of Matroska, None for GOPs without payloads.
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
                opened = pending.open(video=video, other_streams=other_streams, time_base=base, carriage=carriage)
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
