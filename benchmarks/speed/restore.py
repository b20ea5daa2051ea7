"""Restoring beside decoding x265: frames a second, and where the milliseconds of a GOP go.

Every clip is encoded once for each interval of anchors, in GOPs of 120 frames with ``enhance`` keyframes, and by x265
alone at the bitrate of the hybrid file; both are looped to ``--seconds``. Whole commands are timed, start included:

* x265: stock ffmpeg decodes the x265 file;
* restored: stock ffmpeg decodes the restored file, whose bitrate stands beside;
* pipe: ``ffhybrid restore -f nut -`` into stock ffmpeg;
* open: ``ffhybrid.open(...).decode()`` in one process.

    python -m speed.restore [--work FOLDER] [--height 1080] [CLIP ...] [--anchors none 30 8] [--seconds 60]
    python -m speed.restore --memory [--minutes 10] [CLIP ...]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import imageio_ffmpeg
from rich.console import Console
from rich.table import Table

import ffhybrid
from clips import shared_clips, wheel_clip
from ffhybrid.hevc import SpliceEffort
from ffhybrid.muxer.libav.writer import LibavWriter
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.restorer.anchors import with_anchors
from ffhybrid.restorer.generator_decode import GeneratorDecode
from ffhybrid.restorer.splice import RestoredGop, decode_keyframe, splice

GOP_LENGTH = 120
FRAMES = 2 * GOP_LENGTH
CRF = {"aerial_city_1080p24": 38.0, "desk_drawing_1080p25": 31.0}
"""The CRFs of clips at 1080p for 200 to 600 kbit/s; others have 34."""
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
DECODE = "import ffhybrid, sys; print(sum(1 for _ in ffhybrid.open(sys.argv[1], threads=int(sys.argv[2])).decode()))"


def ffmpeg(*arguments: str | Path) -> None:
    """Run stock ffmpeg."""
    subprocess.run([FFMPEG, "-v", "error", "-y", *map(str, arguments)], check=True)


@dataclass(frozen=True, slots=True)
class Pair:
    """A hybrid file and x265 alone at the same bitrate."""

    hybrid: Path
    x265: Path
    frames: int
    seconds: float

    @property
    def kbits(self) -> float:
        """Bitrate of the hybrid file."""
        return self.hybrid.stat().st_size * 8 / 1000 / self.seconds


def encoded(clip: Path, height: int, anchors: int | None, work: Path) -> Pair:
    """Encode a clip at a height, both ways; files that are there already are kept."""
    name = f"{clip.stem}-{height}p-{anchors or 'none'}"
    hybrid, x265, source = (work / f"{name}-{kind}.mkv" for kind in ("hybrid", "x265", "source"))
    if not hybrid.exists():
        scale = f"scale=-2:{height}:flags=area"
        ffmpeg("-i", clip, "-frames:v", str(FRAMES), "-vf", scale, "-pix_fmt", "yuv420p", "-an", "-c:v", "ffv1", source)
        options = ffhybrid.EncodeOptions(
            generator="enhance",
            generator_options={"preset": "ultrafast"},
            fallback=False,
            anchors=anchors,
            keyframe_budget=height * height // 60,
            x265=ffhybrid.X265Options(crf=CRF.get(clip.stem, 34.0)),
            limits=ffhybrid.GopLimits(length=GOP_LENGTH, scene_threshold=0),
        )
        ffhybrid.encode(source, hybrid, options=options)
    with HybridReader(hybrid) as reader:
        gops = list(reader.gops())
        seconds = float(sum(gop.duration for gop in gops) * reader.time_base)
    if not x265.exists():
        rate = str(round(hybrid.stat().st_size * 8 / seconds))
        params = f"keyint={GOP_LENGTH}:min-keyint={GOP_LENGTH}:scenecut=0:log-level=error"
        ffmpeg("-i", source, "-c:v", "libx265", "-b:v", rate, "-preset", "medium", "-x265-params", params, x265)
        source.unlink()
    return Pair(hybrid, x265, sum(len(gop.access_units) for gop in gops), seconds)


def looped(pair: Pair, seconds: float) -> Pair:
    """Repeat both files by stream copy."""
    times = max(1, round(seconds / pair.seconds))
    files = []
    for path in (pair.hybrid, pair.x265):
        files.append(path.with_name(f"{path.stem}-x{times}.mkv"))
        ffmpeg("-stream_loop", str(times - 1), "-i", path, "-map", "0", "-c", "copy", files[-1])
    return Pair(files[0], files[1], pair.frames * times, pair.seconds * times)


@dataclass(slots=True)
class Stages:
    """Milliseconds of each stage, summed over GOPs."""

    milliseconds: dict[str, float] = field(default_factory=dict)
    gops: int = 0

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Time one stage of one GOP."""
        began = time.perf_counter()
        yield
        self.milliseconds[name] = self.milliseconds.get(name, 0.0) + 1000 * (time.perf_counter() - began)


