"""Fuzz target of whole files: the walk over Matroska's elements, then all GOPs of whatever FFmpeg takes it for.

cd benchmarks; python -m fuzz.file CORPUS [options of libFuzzer]    (with atheris)
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from ffhybrid.errors import FFHybridError
from ffhybrid.muxer.integrity import check_matroska, is_matroska
from ffhybrid.muxer.reader import HybridReader
from fuzz.target import run


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


if __name__ == "__main__":
    run(one_input)
