"""Put first inputs of a fuzz target into one folder, and a megabyte each of what may be tedious into another.

Beside those of the tests there are parameter sets and slices of other encoders, where their streams lie beside the
project.

python benchmarks/fuzz/seeds.py TESTS TARGET CORPUS TEDIOUS
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from exactness.streams import base_layer, first_pictures, streams
from ffhybrid import hevc
from ffhybrid.errors import CorruptDataError
from ffhybrid.filters.overfit.codec import PRIOR_SIZE

MEGABYTE = 1 << 20
TEDIOUS = {
    "zeros": b"\0",
    "ones": b"\xff",
    "start-codes": b"\0\0\1",
    "escapes": b"\0\0\3",
    "slices": b"\0\0\1\x26\1\xaf",
}
"""Bytes that a reader could take long for."""
SIZES = (b"\x3e\x1e", b"\xbe\x1e", b"\x1f\x9e", b"\x9f\x9e", b"\x00\x00")
"""Sizes of pictures, in the two bytes before what the C core reads of a latent."""
MAX_SLICES, MAX_SLICE, MAX_FILE = 4, 600, 8000
"""Of streams of other encoders: how many slices a seed has, to how many bytes each is cut, and the longest file."""


def main() -> None:
    """Copy a corpus, or make one of golden latents."""
    tests, target, corpus, tedious = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    corpus.mkdir(parents=True, exist_ok=True)
    tedious.mkdir(parents=True, exist_ok=True)
    for name, pattern in TEDIOUS.items():
        (tedious / name).write_bytes((pattern * (MEGABYTE // len(pattern) + 1))[:MEGABYTE])
    if target == "stream":
        write_streams(corpus)
    elif target == "file":
        copy_files(corpus)
    if target != "overfit":
        shutil.copytree(tests / "corpora" / target, corpus, dirs_exist_ok=True)
        return
    for path in (tests / "cext" / "data").glob("*.latent"):
        data = path.read_bytes()[1 + PRIOR_SIZE :]
        for size in SIZES:
            (corpus / f"{path.stem}-{size.hex()}").write_bytes(size + data)


def write_streams(corpus: Path) -> None:
    """Write the beginning of each stream of another encoder, as far as it can be read."""
    for stream in streams():
        nal_units: list[bytes] = []
        try:
            nal_units.extend(first_pictures(base_layer(stream.path), MAX_SLICES))
        except CorruptDataError:
            continue
        (corpus / stream.path.name).write_bytes(hevc.join_annexb(nal[:MAX_SLICE] for nal in nal_units))


def copy_files(corpus: Path) -> None:
    """Copy the smallest files."""
    for stream in streams():
        if stream.path.stat().st_size <= MAX_FILE:
            shutil.copy(stream.path, corpus)


if __name__ == "__main__":
    main()
