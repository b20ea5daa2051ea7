"""A disk that gets full at several moments of an encode, then room, and the same command to its end.

    python -m reliability.full_disk [--count 10] [--engine local:2]

Output, state and temporary files lie on a tmpfs of so many KiB, which takes root. A row says what the command did,
how many results were kept, how many GOPs were encoded when there was room, whether one of those had a result
("repeated"), whether the output is the file of an undisturbed encode, and what was left beside it.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reliability.encode_runs import EncodeRun, make_clip
from reliability.kills import undisturbed

ROOM = "64m"


@contextmanager
def small_disk(folder: Path, kibibytes: int) -> Iterator[None]:
    """Mount a tmpfs of a size."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill_and_finish(run: EncodeRun, kibibytes: int, wanted: bytes) -> str:
    """Encode on a disk that is too small, then on a larger one; give the row."""
    code, said = run.finish()
    kept, before, is_there = run.kept(), run.encoded(), run.output.exists()
    subprocess.run(["mount", "-o", f"remount,size={ROOM}", str(run.folder)], check=True)
    if code:
        final, again = run.finish()
        if final:
            raise RuntimeError(again)
    now = run.encoded() - before
    is_same = "yes" if run.output.read_bytes() == wanted and not (code and is_there) else "NO"
    last = said.strip().splitlines()[-1][-60:] if code else "completes"
    figures = f"{len(kept)} | {now.total()} | {len(kept & set(now))} | {is_same} | {', '.join(run.left()) or 'nothing'}"
    return f"| {kibibytes} KiB | {code}: {last} | {figures} |"


def main() -> None:
    """Read the command line and fill disks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="local:2", help="local:N")
    parser.add_argument("--kf", default="enhance", help="generator of keyframes")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--gops", type=int, default=6)
    parser.add_argument(
        "--smallest", type=int, default=50, help="KiB; each disk is larger by a half than the one before"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        source = make_clip(work / "source.mp4", arguments.gops)
        wanted, _ = undisturbed(source, work / "first", arguments.engine, arguments.kf)
        print(
            "| disk | exit code | kept | encoded then | repeated | same bytes | left |\n|---|---|---|---|---|---|---|"
        )
        for number in range(arguments.count):
            kibibytes = round(arguments.smallest * 1.5**number)
            folder = work / str(kibibytes)
            folder.mkdir()
            with small_disk(folder, kibibytes):
                run = EncodeRun(source, folder, arguments.engine, arguments.kf)
                print(fill_and_finish(run, kibibytes, wanted), flush=True)


if __name__ == "__main__":
    main()
