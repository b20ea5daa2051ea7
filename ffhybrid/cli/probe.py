"""``ffhybrid probe``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ffhybrid.cli.options import add_report_format
from ffhybrid.cli.parser import Parser
from ffhybrid.cli.shared import TABLE_WIDTH, emit
from ffhybrid.probing import FileInfo, probe


def add_options(command: Parser) -> None:
    """Declare the options."""
    command.add_argument("input", type=Path, metavar="FILE", help="input file")
    add_report_format(command)


def run(options: argparse.Namespace, console: Console) -> None:  # noqa: ARG001 - every command has both
    """Print what the file holds."""
    info = probe(options.input)
    if options.of == "json":
        emit(options, asdict(info), ())
    else:
        _print_probe(info)


def _print_probe(info: FileInfo) -> None:
    out = Console(file=sys.stdout, highlight=False, width=TABLE_WIDTH)
    beside = [f"{stream.type} {stream.codec or ''} ({stream.language})".replace("  ", " ") for stream in info.streams]
    picture = f"{info.width}x{info.height}, {info.bit_depth} bits, {info.frame_rate} fps"
    size = () if info.size is None else (f"{info.size} bytes",)
    described = ", ".join((picture, *beside, *size))
    sys.stdout.write(f"{info.filename}: {info.state}; {info.format_name}, carriage {info.carriage}, {described}\n")
    headings = (
        "GOP",
        "start",
        "seconds",
        "pictures",
        "generator",
        "payload",
        "correction",
        "fix-ups",
        "anchors",
        "placeholder",
        "P and B",
    )
    table = Table(*headings, box=None, pad_edge=False)
    for gop in info.gops:
        pictures = f"{gop.pictures}" + (f" of {gop.pictures_encoded}" if gop.pictures != gop.pictures_encoded else "")
        fixups = f"{gop.fixups} ({gop.fixup_bytes} B)"
        numbers = (gop.payload_bytes, gop.correction_bytes, fixups, gop.anchors, gop.placeholder_bytes, gop.inter_bytes)
        timing = (f"{gop.start:.3f}", f"{gop.duration:.3f}", pictures, gop.generator)
        table.add_row(str(gop.index), *timing, *map(str, numbers))
    out.print(table)
