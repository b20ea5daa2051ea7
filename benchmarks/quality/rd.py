"""Hybrid files beside other codecs at equal bytes: ``ffhybrid compare`` over clips, at rates in bits per pixel.

Every clip is reduced to ``--width`` (0: its own) and cut to its first GOP of 120 pictures (4 seconds at least), to
``--frames``, or not at all (``--whole``). x265 has preset ``slow``, alone and in hybrid files; hybrid files are what
``ffhybrid encode -b:v`` makes by default unless options say otherwise, and every codec gets as many tries at a size
(docs/COMPARE.md). Encodes and measurements are kept in ``--out`` and not done twice; what they say is merged into the
file ``--json`` (:mod:`quality.rd_results`) after every clip, and all of that file is printed in the end. So clips,
codecs and points can be measured in any order, and ``--again`` encodes and measures one file anew, after changes that
its settings do not show.

    python -m quality.rd [--clips CLIP ...] [--whole | --frames N] [--points 0.0064 ...] [--codecs hybrid ...]
    python -m quality.rd --clips DOG --points 0.0064 --again dog_720p30 hybrid 0.0064
    python -m quality.rd --print ../docs/rd.json
"""

from __future__ import annotations

import argparse
import logging
import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from clips import EIGHT_BITS, bitrate_at, shared_clips, wheel_clip
from ffhybrid import EncodeOptions, GopLimits, X265Options
from ffhybrid.compare import CompareOptions, compare
from ffhybrid.compare.codecs import CODECS as KNOWN
from ffhybrid.compare.comparing import ComparisonStep
from ffhybrid.compare.results import RESULTS, Results
from ffhybrid.panel import INTERVAL, METRICS, PanelOptions
from ffhybrid.source.video import VideoSource
from quality.rd_results import CODECS, RdFile, rows_of
from quality.rd_tables import print_tables

POINTS = (0.0064, 0.0096, 0.019, 0.038)
GOP_LENGTH = 120
LEAST_SECONDS = 4
X265_PRESET = "slow"
JSON = Path(__file__).resolve().parents[2] / "docs" / "rd.json"
WIDTH = 200
MILESTONES = ("known", "encoding", "measuring")
"""Notes that stand in a log."""


def frames_of(clip: Path, options: argparse.Namespace) -> int | None:
    """How many pictures are taken; None for all."""
    if options.whole:
        return None
    if options.frames:
        return int(options.frames)
    with VideoSource(clip, options=EIGHT_BITS) as source:
        return max(GOP_LENGTH, math.ceil(LEAST_SECONDS * source.info.frame_rate))


def folder_of(clip: Path, options: argparse.Namespace) -> Path:
    """Where encodes of a clip are kept."""
    frames = frames_of(clip, options)
    return Path(options.out) / f"{clip.stem}-{options.width or 'native'}-{'whole' if frames is None else frames}"


def bitrates_of(clip: Path, options: argparse.Namespace) -> dict[int, float]:
    """Points by the bits a second that they are of a clip."""
    return {bitrate_at(clip, point, width=options.width)[1]: point for point in options.points}


def settings_of(clip: Path, options: argparse.Namespace) -> CompareOptions:
    """Say how a clip is compared."""
    width, _ = bitrate_at(clip, options.points[0], width=options.width)
    return CompareOptions(
        bitrates=tuple(bitrates_of(clip, options)),
        codecs=tuple(options.codecs),
        encode=_encode_options(options),
        source=EIGHT_BITS,
        frames=frames_of(clip, options),
        width=width,
        panel=PanelOptions(metrics=tuple(options.metrics), interval=options.interval),
    )


def _encode_options(options: argparse.Namespace) -> EncodeOptions:
    """Take what ``ffhybrid encode`` does by default, with what is asked for."""
    usual = EncodeOptions(x265=X265Options(preset=X265_PRESET), limits=GopLimits(length=GOP_LENGTH, scene_threshold=0))
    asked = {name: getattr(options, name) for name in ("generator", "budgets", "refinements", "candidates")}
    generator_options = {"preset": options.preset} if options.preset else {}
    return replace(
        usual,
        generator_options=generator_options,
        **{name: value for name, value in asked.items() if value is not None},
    )


