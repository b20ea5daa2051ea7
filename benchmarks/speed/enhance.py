"""How fast the integer decoder of generator ``enhance`` is: milliseconds a picture and billions of products a second.

The best of several runs, since machines are shared; with one thread also its processor time.

    python -m speed.enhance [--size 1920x1080] [--threads 1 2] [--runs 10]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.filters.enhance import codec
from ffhybrid.filters.enhance.structure import macs

QP = 38


def noisy_picture(spec: PictureSpec) -> Picture:
    """Random samples, which cost what any others do."""
    rng = np.random.default_rng(1)
    y, cb, cr = (rng.integers(0, 256, shape, np.uint8) for shape in spec.plane_shapes)
    return Picture(y, cb, cr)


def measured(base: Picture, threads: int, runs: int) -> tuple[float, float, float]:
    """Time a picture: the best of what all of it takes, of its composition alone, and of processor time, in seconds."""
    network, strengths = codec.network(codec.NEWEST), codec.Strengths()
    times = []
    for _ in range(runs):
        start, processor = time.perf_counter(), time.process_time()
        seen = network.look(base, codec.Known(qp=QP), threads=threads)
        looked = time.perf_counter()
        seen.picture(strengths)
        end = time.perf_counter()
        times.append((end - start, end - looked, time.process_time() - processor))
    whole, composed, of_processor = (min(found) for found in zip(*times, strict=True))
    return whole, composed, of_processor


def main() -> None:
    """Print a line for each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runs", type=int, default=10)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    base = noisy_picture(PictureSpec(width, height))
    billions = 1e-9 * macs() * width * height
    print(f"{width}x{height}: {billions:.1f} GMAC a picture, {macs():.0f} a luma sample")
    for threads in arguments.threads:
        whole, composed, processor = measured(base, threads, arguments.runs)
        print(
            f"{threads} thread(s): {1e3 * whole:.0f} ms, {billions / whole:.1f} GMAC/s; of it {1e3 * composed:.0f} ms "
            f"texture and sum; processor time {1e3 * processor:.0f} ms"
        )


if __name__ == "__main__":
    main()
