"""Wavering of an encoder's figures between neighbouring settings: what tries of one size have to choose from.

A codec meets the size of a point, and makes more encodes at settings a step apart, which change sizes by a per cent or
two in all. Printed are standard deviations from a straight line over the logarithm of the size: of the logarithm of
metrics of which less is better (in per cent), of the value of others; and of sizes from a line over the setting. With
``--json`` they are merged into the file of :mod:`quality.rd`, which prints them beside differences.

    python -m quality.wavering [--clips CLIP ...] [--codecs x265-best ...] [--points 0.0064 ...] [--encodes 10]
        [--width 640] [--whole | --frames N] [--json ../docs/rd.json]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ffhybrid.compare.clip import Clip, prepare
from ffhybrid.compare.codecs import create
from ffhybrid.compare.codecs.base import SearchedCodec
from ffhybrid.compare.options import CompareOptions
from ffhybrid.panel import METRICS, Panel, PanelOptions, measure
from quality.rd import WIDTH, bitrates_of, clips_of, parser, settings_of
from quality.rd_results import Figures, RdFile, Wavering, today
from quality.rd_tables import relative

CODECS = ("x265", "x265-best", "svtav1", "vvenc")
LEAST_ENCODES = 4
POOLS: dict[str, Callable[[Panel, str], float]] = {
    "mean": Panel.mean,
    "worst_pictures": Panel.worst_pictures,
    "worst_places": Panel.worst_places,
}


def off_the_line(x: Sequence[float], y: Sequence[float]) -> float:
    """Give the standard deviation of ``y`` from its straight line over ``x``."""
    line = np.polynomial.Polynomial.fit(x, y, 1)
    return float(np.std(np.asarray(y) - line(np.asarray(x)), ddof=2))


def encodes_near(
    codec: SearchedCodec, clip: Clip, folder: Path, *, bitrate: int, count: int, panel: PanelOptions
) -> list[tuple[float, int, Panel]]:
    """Encode at settings around the one that gives a bitrate: settings, bytes and figures."""
    target = folder / "met.mkv"
    codec.encode(clip, target, bitrate=bitrate, note=lambda _: None)
    centre = codec.search.towards(clip.bytes_at(bitrate))
    settings = [centre, *codec.search.control.neighbours(centre, ratio=1, count=count - 1)]
    found = []
    for setting in sorted(settings):
        codec.encode_at(clip, target, setting)
        size = target.stat().st_size
        found.append((setting, size, measure(clip, codec.show(target, folder), options=panel)))
    return found


def wavering(sizes: Sequence[float], panels: Sequence[Panel], metric: str) -> Figures:
    """Say how far a metric is off its line over the logarithm of the size."""
    found: dict[str, float | None] = {}
    for name, pool in POOLS.items():
        values = np.array([pool(panel, metric) for panel in panels])
        if np.isnan(values).any():
            found[name] = None
            continue
        seen = np.log(values) if METRICS[metric].lower_is_better else values
        found[name] = round(off_the_line(np.log(sizes), seen), 5)
    return Figures(**found)


def of_clip(path: Path, options: argparse.Namespace) -> list[tuple[Wavering, float]]:
    """Look at a clip by every codec at every point; gives the wavering of sizes too."""
    settings = settings_of(path, options)
    settings = replace(settings, encode=replace(settings.encode, candidates=0))
    found = []
    with tempfile.TemporaryDirectory(prefix="ffhybrid-wavering-") as name:
        folder = Path(name)
        clip = prepare(path, folder, frames=settings.frames, width=settings.width, height=None, options=settings.source)
        for codec in [searched(codec, settings) for codec in options.codecs]:
            for bitrate, point in bitrates_of(path, options).items():
                near = encodes_near(codec, clip, folder, bitrate=bitrate, count=options.encodes, panel=settings.panel)
                crfs, sizes, panels = zip(*near, strict=True)
                one = Wavering(
                    clip=clip.name,
                    width_limit=options.width,
                    codec=codec.name,
                    point=point,
                    encodes=len(near),
                    date=today(),
                    metrics={metric: wavering(sizes, panels, metric) for metric in panels[0].pooled},
                )
                found.append((one, off_the_line(crfs, np.log(sizes))))
    return found


def searched(name: str, options: CompareOptions) -> SearchedCodec:
    """Make a codec whose control is searched.

    Raises:
        TypeError: it has none.
    """
    codec = create(name, options)
    if not isinstance(codec, SearchedCodec):
        raise TypeError(f"{name} has no control of its own")
    return codec


def print_table(found: Sequence[tuple[Wavering, float]], console: Console) -> None:
    """Print lines for the mean and the worst parts of every clip, codec and point."""
    titles = [metric.title for metric in METRICS.values()]
    table = Table("clip", "codec", "bpp", "of", "sizes", *titles, box=None, pad_edge=False)
    for one, sizes in found:
        for pool in POOLS:
            cells = [_cell(one, metric, pool) for metric in METRICS]
            table.add_row(one.clip, one.codec, f"{one.point:g}", pool.replace("_", " "), relative(sizes)[1:], *cells)
    console.print(table)


def _cell(one: Wavering, metric: str, pool: str) -> str:
    value = getattr(one.metrics[metric], pool) if metric in one.metrics else None
    if value is None:
        return "-"
    return relative(value)[1:] if METRICS[metric].lower_is_better else METRICS[metric].text(value)


def _arguments() -> argparse.Namespace:
    arguments = parser()
    arguments.description = __doc__
    arguments.set_defaults(codecs=("x265-best",))
    arguments.add_argument("--encodes", type=int, default=10, help=f"of each size, {LEAST_ENCODES} at least")
    arguments.add_argument("--json", type=Path, help="file of quality.rd that they are merged into")
    options = arguments.parse_args()
    if options.encodes < LEAST_ENCODES or not set(options.codecs) <= set(CODECS):
        arguments.error(f"{LEAST_ENCODES} encodes at least, of codecs {', '.join(CODECS)}")
    return options


def main() -> None:
    """Print a table after every clip."""
    options = _arguments()
    console = Console(width=WIDTH)
    for clip in clips_of(options):
        found = of_clip(clip, options)
        print_table(found, console)
        if options.json:
            RdFile.load(options.json).merged(wavering=[one for one, _ in found]).save(options.json)


if __name__ == "__main__":
    main()
