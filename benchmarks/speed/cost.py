"""Cost of a file: the first GOP of a clip as a job of its own, by fitting preset, and from that a file of minutes.

Seconds of cores and the most memory are those of the worker, its x265 with it. Jobs stand alone, so a file takes
the cores of its GOPs, on however many machines.

    python -m speed.cost [--presets ultrafast ...] [--bpp 0.0064] [--minutes 10] [--x265-preset medium] [CLIP]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from clips import bitrate_at, shared_clips, wheel_clip
from ffhybrid import EncodeOptions, GopLimits, X265Options
from ffhybrid.encoder.options import Rate
from ffhybrid.farm.engines import open_engine
from ffhybrid.farm.planning import plan
from ffhybrid.farm.results import Result
from ffhybrid.source.video import VideoSource
from speed.memory import MemoryMeter, of_children

GOP_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one GOP: its pictures, seconds that passed and that cores worked, bytes of memory, and what came of it."""

    pictures: int
    wall: float
    cores: float
    memory: int
    result: Result


def core_seconds() -> float:
    """Seconds of cores that all processes below this one took, with those below them that are over."""
    return sum(sum(process.cpu_times()[:4]) for process in psutil.Process().children(recursive=True))


def measure(path: Path, options: EncodeOptions) -> Cost:
    """Encode the first GOP in a worker."""
    planned = plan(path, options)
    job = next(iter(planned))
    with VideoSource(path) as source:
        spec = source.info.spec
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, MemoryMeter(of_children) as memory:
        with open_engine("local:2", Path(scratch), options, spec, on_progress=None) as engine:
            result = Result.from_bytes(engine.submit(job).result(), job)
            cores = core_seconds()
        wall = time.monotonic() - start
    return Cost(len(job.range.pts), wall, cores, max(memory.samples), result)


def main() -> None:
    """Print a row a preset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path)
    parser.add_argument("--presets", nargs="+", default=("ultrafast", "superfast"), help="effort of the generator")
    parser.add_argument("--bpp", type=float, default=0.0064, help="bits per pixel")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--x265-preset", default="medium")
    parser.add_argument("--budgets", type=int, default=1, help="sizes tried for a keyframe")
    arguments = parser.parse_args()
    path = arguments.clip or (shared_clips() or [wheel_clip("bikes.mp4")])[0]
    _, bitrate = bitrate_at(path, arguments.bpp, width=0)
    with VideoSource(path) as source:
        spec, rate = source.info.spec, source.info.frame_rate
    heading = f"{path.name}, {spec.width}x{spec.height}, {bitrate / 1000:.0f} kbit/s"
    columns = (
        "preset",
        "pictures",
        "s",
        "s of a core",
        "MiB",
        "keyframe",
        "LPIPS",
        f"core hours, {arguments.minutes:g} min",
    )
    table = Table(*columns, title=heading, box=None)
    for preset in arguments.presets:
        options = EncodeOptions(
            generator_options={"preset": preset},
            rate=Rate(bitrate=bitrate),
            budgets=arguments.budgets,
            x265=X265Options(preset=arguments.x265_preset),
            limits=GopLimits(length=GOP_LENGTH),
            frames=GOP_LENGTH,
        )
        cost = measure(path, options)
        whole = cost.cores * float(arguments.minutes * 60 * rate) / cost.pictures / 3600
        gop = cost.result.report.gop
        table.add_row(
            preset,
            str(cost.pictures),
            f"{cost.wall:.0f}",
            f"{cost.cores:.0f}",
            str(cost.memory >> 20),
            gop.generator,
            f"{gop.lpips:.4f}",
            f"{whole:.1f}",
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
