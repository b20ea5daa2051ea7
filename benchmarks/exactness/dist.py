"""The sdist, the wheel that is built from it, and that wheel installed where nothing else is: no torch, no tree.

What the rooms have has to be in the wheel, and files of the tests have to be probed, restored and verified by it.

    python benchmarks/exactness/dist.py [--output dist]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"ffhybrid": "ffhybrid", "muxer": "ffhybrid/muxer", "filters": "ffhybrid/filters"}
BUILT = {".c", ".pyc", ".so"}
"""Suffixes of what lies in the rooms of a tree that is built in place."""
SAMPLES = (
    "tests/install/data/overfit.mkv",
    "tests/corpora/file/track.mkv",
    "tests/corpora/file/inband.mp4",
    "tests/frozen/v3-anchors.mkv",
)
NO_TORCH = "from importlib.util import find_spec; assert not find_spec('torch') and not find_spec('safetensors')"


def build(folder: Path) -> Path:
    """Build both into a folder, each in an environment of its own; give the wheel."""
    subprocess.run([sys.executable, "-P", "-m", "build", "--outdir", folder, ROOT], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def missing(wheel: Path) -> list[str]:
    """Files of the rooms, and the C core, that a wheel does not have."""
    wanted = {
        f"{installed}/{path.relative_to(ROOT / room)}"
        for room, installed in ROOMS.items()
        for path in (ROOT / room).rglob("*")
        if path.is_file() and path.suffix not in BUILT
    }
    with ZipFile(wheel) as archive:
        return sorted({*wanted, "ffhybrid/_cext.abi3.so"} - set(archive.namelist()))


def restore_samples(wheel: Path, work: Path) -> None:
    """Install a wheel in an empty environment, and have its command read, restore and verify files."""
    venv.create(work / "venv", with_pip=True)
    binaries = work / "venv" / "bin"

    def run(program: str, *arguments: str | Path) -> None:
        subprocess.run([binaries / program, *arguments], cwd=work, check=True)

    run("pip", "install", "--quiet", wheel.resolve())
    run("python", "-c", NO_TORCH)
    for sample in SAMPLES:
        run("ffhybrid", "probe", ROOT / sample)
        run("ffhybrid", "restore", "-y", "-i", ROOT / sample, "restored.mkv")
        run("ffhybrid", "verify", ROOT / sample)


def main() -> None:
    """Build and check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="empty, or not there yet")
    output = parser.parse_args().output
    wheel = build(output)
    if lost := missing(wheel):
        sys.exit(f"{wheel.name} lacks {', '.join(lost)}")
    with tempfile.TemporaryDirectory(prefix="ffhybrid-dist-") as name:
        restore_samples(wheel, Path(name))
    print(*sorted(path.name for path in output.iterdir()), sep="\n")


if __name__ == "__main__":
    main()
