"""Hybrid files beside x265 at equal bytes: ``ffhybrid compare`` over clips, at rates given in bits per pixel.

Every clip is reduced to ``--width`` and cut to its first frames (a GOP of 120, and 4 seconds at least). x265 runs at
preset ``slow`` alone and in hybrid files; alone it has its defaults or its own best options (``--peers``), whichever
gives the lowest LPIPS at a point. Files are not quite as large as asked: "equal bytes" takes x265 between its own
points at the bytes of the hybrid file, as do PSNR, SSIM and VMAF, which are differences to x265. The second table has
every metric of the panel, averaged over clips as the files are. Points that ``--out`` holds already are not computed
again: give another folder after changes to the encoder.

    python -m quality.rd [--preset medium] [--clips CLIP ...] [--points 0.0032 ...] [--width 640]
        [--metrics lpips psnr ssim vmaf ...] [--interval 8] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import logging
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from clips import EIGHT_BITS, bitrate_at, shared_clips, wheel_clip
from ffhybrid import EncodeOptions, GopLimits, X265Options
from ffhybrid.compare import CompareOptions, RatePoint, compare
from ffhybrid.compare.comparing import ComparisonStep
from ffhybrid.compare.curves import PEERS, at_rate, better_peer, metrics_of
from ffhybrid.panel import INTERVAL, METRICS, Panel, PanelOptions
from ffhybrid.source.video import VideoSource
from one_gop import POINTS

GOP_LENGTH = 120
LEAST_SECONDS = 4
X265_PRESET = "slow"


@dataclass(frozen=True, slots=True)
class Row:
    """One clip at one rate: hybrid, and the best one of x265's."""

    clip: str
    point: float
    hybrid: RatePoint
    peer: RatePoint
    peers: Sequence[RatePoint]

    @property
    def lpips_change(self) -> float:
        """Of LPIPS, relative to x265, as the files are."""
        return self.hybrid.mean("lpips") / self.peer.mean("lpips") - 1

    def at_equal_bytes(self, metric: str) -> float:
        """Mean of a metric of x265 at the bytes of the hybrid file, between its own points."""
        return at_rate(self.peers, metric, self.hybrid.rate) if len(self.peers) > 1 else self.peer.mean(metric)

    @property
    def equal_change(self) -> float:
        """Of LPIPS, relative to x265 at equal bytes."""
        return self.hybrid.mean("lpips") / self.at_equal_bytes("lpips") - 1

    def gain(self, metric: str) -> float:
        """Of the mean of a metric, over x265 at equal bytes."""
        return self.hybrid.mean(metric) - self.at_equal_bytes(metric)


def compare_clip(
    clip: Path, points: Sequence[float], options: argparse.Namespace, on_step: Callable[[ComparisonStep], None]
) -> list[Row]:
    """Compare a clip at every rate."""
    with VideoSource(clip, options=EIGHT_BITS) as source:
        rate = source.info.frame_rate
    width, _ = bitrate_at(clip, points[0], width=options.width)
    bitrates = {bitrate_at(clip, point, width=options.width)[1]: point for point in points}
    settings = CompareOptions(
        bitrates=tuple(bitrates),
        codecs=("hybrid", *options.peers),
        encode=EncodeOptions(
            generator=options.kf,
            generator_options={"preset": options.preset} if options.kf == "overfit" else {},
            x265=X265Options(preset=X265_PRESET),
            limits=GopLimits(length=GOP_LENGTH, scene_threshold=0),
            budgets=options.budgets,
            refinements=options.refine,
            candidates=options.candidates,
        ),
        source=EIGHT_BITS,
        frames=max(GOP_LENGTH, math.ceil(LEAST_SECONDS * rate)),
        width=width,
        panel=PanelOptions(metrics=tuple(options.metrics), interval=options.interval),
    )
    folder = options.out / f"{clip.stem}-{width}"
    found = compare(clip, folder, options=settings, report=options.html, on_step=on_step).selected()
    hybrid = {point.bitrate: point for point in found if point.codec == "hybrid"}
    peers = better_peer([point for point in found if point.codec in options.peers])
    return [Row(clip.stem, bitrates[peer.bitrate], hybrid[peer.bitrate], peer, peers) for peer in peers]


