"""Fuzz target of whole files: the walk over Matroska's elements, then all GOPs of whatever FFmpeg takes it for.

They are read twice, up to the first damage and on behind it.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from ffhybrid.errors import FFHybridError
from ffhybrid.muxer.matroska.integrity import check_matroska, damaged_ranges, is_matroska
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.muxer.reading.tolerant_reader import TolerantReader
from ffhybrid.muxer.streams.selection import StreamOptions


def one_input(data: bytes) -> None:
    """Read bytes as a file."""
    with tempfile.TemporaryDirectory(prefix="ffhybrid-fuzz-") as folder:
        path = Path(folder) / "input"
        path.write_bytes(data)
        with suppress(FFHybridError):
            if is_matroska(path):
                check_matroska(path, check_crcs=True)
        with suppress(FFHybridError), HybridReader(path) as reader:
            for _ in reader.gops():
                pass
        with suppress(FFHybridError):
            damage = damaged_ranges(path) if is_matroska(path) else []
            with TolerantReader(path, damage=damage, streams=StreamOptions(), for_matroska=True) as tolerant:
                for _ in tolerant.demux():
                    pass
