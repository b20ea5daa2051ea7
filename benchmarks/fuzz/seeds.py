"""Turn golden latents into first inputs of the fuzz target: a size in two bytes before what refines a base picture."""

from __future__ import annotations

import sys
from pathlib import Path

from ffhybrid.filters.overfit.codec import split

source, target = map(Path, sys.argv[1:])
for path in source.glob("*.latent"):
    _, data = split(path.read_bytes())
    for size in (b"\x3e\x1e", b"\xbe\x1e", b"\x1f\x9e", b"\x9f\x9e", b"\x00\x00"):
        (target / f"{path.stem}-{size.hex()}").write_bytes(size + data)
