"""``ffhybrid batch``: all videos of a folder."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ffhybrid.batching import EXTENSIONS, BatchEntry, BatchOutcome, batch
from ffhybrid.cli.encode import FIRST_PAGE, add_encoding, encode_options
from ffhybrid.cli.farm import add_engine
from ffhybrid.cli.parser import Parser
from ffhybrid.errors import BatchError


def add_options(command: Parser) -> None:
    """Declare the options: those of an encode, and its own."""
    command.add_argument("input", type=Path, metavar="IN_FOLDER")
    command.add_argument("output", type=Path, metavar="OUT_FOLDER", help="made if it does not exist")
    extensions = ",".join(EXTENSIONS)
    command.add_argument(
        "-ext", default=extensions, metavar="EXT,...", help="extensions of the files taken (%(default)s)"
    )
    command.add_argument("-f", dest="format", metavar="FMT", help="container format (FFmpeg's name)")
    command.add_argument("-suffix", default=".mkv", metavar=".EXT", help="of the outputs (%(default)s)")
    command.add_argument("-y", action="store_true", help="make outputs anew that were made otherwise")
    add_encoding(command)
    add_engine(command)
    command.first_page("-ext", "-f", "-suffix", "-y", *FIRST_PAGE)


def run(options: argparse.Namespace, console: Console) -> None:
    """Encode a folder and print what became of each file.

    Raises:
        BatchError: some files failed.
    """

    def on_file(entry: BatchEntry) -> None:
        console.print(f"{entry.source}: {entry.outcome}", markup=False, highlight=False, soft_wrap=True)

    entries = batch(
        options.input,
        options.output,
        options=encode_options(options),
        extensions=options.ext.split(","),
        suffix=options.suffix,
        overwrite=options.y,
        engine=options.engine,
        on_error=options.on_error,
        log=options.log,
        on_file=on_file,
    )
    if options.of == "json":
        json.dump([asdict(entry) for entry in entries], sys.stdout, default=str)
        sys.stdout.write("\n")
    else:
        _print_entries(entries)
    failed = [str(entry.source) for entry in entries if entry.outcome is BatchOutcome.FAILED]
    if failed:
        raise BatchError(f"{len(failed)} of {len(entries)} files failed: {', '.join(failed)}")


def _print_entries(entries: tuple[BatchEntry, ...]) -> None:
    table = Table("file", "", "GOPs", "seconds", "bytes", "error", box=None, pad_edge=False)
    for entry in entries:
        numbers = (str(entry.gops or ""), f"{entry.seconds:.1f}" if entry.seconds else "", str(entry.file_bytes or ""))
        table.add_row(str(entry.source), entry.outcome, *numbers, entry.error)
    Console(file=sys.stdout, highlight=False, width=160).print(table)