def print_rows(rows: Sequence[Row], console: Console) -> None:
    """Print a line a row, then averages a rate."""
    headings = (
        "clip",
        "bpp",
        "LPIPS x265",
        "hybrid",
        "change",
        "equal bytes",
        "PSNR",
        "SSIM",
        "VMAF",
        "B x265",
        "hybrid",
    )
    table = Table(*headings, "peer", "hybrid ended at", box=None, pad_edge=False)
    for row in rows:
        gains = (f"{row.gain('psnr'):+.2f}", f"{row.gain('ssim'):+.4f}", f"{row.gain('vmaf'):+.1f}")
        wanted = [point.size / (point.bitrate * point.seconds / 8) - 1 for point in (row.peer, row.hybrid)]
        table.add_row(
            row.clip,
            f"{row.point:g}",
            f"{row.peer.mean('lpips'):.4f}",
            f"{row.hybrid.mean('lpips'):.4f}",
            f"{100 * row.lpips_change:+.1f} %",
            f"{100 * row.equal_change:+.1f} %",
            *gains,
            *(f"{100 * part:+.1f} %" for part in wanted),
            row.peer.codec,
            row.hybrid.control,
        )
    console.print(table)
    print_panel(rows, console)
    for point in sorted({row.point for row in rows}):
        _print_average(point, [row for row in rows if row.point == point], console)


def print_panel(rows: Sequence[Row], console: Console) -> None:
    """Print averages over clips of every metric: its mean, and of the worst 5 % of pictures and of places."""
    metrics = [METRICS[name] for name in metrics_of([point for row in rows for point in (row.hybrid, row.peer)])]
    table = Table("bpp", "of", "codec", *(metric.title for metric in metrics), box=None, pad_edge=False)
    pools = {"all": Panel.mean, "worst pictures": Panel.worst_pictures, "worst places": Panel.worst_places}
    for rate in sorted({row.point for row in rows}):
        chosen = [row for row in rows if row.point == rate]
        for part, pool in pools.items():
            for codec, points in (("hybrid", [r.hybrid for r in chosen]), ("x265", [r.peer for r in chosen])):
                means = [statistics.fmean(pool(point.panel, metric.name) for point in points) for metric in metrics]
                words = ("-" if math.isnan(mean) else m.text(mean) for m, mean in zip(metrics, means, strict=True))
                table.add_row(f"{rate:g}", part, codec, *words)
    console.print(table)


def _print_average(point: float, rows: Sequence[Row], console: Console) -> None:
    change = statistics.fmean(row.lpips_change for row in rows)
    equal = statistics.fmean(row.equal_change for row in rows)
    worst = max(row.equal_change for row in rows)
    psnr, ssim, vmaf = (statistics.fmean(row.gain(metric) for row in rows) for metric in ("psnr", "ssim", "vmaf"))
    lower = sum(row.equal_change < 0 for row in rows)
    console.print(
        f"{point:g} bpp: LPIPS {100 * change:+.1f} % on average, {100 * equal:+.1f} % at equal bytes "
        f"(lower on {lower} of {len(rows)}, worst {100 * worst:+.1f} %), "
        f"PSNR {psnr:+.2f} dB, SSIM {ssim:+.4f}, VMAF {vmaf:+.1f}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", nargs="+", type=Path, default=[], help="default: all shared ones, else the wheel's")
    parser.add_argument("--points", nargs="+", type=float, default=POINTS, help="bits per pixel")
    parser.add_argument("--width", type=int, default=640, help="0 for the clip's own")
    parser.add_argument("--kf", default="overfit", help="keyframe generator")
    parser.add_argument("--preset", default="medium", help="effort of overfit")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS, help="what hybrid files are held against")
    parser.add_argument("--html", action="store_true", help="a report for every clip too")
    parser.add_argument("--metrics", nargs="+", choices=METRICS, default=tuple(METRICS), help="what is measured")
    parser.add_argument("--interval", type=int, default=INTERVAL, help="sampled metrics: one picture of so many")
    parser.add_argument("--budgets", type=int, default=3, help="sizes tried for a keyframe")
    parser.add_argument("--refine", type=int, default=1, help="joint refinements at most")
    parser.add_argument("--candidates", type=int, default=3, help="more encodes of the size that is met")
    parser.add_argument("--out", type=Path, default=Path("build/rd"), help="kept, and resumed")
    return parser.parse_args()


def main() -> None:
    """Print the table after every clip, so that what is done is seen."""
    options = _arguments()
    logging.basicConfig(level=logging.WARNING)
    clips = options.clips or shared_clips() or [wheel_clip("bikes.mp4"), wheel_clip("bigbuckbunny.mp4")]
    console = Console(width=180)
    rows: list[Row] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    for clip in clips:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(clip.stem, note="")

            def show(step: ComparisonStep, bar: Progress = bar, task: object = task) -> None:
                note = f"{step.codec} {step.bitrate / 1000:.1f} kbit/s: {step.note}"
                bar.update(task, total=step.total, completed=step.number, note=note)

            found = compare_clip(clip, options.points, options, show)
        rows += found
        print_rows(found, console)
    console.rule()
    print_rows(rows, console)


if __name__ == "__main__":
    main()
