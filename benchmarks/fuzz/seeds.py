"""Turn golden latents into first inputs of the fuzz target: a size in two bytes before each."""

from __future__ import annotations

import sys
from pathlib import Path

source, target = map(Path, sys.argv[1:])
for path in source.glob("*.latent"):
    data = path.read_bytes()
    for size in (b"\x3e\x1e", b"\x1f\x9e", b"\x00\x00"):
        (target / f"{path.stem}-{size.hex()}").write_bytes(size + data)
