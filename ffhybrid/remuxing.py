"""Remuxing, stripping and injecting: payloads move, and no picture is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from ffhybrid.core.gop import HybridGop
from ffhybrid.core.payload import Payload
from ffhybrid.muxer.carriage import Carriage, stripped_access_units
from ffhybrid.muxer.output import Output, Writer
from ffhybrid.muxer.payload_files import PayloadFolder
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.muxer.rewriting import checked_other_streams, hybrid_groups, located, rewrite
from ffhybrid.muxer.statement import HYBRID_STATEMENT
from ffhybrid.muxer.streams.selection import StreamOptions
from ffhybrid.options import OutputOptions
from ffhybrid.restorer.splice import check_stream


@dataclass(frozen=True, slots=True, kw_only=True)
class RemuxReport:
    """What was written; ``payload_bytes`` are those of the input, ``file_bytes`` is 0 for a pipe."""

    gops: int
    pictures: int
    payload_bytes: int
    file_bytes: int


def remux(
    source: str | PathLike[str],
    output: str | PathLike[str],
    *,
    carriage: Carriage | None = None,
    options: OutputOptions | None = None,
    overwrite: bool = False,
    on_gop: Callable[[int, HybridGop], None] | None = None,
) -> RemuxReport:
    """Put a hybrid file into another container, or its payloads into the other carriage; both may be ``-``.

    ``carriage`` is ``track`` in Matroska and ``inband`` elsewhere, unless it is given; ``options`` say the rest of how
    the output is written, which ``overwrite`` allows to be there already. ``on_gop`` hears of every GOP written.

    Raises:
        NotHybridError, CorruptDataError: see their docstrings, with file and GOP in the message; no output appears.
        UsageError, UnsupportedError: streams that do not exist, or that the output cannot carry.
    """
    options = options or OutputOptions()
    target = options.target(output)
    streams, wanted = options.streams, target.carriage(carriage)
    return _copy(source, target, wanted, _write_hybrid, overwrite=overwrite, streams=streams, on_gop=on_gop)


def strip(
    source: str | PathLike[str],
    output: str | PathLike[str],
    *,
    options: OutputOptions | None = None,
    overwrite: bool = False,
    on_gop: Callable[[int, HybridGop], None] | None = None,
) -> RemuxReport:
    """Write a hybrid file without its payloads: what stock tools see of it, and less to send.

    Picture hashes, which are those of restored pictures, are left out as well, for good, and so is what says that the
    file is hybrid. Binding tags stay, by which :func:`inject` finds where payloads belong. Arguments and errors are
    those of :func:`remux`.
    """
    options = options or OutputOptions()
    target = options.target(output)
    return _copy(source, target, None, _write_stripped, overwrite=overwrite, streams=options.streams, on_gop=on_gop)


def inject(
    source: str | PathLike[str],
    payloads: str | PathLike[str],
    output: str | PathLike[str],
    *,
    carriage: Carriage | None = None,
    options: OutputOptions | None = None,
    overwrite: bool = False,
    on_gop: Callable[[int, HybridGop], None] | None = None,
) -> RemuxReport:
    """Put payloads, as ``extract`` wrote them into a folder, back into a file that lost them.

    Other arguments are those of :func:`remux`.

    Raises:
        CorruptDataError: a GOP whose payload is not there, or a damaged one.
        GeometryError: a payload that was made for another stream.
        NotHybridError, UsageError, UnsupportedError: as in :func:`remux`.
    """
    options = options or OutputOptions()
    target = options.target(output)
    folder = PayloadFolder(Path(payloads))
    return _copy(
        source,
        target,
        target.carriage(carriage),
        _write_hybrid,
        overwrite=overwrite,
        streams=options.streams,
        on_gop=on_gop,
        payloads=folder,
    )


def _write_hybrid(writer: Writer, gop: HybridGop) -> None:
    writer.write_gop(gop)


def _write_stripped(writer: Writer, gop: HybridGop) -> None:
    writer.write_access_units(stripped_access_units(gop), gop.parameter_sets.nal_units, gop.time_base)


def _copy(
    source: str | PathLike[str],
    target: Output,
    carriage: Carriage | None,
    write: Callable[[Writer, HybridGop], None],
    *,
    overwrite: bool,
    streams: StreamOptions,
    on_gop: Callable[[int, HybridGop], None] | None,
    payloads: PayloadFolder | None = None,
) -> RemuxReport:
    payload_bytes = index = 0
    with HybridReader(
        Path(source),
        streams=streams,
        for_matroska=target.is_matroska,
        lost_payload=payloads.find if payloads else None,
    ) as reader:

        def check_and_write(writer: Writer, gop: HybridGop) -> None:
            nonlocal payload_bytes, index
            with located(reader, index, gop):
                check_stream(Payload.from_bytes(gop.payload), gop.parameter_sets)
            write(writer, gop)
            payload_bytes += len(gop.payload)
            index += 1

        other_streams = checked_other_streams(reader, target)
        with target.pending(overwrite=overwrite) as pending:
            written = rewrite(
                reader,
                hybrid_groups(reader),
                pending,
                other_streams=other_streams,
                carriage=carriage,
                statement=None if carriage is None else lambda _: HYBRID_STATEMENT,
                write=check_and_write,
                on_gop=on_gop,
            )
            return RemuxReport(
                gops=written.gops,
                pictures=written.pictures,
                payload_bytes=payload_bytes,
                file_bytes=pending.size(),
            )
