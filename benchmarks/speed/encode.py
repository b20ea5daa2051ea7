"""Cost of encodes: ``ffhybrid encode -b:v`` at every ``-speed``, beside one encode of x265, SVT-AV1 and vvenc.

Seconds of cores, against those of one encode by plain x265 of the same preset, and the panel of what is shown, all at
the bytes of the first GOPs of a clip. For hybrid files also what each stage took, and the most memory.

    python -m speed.encode [--preset medium] [--speeds 0 1 2 3] [--point 0.0096] [--width 640] [--frames 120]
        [--metrics lpips ...] [--peers x265 svtav1 vvenc] [--engines local:1 local:2] [CLIP ...]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
from rich.console import Console
from rich.table import Table

from clips import EIGHT_BITS, shared_clips, wheel_clip
from ffhybrid import EncodeOptions, GopLimits, X265Options
from ffhybrid.compare import CompareOptions
from ffhybrid.compare.clip import Clip, prepare
from ffhybrid.compare.codecs import create
from ffhybrid.compare.codecs.base import SearchedCodec
from ffhybrid.compare.codecs.hybrid import Hybrid
from ffhybrid.encoder.options import Rate
from ffhybrid.encoder.progress import GopProgress
from ffhybrid.encoder.speed import EFFORTS
from ffhybrid.encoding import encode
from ffhybrid.panel import METRICS, PanelOptions, SeenSource, measure
from ffhybrid.panel.values import Panel
from speed.memory import MemoryMeter, of_children

PEERS = ("x265", "svtav1", "vvenc")
GOP_LENGTH = 120

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one file: bytes, seconds of cores and on the clock, memory in bytes, and those of stages by their names."""

    name: str
    size: int
    cores: float
    wall: float
    panel: Panel
    memory: int = 0
    stages: Counter[str] = field(default_factory=Counter)


def core_seconds() -> float:
    """Seconds of cores that this process took and all below it, with those below them that are over."""
    own = psutil.Process()
    return sum(sum(process.cpu_times()[:4]) for process in (own, *own.children(recursive=True)))


def timed(work: Callable[[], Result]) -> tuple[Result, float, float]:
    """Do something, and give seconds of cores and on the clock beside what it gives."""
    cores, wall = core_seconds(), time.monotonic()
    result = work()
    return result, core_seconds() - cores, time.monotonic() - wall


class Bench:
    """Makes files of one clip."""

    def __init__(self, clip: Clip, folder: Path, arguments: argparse.Namespace) -> None:
        self._clip, self._folder, self._seen = clip, folder, SeenSource[Any]()
        self._bitrate = round(arguments.point * clip.spec.width * clip.spec.height * clip.frames / clip.seconds)
        self._panel = PanelOptions(metrics=tuple(arguments.metrics), interval=arguments.interval)
        self._options = EncodeOptions(
            x265=X265Options(preset=arguments.preset),
            limits=GopLimits(length=GOP_LENGTH, scene_threshold=0),
            rate=Rate(bitrate=self._bitrate),
            candidates=0,
        )

    def peer(self, name: str) -> Cost:
        """Meet the size, and then take the time of one encode at the value that meets it."""
        codec = create(name, CompareOptions(bitrates=(self._bitrate,), encode=self._options))
        assert isinstance(codec, SearchedCodec)  # noqa: S101 - for the type checker: only hybrid files are none
        path = self._folder / f"{name}.mkv"
        codec.encode(self._clip, path, bitrate=self._bitrate, note=lambda _: None)
        value = codec.search.towards(self._clip.bytes_at(self._bitrate))
        _, cores, wall = timed(lambda: codec.encode_at(self._clip, self._folder / f"again-{name}.mkv", value))
        panel = measure(self._clip, codec.show(path, self._folder), options=self._panel, seen=self._seen)
        return Cost(name=name, size=path.stat().st_size, cores=cores, wall=wall, panel=panel)

    def hybrid(self, speed: int, engine: str) -> Cost:
        """Encode by rate control, and follow the stages: when it is over, processes that took time are gone."""
        options = EncodeOptions(
            x265=self._options.x265, limits=self._options.limits, rate=self._options.rate, speed=speed
        )
        path = self._folder / f"speed-{speed}-{engine.replace(':', '-')}.mkv"
        stages: Counter[str] = Counter()
        stage, since = "first pass", core_seconds()

        def on_progress(progress: GopProgress) -> None:
            nonlocal stage, since
            now = core_seconds()
            stages[stage] += max(now - since, 0)
            stage, since = str(progress.stage), now

        def work() -> None:
            encode(self._clip.path, path, options=options, overwrite=True, on_progress=on_progress, engine=engine)

        with MemoryMeter(of_children) as memory:
            _, _, wall = timed(work)
        stages[stage] += max(core_seconds() - since, 0)
        panel = measure(self._clip, Hybrid(options).show(path, self._folder), options=self._panel, seen=self._seen)
        return Cost(
            name=f"-speed {speed}, {engine}",
            size=path.stat().st_size,
            cores=stages.total(),
            wall=wall,
            panel=panel,
            memory=max(memory.samples),
            stages=stages,
        )


def print_costs(costs: Sequence[Cost], heading: str, metrics: Sequence[str], console: Console) -> None:
    """Print a row for each file."""
    usual = next((cost.cores for cost in costs if cost.name == "x265"), None)
    titles = [METRICS[name].title for name in metrics]
    table = Table("", "bytes", "s of a core", "x265 = 1", "s", "MiB", *titles, "stages", title=heading, box=None)
    for cost in costs:
        stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in cost.stages.items() if seconds >= 0.05)
        times = f"{cost.cores / usual:.1f}" if usual else ""
        memory = str(cost.memory >> 20) if cost.memory else ""
        values = [f"{cost.panel.mean(name):.4g}" for name in metrics]
        cells = (str(cost.size), f"{cost.cores:.1f}", times, f"{cost.wall:.1f}", memory, *values, stages)
        table.add_row(cost.name, *cells)
    console.print(table)


def main() -> None:
    """Print a table a clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--preset", default="medium", help="of x265, alone and for P and B frames")
    parser.add_argument("--speeds", nargs="*", type=int, default=range(len(EFFORTS)))
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    parser.add_argument("--engines", nargs="+", default=("local:1",), help="several take clips of several GOPs")
    parser.add_argument("--point", type=float, default=0.0096, help="bits per pixel")
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--frames", type=int, default=GOP_LENGTH)
    parser.add_argument("--metrics", nargs="+", default=("lpips", "lpips_vgg", "dists", "ssimulacra2", "vmaf_neg"))
    parser.add_argument("--interval", type=int, default=7)
    arguments = parser.parse_args()
    console = Console(width=230)
    for path in arguments.clips or shared_clips() or [wheel_clip("bikes.mp4")]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            clip = prepare(
                path, folder, frames=arguments.frames, width=arguments.width, height=None, options=EIGHT_BITS
            )
            bench = Bench(clip, folder, arguments)
            costs = [bench.peer(peer) for peer in arguments.peers]
            costs += [bench.hybrid(speed, engine) for speed in arguments.speeds for engine in arguments.engines]
            spec = clip.spec
            heading = f"{path.stem}, {spec.width}x{spec.height}, {clip.frames} frames, {arguments.point:g} bits a pixel"
            print_costs(costs, heading, arguments.metrics, console)


if __name__ == "__main__":
    main()
