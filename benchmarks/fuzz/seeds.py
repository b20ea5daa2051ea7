"""Put first inputs of a fuzz target into one folder, and a megabyte each of what may be tedious into another.

python benchmarks/fuzz/seeds.py TESTS TARGET CORPUS TEDIOUS
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

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


def main() -> None:
    """Copy a corpus, or make one of golden latents."""
    tests, target, corpus, tedious = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    corpus.mkdir(parents=True, exist_ok=True)
    tedious.mkdir(parents=True, exist_ok=True)
    for name, pattern in TEDIOUS.items():
        (tedious / name).write_bytes((pattern * (MEGABYTE // len(pattern) + 1))[:MEGABYTE])
    if target != "overfit":
        shutil.copytree(tests / "corpora" / target, corpus, dirs_exist_ok=True)
        return
    for path in (tests / "cext" / "data").glob("*.latent"):
        data = path.read_bytes()[1 + PRIOR_SIZE :]
        for size in SIZES:
            (corpus / f"{path.stem}-{size.hex()}").write_bytes(size + data)


if __name__ == "__main__":
    main()
