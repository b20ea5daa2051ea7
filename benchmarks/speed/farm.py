"""Cost of jobs: overhead of each, workers side by side, and a two-hour file planned and muxed.

python -m speed.farm --jobs 8 --workers 1 2 4
python -m speed.farm --hours 2
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg

import ffhybrid
from clips import shared_clips, wheel_clip
from ffhybrid.core.gop import AccessUnit, HybridGop
from ffhybrid.farm.engines import Engine, open_engine
from ffhybrid.farm.jobs import Job
from ffhybrid.farm.planning import kept_plan, plan
from ffhybrid.farm.results import Result
from ffhybrid.farm.running import run_job
from ffhybrid.farm.state import State, state_folder
from ffhybrid.source.video import VideoSource
from speed.memory import MemoryMeter, own

FRAME_RATE = 24


class Stopwatch:
    """Seconds that passed, and those that this process had a core, which others on the machine do not change."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.process_time()

    @property
    def wall(self) -> float:
        """Seconds that passed."""
        return time.monotonic() - self._wall

    @property
    def cpu(self) -> float:
        """Seconds of a core."""
        return time.process_time() - self._cpu

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.cpu:.1f} s of a core)"


def options(frames: int | None, *, length: int) -> ffhybrid.EncodeOptions:
    """Quick GOPs of one length."""
    return ffhybrid.EncodeOptions(
        generator="thumbnail",
        fallback=False,
        limits=ffhybrid.GopLimits(length=length, scene_threshold=0),
        frames=frames,
        streams=ffhybrid.StreamOptions(audio=False),
    )


def answered(engine: Engine, jobs: Sequence[Job]) -> tuple[float, list[Result]]:
    """Run jobs; seconds that passed, and the results."""
    watch = Stopwatch()
    futures = [engine.submit(job) for job in jobs]
    results = [Result.from_bytes(future.result(), job) for future, job in zip(futures, jobs, strict=True)]
    return watch.wall, results


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """Start a Dask cluster on this machine; give the name of its engine."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs=40) as running:
        yield running.scheduler_address.replace("tcp://", "dask://")


def compare_engines(path: Path, *, count: int, length: int, workers: Sequence[int]) -> None:
    """Print seconds of the same jobs on one process and on clusters."""
    settings = options(count * length, length=length)
    watch = Stopwatch()
    jobs = list(plan(path, settings))
    with VideoSource(path) as source:
        spec = source.info.spec
    print(f"{path.name}: {len(jobs)} jobs of {length} pictures, planned in {watch}\n")
    print("| engine | seconds | inside jobs | workers busy | speed | efficiency |\n|---|---|---|---|---|---|")
    single = None
    with tempfile.TemporaryDirectory() as scratch:
        names = [(1, "local:1"), *((n, f"local:{n}") for n in workers if n > 1)]
        for n, name in names:
            with open_engine(name, Path(scratch), settings, spec, on_progress=None) as engine:
                single = report(name, n, engine, jobs, single)
        for n in workers:
            with cluster(n) as name, open_engine(name, Path(scratch), settings, spec, on_progress=None) as engine:
                single = report(f"dask, {n} workers", n, engine, jobs, single)


def report(name: str, workers: int, engine: Engine, jobs: Sequence[Job], single: float | None) -> float:
    """Print a row; processes have imported everything and hold an encoder by then."""
    answered(engine, [replace(job, is_native_idr=True) for job in jobs[:workers]])
    seconds, results = answered(engine, jobs)
    inside = sum(result.report.seconds for result in results)
    busy = inside / workers / seconds
    single = single or seconds
    speed = single / seconds
    print(f"| {name} | {seconds:.2f} | {inside:.2f} | {busy:.1%} | {speed:.2f} | {speed / workers:.2f} |", flush=True)
    return single


def moved(gop: HybridGop, job: Job) -> HybridGop:
    """Put a recorded GOP where a job lies."""
    by = job.range.pts[0] - gop.placeholder.pts
    placeholder, *inter = (AccessUnit(unit.nal_units, unit.pts + by, unit.duration) for unit in gop.access_units)
    return replace(gop, placeholder=placeholder, inter=tuple(inter))


def long_file(hours: float, folder: Path) -> None:
    """Plan a long file, record results for all of its jobs, and mux them."""
    source, output = folder / "long.mp4", folder / "long.mkv"
    pattern = f"testsrc=size=64x64:rate={FRAME_RATE}:duration={round(hours * 3600)},format=yuv420p"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", pattern, "-c:v", "libx264"]
    subprocess.run([*command, "-preset", "ultrafast", "-g", "120", str(source)], check=True)
    settings = options(None, length=120)
    with State.open(state_folder(output)) as state:
        watch = Stopwatch()
        jobs = list(kept_plan(source, settings, state))
        print(f"{hours:g} hours of 64x64: {len(jobs)} GOPs planned in {watch}", flush=True)
        recorded = run_job(jobs[0])
        watch = Stopwatch()
        for job in jobs:
            gop = moved(recorded.gop, job)
            gop = replace(gop, inter=gop.inter[: len(job.range.pts) - 1])
            state.keep_result(
                job, Result.of(job, gop, recorded.report.gop, recorded.report.environment, seconds=0).to_bytes()
            )
        print(f"results of {len(recorded.to_bytes())} bytes recorded in {watch}", flush=True)
    del jobs
    watch = Stopwatch()
    with MemoryMeter(own) as meter:
        made = ffhybrid.encode(source, output, options=settings)
    early, late, most = (
        size >> 20 for size in (meter.samples[len(meter.samples) // 10], meter.samples[-1], max(meter.samples))
    )
    print(f"muxed {len(made.gops)} GOPs, {made.file_bytes} bytes, in {watch}; resident memory")
    print(f"{early} MiB a tenth of the way, {late} MiB at the end, {most} MiB at most")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--length", type=int, default=48, help="pictures of a job")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--hours", type=float, help="plan and mux a file of so many hours instead")
    arguments = parser.parse_args()
    if arguments.hours:
        with tempfile.TemporaryDirectory() as name:
            long_file(arguments.hours, Path(name))
        return
    path = arguments.clip or (shared_clips() or [wheel_clip("bikes.mp4")])[0]
    compare_engines(path, count=arguments.jobs, length=arguments.length, workers=arguments.workers)


if __name__ == "__main__":
    main()