def compare_clip(clip: Path, options: argparse.Namespace, console: Console) -> Results:
    """Compare a clip at every rate, and show how far that is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    bitrates = {point: bitrate for bitrate, point in bitrates_of(clip, options).items()}
    again = {(codec, bitrates[float(point)]) for name, codec, point in options.again if name == clip.stem}
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(clip.stem, note="")

        def show(step: ComparisonStep) -> None:
            note = f"{step.codec} {step.bitrate / 1000:.1f} kbit/s: {step.note}"
            bar.update(task, total=step.total, completed=step.number, note=note)
            if step.note in MILESTONES and not console.is_terminal:
                console.print(f"{datetime.now():%H:%M} {clip.stem} {step.number + 1}/{step.total} {note}")

        return compare(
            clip,
            folder_of(clip, options),
            options=settings_of(clip, options),
            report=options.html,
            again=again,
            on_step=show,
        )


def parser() -> argparse.ArgumentParser:
    """Make a parser of what clips are compared, and how."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--clips", nargs="+", type=Path, default=[], help="default: all shared ones, else the wheel's")
    found.add_argument("--points", nargs="+", type=float, default=POINTS, help="bits per pixel")
    found.add_argument("--width", type=int, default=640, help="0 for the clip's own")
    length = found.add_mutually_exclusive_group()
    length.add_argument("--whole", action="store_true", help="all pictures of the clips")
    length.add_argument("--frames", type=int, default=0, help="so many; default: a GOP of 120, and 4 seconds at least")
    found.add_argument("--codecs", nargs="+", choices=KNOWN, default=CODECS)
    found.add_argument("--kf", dest="generator", help="keyframe generator")
    found.add_argument("--preset", help="effort of a fit")
    found.add_argument("--budgets", type=int, help="sizes tried for a keyframe")
    found.add_argument("--refine", dest="refinements", type=int, help="joint refinements at most")
    found.add_argument("--candidates", type=int, help="more encodes of the size that is met, of every codec")
    found.add_argument("--metrics", nargs="+", choices=METRICS, default=tuple(METRICS), help="what is measured")
    found.add_argument("--interval", type=int, default=INTERVAL, help="sampled metrics: one picture of so many")
    found.add_argument("--out", type=Path, default=Path("build/rd"), help="kept, and resumed")
    return found


def clips_of(options: argparse.Namespace) -> list[Path]:
    """Paths of the clips."""
    return list(options.clips) or shared_clips() or [wheel_clip("bikes.mp4"), wheel_clip("bigbuckbunny.mp4")]


def _arguments() -> argparse.Namespace:
    arguments = parser()
    arguments.add_argument("--html", action="store_true", help="a report for every clip too")
    arguments.add_argument("--json", type=Path, default=JSON, help="figures of all runs (%(default)s)")
    arguments.add_argument(
        "--print", dest="printed", type=Path, metavar="FILE", help="print this file, do nothing else"
    )
    arguments.add_argument(
        "--again",
        nargs=3,
        action="append",
        default=[],
        metavar=("CLIP", "CODEC", "POINT"),
        help="encode and measure this one anew; CLIP is the name of its file without its ending",
    )
    options = arguments.parse_args()
    for name, codec, point in options.again:
        names = {clip.stem for clip in clips_of(options)}
        if name not in names or codec not in options.codecs or float(point) not in options.points:
            arguments.error(f"--again {name} {codec} {point} is not among --clips, --codecs and --points")
    return options


def main() -> None:
    """Compare clip by clip, merge, and print."""
    options = _arguments()
    logging.basicConfig(level=logging.WARNING)
    console = Console(width=WIDTH)
    if options.printed:
        print_tables(RdFile.load(options.printed), console)
        return
    for clip in clips_of(options):
        results = compare_clip(clip, options, console)
        rows = rows_of(results, bitrates_of(clip, options), width_limit=options.width)
        RdFile.load(options.json).merged(rows).save(options.json)
        console.print(f"{clip.stem}: {len(rows)} files, kept in {results.path.parent / RESULTS}")
    print_tables(RdFile.load(options.json), console)


if __name__ == "__main__":
    main()
