"""What a process for every x265 encode costs: seconds for tiny encodes, each in a new interpreter, and forked.

    python benchmarks/speed/x265_worker.py [--encodes 20]

The first forked one is named apart: it starts the fork server.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ffhybrid.x265.isolation import IsolatedEncoder
from ffhybrid.x265.worker import X265Job, read_records

WIDTH, HEIGHT, FRAMES = 96, 64, 8
Records = tuple[tuple[int, bytes], ...]
ALONE = (
    "import sys; from ffhybrid.x265.worker import X265Job, encode; "
    "encode(X265Job.from_json(sys.stdin.read()), sys.stdout.buffer)"
)


def tiny_job(folder: Path) -> X265Job:
    """Eight pictures of noise."""
    noise = np.random.default_rng(0).integers(0, 256, FRAMES * WIDTH * HEIGHT * 3 // 2, np.uint8)
    frames = folder / "frames.yuv"
    noise.tofile(frames)
    return X265Job(
        frames=str(frames),
        keyframe=None,
        count=FRAMES,
        width=WIDTH,
        height=HEIGHT,
        pix_fmt="yuv420p",
        frame_rate=str(Fraction(25)),
        sample_aspect_ratio="1/1",
        colour=(1, 1, 1, 1),
        options={"preset": "veryfast", "crf": "36", "x265-params": "log-level=error:info=0:frame-threads=1"},
    )


def seconds(run: Callable[[], Records], count: int) -> tuple[float, set[Records]]:
    """Run some times; give how long one took and the different answers."""
    start = time.monotonic()
    answers = {run() for _ in range(count)}
    return (time.monotonic() - start) / count, answers


def main() -> None:
    """Print a row for each way; all give the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encodes", type=int, default=20)
    count: int = parser.parse_args().encodes
    encoder = IsolatedEncoder()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = tiny_job(folder)

        def alone() -> Records:
            command = [sys.executable, "-P", "-c", ALONE]
            encode = subprocess.run(command, input=job.to_json().encode(), capture_output=True, check=True)
            return tuple(read_records(io.BytesIO(encode.stdout)))

        def forked() -> Records:
            return encoder.run(job, folder).records

        rows = [
            ("a new interpreter", *seconds(alone, count)),
            ("forked, the first", *seconds(forked, 1)),
            ("forked", *seconds(forked, count)),
        ]
        encoder.close()
    if len(set.union(*(answers for _, _, answers in rows))) != 1:
        raise SystemExit("the ways give different bytes")
    table = Table("an encode in", "s", title=f"{FRAMES} pictures of {WIDTH}x{HEIGHT}, {count} encodes", box=None)
    for label, each, _ in rows:
        table.add_row(label, f"{each:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
