"""Hybrid files of every version that was released, which restore for ever: adding one to ``manifest.json``.

    PYTHONPATH=tests:tests/frozen python -P tests/frozen/freeze.py FILE.mkv NAME

copies a file, and notes its payload's version and the MD5 of what it restores to. None is ever changed or removed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import ffhybrid
from ffhybrid.core.frames import coded_picture
from ffhybrid.core.payload import MAGIC
from ffhybrid.muxer.reading.reader import HybridReader

FOLDER = Path(__file__).parent
MANIFEST = FOLDER / "manifest.json"


def restored_md5(path: Path) -> str:
    """MD5 of the Y, Cb and Cr samples of all pictures that a hybrid file restores to, in order of presentation."""
    digest = hashlib.md5(usedforsecurity=False)
    with ffhybrid.open(path) as container:
        for frame in container.decode(video=0):
            depth = 10 if "10" in frame.format.name else 8
            digest.update(coded_picture(frame, depth).samples().tobytes())
    return digest.hexdigest()


def manifest() -> dict[str, dict[str, str | int]]:
    """What is known of every file, by its name."""
    return dict(json.loads(MANIFEST.read_text())) if MANIFEST.exists() else {}


def main() -> None:
    """Add a file."""
    source, name = Path(sys.argv[1]), sys.argv[2]
    known = manifest()
    if name in known:
        sys.exit(f"{name} is frozen already")
    generators = sorted({gop.generator for gop in ffhybrid.probe(source).gops})
    shutil.copyfile(source, FOLDER / name)
    with HybridReader(source) as reader:
        version = max(gop.payload[len(MAGIC)] for gop in reader.gops())
    known[name] = {"version": version, "generators": " ".join(generators), "md5": restored_md5(FOLDER / name)}
    MANIFEST.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