def measure_stages(path: Path, output: Path) -> Stages:
    """Restore GOP after GOP, each stage by itself."""
    stages = Stages()
    writer: LibavWriter | None = None
    with HybridReader(path) as reader:
        gops = reader.gops()
        while True:
            with stages.time("demux"):
                gop = next(gops, None)
            if gop is None:
                break
            with stages.time("base, refine, MD5"):
                payload, picture, md5s = decode_keyframe(gop)
            with stages.time("code, splice"):
                restored = splice(gop, picture, md5s)
            with stages.time("anchors"):
                units = with_anchors(
                    gop,
                    payload,
                    restored.access_units[0],
                    restored.parameter_sets,
                    effort=SpliceEffort.FAST,
                    generator_decode=GeneratorDecode(),
                )
                restored = replace(restored, access_units=units)
            with stages.time("mux"):
                writer = writer or opened(reader, restored, output)
                writer.write_access_units(restored.access_units, restored.parameter_sets.nal_units, restored.time_base)
            stages.gops += 1
    if writer:
        writer.close()
    return stages


def opened(reader: HybridReader, first: RestoredGop, output: Path) -> LibavWriter:
    """Open a NUT file."""
    video = replace(reader.video, parameter_sets=first.parameter_sets)
    return LibavWriter(output, video=video, time_base=first.time_base, container_format="nut")


def seconds_of(command: str, cores: int) -> float:
    """Time a shell command on so many cores; the faster of two runs."""
    prefix = f"exec taskset -c 0-{cores - 1} bash -c "
    best = float("inf")
    for _ in range(2):
        began = time.perf_counter()
        subprocess.run(["bash", "-c", prefix + f"'set -o pipefail; {command}'"], check=True, stdout=subprocess.DEVNULL)
        best = min(best, time.perf_counter() - began)
    return best


def print_speed(pair: Pair, cores: int, console: Console) -> None:
    """Print a row: frames a second of decoding x265 and of both ways to restore."""
    decode = f"{FFMPEG} -v error -threads {cores} -i"
    restore = f"{sys.executable} -P -m ffhybrid restore -threads {cores} -i {pair.hybrid} -f nut -"
    restored = pair.hybrid.with_suffix(".nut")
    seconds_of(f"{restore} > {restored}", cores)
    x265_fps = pair.frames / seconds_of(f"{decode} {pair.x265} -f null -", cores)
    restored_fps = pair.frames / seconds_of(f"{decode} {restored} -f null -", cores)
    piped = pair.frames / seconds_of(f"{restore} | {decode} - -f null -", cores)
    direct = pair.frames / seconds_of(f'{sys.executable} -P -c "{DECODE}" {pair.hybrid} {cores}', cores)
    console.print(
        f"| {pair.hybrid.stem} | {cores} | {pair.kbits:.0f} | {x265_fps:.0f} "
        f"| {restored_fps:.0f}, {restored.stat().st_size * 8e-6 / pair.seconds:.1f} "
        f"| {piped:.0f} ({piped / x265_fps:.2f}) | {direct:.0f} ({direct / x265_fps:.2f}) |"
    )


def print_memory(path: Path, console: Console) -> None:
    """Restore to nowhere and print the resident memory along the way."""
    command = [sys.executable, "-P", "-m", "ffhybrid", "restore", "-i", str(path), "-f", "nut", "-"]
    samples = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        began = time.perf_counter()
        while process.poll() is None:
            fields = Path(f"/proc/{process.pid}/statm").read_text().split()
            if len(fields) > 1 and int(fields[1]):
                samples.append((time.perf_counter() - began, int(fields[1]) * 4096 / 2**20))
            time.sleep(0.25)
    if process.returncode or len(samples) < 2:
        raise SystemExit(f"restoring {path} failed")
    for part in range(0, 101, 10):
        seconds, mebibytes = samples[part * (len(samples) - 1) // 100]
        console.print(f"{part:3d} %  {seconds:6.1f} s  {mebibytes:6.0f} MiB")


def interval(text: str) -> int | None:
    """Read an interval of anchors."""
    return None if text == "none" else int(text)


def main() -> None:
    """Print a table of speeds, and one of stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--work", type=Path, help="where encoded files are kept; default: thrown away")
    parser.add_argument("--height", type=int, nargs="+", default=[1080])
    parser.add_argument("--anchors", nargs="+", type=interval, default=[None, 30, 8], help="none or an interval")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cores", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--memory", action="store_true", help="resident memory over a long file")
    parser.add_argument("--minutes", type=float, default=10, help="of that file")
    arguments = parser.parse_args()
    clips = arguments.clips or [clip for clip in shared_clips() if clip.stem in CRF] or [wheel_clip("bikes.mp4")]
    console = Console(width=140)
    parts = Table(box=None)
    if not arguments.memory:
        console.print(
            "| file | cores | kbit/s | x265 fps | restored fps, Mbit/s | pipe fps (ratio) | open fps (ratio) |"
        )
    with tempfile.TemporaryDirectory(prefix="restore-") as temporary:
        work = arguments.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        for clip in clips:
            for height, anchors in product(arguments.height, arguments.anchors):
                pair = encoded(clip, height, anchors, work)
                if arguments.memory:
                    print_memory(looped(pair, 60 * arguments.minutes).hybrid, console)
                    continue
                long = looped(pair, arguments.seconds)
                for cores in arguments.cores:
                    print_speed(long, cores, console)
                stages = measure_stages(pair.hybrid, work / "restored.nut")
                if not parts.columns:
                    for name in ("file", *stages.milliseconds):
                        parts.add_column(name)
                numbers = (f"{value / stages.gops:.1f}" for value in stages.milliseconds.values())
                parts.add_row(pair.hybrid.stem, *numbers)
    if not arguments.memory:
        console.print("milliseconds a GOP, one GOP at a time:")
        console.print(parts)


if __name__ == "__main__":
    main()
