"""Anchors: P pictures inside a GOP enhanced by the generator for no bytes, what follows being coded against them.

First GOPs at equal bytes, with the same keyframe, of the first share. A variant is how many pictures lie between
anchors (0: there are none) and how strongly they are enhanced (0: P pictures as they are). Printed are means and means
of the worst twentieth of places or pictures, of what restored files show; PSNR has that of the last 15 pictures in
brackets; "pulse" is how much more pictures change than their source does at anchors (at every 30 pictures where there
are none), relative to pictures in between; "stock" is what players show that do not restore.

    python -m quality.anchors [CLIP ...] [--points 0.0064 ...] [--variants 0:0 30:0.5 ...] [--strips FOLDER]
"""

from __future__ import annotations

import io
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from ffhybrid import X265Options
from ffhybrid.core.images import png
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.anchors import USUAL_INTERVAL, Anchoring
from ffhybrid.encoder.bit_allocation import first_pass
from ffhybrid.encoder.coded_gop import CodedGop, Keyframe, encode_generated
from ffhybrid.encoder.crf_search import SIZE, search_crf
from ffhybrid.encoder.keyframe_budgets import first_share
from ffhybrid.encoder.keyframes import BaseCoder, fit_keyframe
from ffhybrid.encoder.secant_search import Probe
from ffhybrid.filters import Likeness
from ffhybrid.filters.enhance import codec
from ffhybrid.filters.enhance.generator import Enhance
from ffhybrid.panel import Panel
from ffhybrid.panel.picture_metrics import look_at
from one_gop import first_gops, gop_parser, halved_gop
from quality.crops import Column, Place, sheet
from quality.keyframe import psnr

FIRST_CRF, BASE_CRF = 44.0, 40.0
PICTURE_METRICS = ("lpips", "lpips_vgg", "dists", "ssimulacra2", "oklab")
STOCK = tuple(f"stock {name}" for name in ("lpips", "lpips_vgg", "dists", "ssimulacra2", "psnr"))
SHOWN = (*PICTURE_METRICS, "psnr", "pulse", *STOCK)
VARIANTS = ("0:0", "30:0", "30:0.5", "30:1")
BEFORE, BEHIND = 5, 6
STRIP = 96
"""Pictures of a strip before and behind an anchor, and samples on a side."""

Values = dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Variant:
    """See above."""

    interval: int
    strength: float

    @classmethod
    def parse(cls, text: str) -> Variant:
        """Read ``interval:strength``."""
        interval, strength = text.split(":")
        return cls(int(interval), float(strength))

    def __str__(self) -> str:
        return f"{self.interval}:{self.strength:g}"


def met(gop: SourceGop, keyframe: Keyframe, variant: Variant, wanted: int) -> CodedGop:
    """Find the CRF that gives a GOP its bytes."""
    anchoring = Anchoring(Enhance(), variant.interval, variant.strength) if variant.interval else None
    options = X265Options()

    def probe(crf: float) -> Probe[CodedGop]:
        coded = encode_generated(gop, keyframe, replace(options, crf=crf), anchoring=anchoring)
        governed = coded.governed_size
        return Probe(governed, wanted - coded.size + governed, coded.size / wanted, coded)

    return search_crf(probe, SIZE, first_crf=FIRST_CRF, tolerance=0.01, most_probes=5)


def pulse(gop: SourceGop, pictures: Sequence[Picture], places: Sequence[int]) -> float:
    """Relate changes from picture to picture that the source does not have, at anchors, to those in between."""
    errors = [picture.y.astype(np.int16) - gop.picture(index).y for index, picture in enumerate(pictures)]
    changes = [float(np.abs(b - a).mean()) for a, b in pairwise(errors)]
    at_anchors = [changes[place - 1] for place in places if place < len(pictures)]
    between = [change for number, change in enumerate(changes, 1) if number not in places]
    return statistics.fmean(at_anchors) / statistics.fmean(between) if at_anchors else 1.0


def save_strip(path: Path, gop: SourceGop, coded: Mapping[str, Sequence[Picture]], anchor: int) -> None:
    """Write pictures around an anchor, twice as large, at the place that moves most: source, then each encode."""
    numbers = range(max(anchor - BEFORE, 0), min(anchor + BEHIND + 1, len(gop)))
    source = {number: gop.picture(number) for number in numbers}
    moved = np.sum([np.abs(b.y.astype(np.int16) - a.y) for a, b in pairwise(source.values())], axis=0)
    x, y = _most(moved)
    places = [Place(number, x, y, size=STRIP, across=gop.spec.width) for number in numbers]
    columns = [Column(("source", ""), _images(source, gop, numbers))]
    for name, pictures in coded.items():
        columns.append(Column((name, f"from picture {numbers[0]} on"), _images(pictures, gop, numbers)))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet(columns, places).save(path, optimize=True)


def _most(moved: NDArray[np.int64]) -> tuple[int, int]:
    """Say where the square begins that holds most of something, in steps of 16 samples."""
    rows, columns = (range(0, max(side - STRIP, 0) + 1, 16) for side in moved.shape)
    _, x, y = max((int(moved[y : y + STRIP, x : x + STRIP].sum()), x, y) for y, x in product(rows, columns))
    return x, y


def _images(pictures: Mapping[int, Picture] | Sequence[Picture], gop: SourceGop, numbers: range) -> list[Image.Image]:
    return [Image.open(io.BytesIO(png(pictures[number], gop.spec))) for number in numbers]


def look(gop: SourceGop, shown: Sequence[Sequence[Picture]], interval: int) -> list[Values]:
    """Measure pictures of several encodes."""
    indices = range(0, len(gop), interval)
    seen = [[pictures[index] for index in indices] for pictures in shown]
    found = look_at(seen, [gop.picture(index) for index in indices], gop.spec, PICTURE_METRICS, lpips=None)
    results = []
    for pictures, series in zip(shown, found, strict=True):
        panel = Panel.of(series, interval=interval)
        values = {
            name: (panel.mean(name), panel.worst_places(name) if each.places else panel.worst_pictures(name))
            for name, each in series.items()
        }
        by_picture = [psnr(picture, gop.picture(index)) for index, picture in enumerate(pictures)]
        values["psnr"] = (statistics.fmean(by_picture), statistics.fmean(by_picture[-15:]))
        results.append(values)
    return results


def measured(gop: SourceGop, coded: Sequence[CodedGop], interval: int) -> tuple[list[Values], list[list[Picture]]]:
    """Measure what restored files show, and what stock players do; the former's pictures are given too."""
    pictures = [list(each.pictures()) for each in coded]
    restored = look(gop, pictures, interval)
    stock = look(gop, [list(each.stock_pictures()) for each in coded], interval)
    found = []
    for each, shown, values, other in zip(coded, pictures, restored, stock, strict=True):
        places = [anchor.place for anchor in each.payload.anchors] or range(USUAL_INTERVAL, len(gop), USUAL_INTERVAL)
        pulses = {"pulse": (pulse(gop, shown, places), 0.0)}
        found.append({**values, **pulses, **{f"stock {name}": value for name, value in other.items()}})
    return found, pictures


def line(values: Values, names: Iterable[str]) -> str:
    """Write values in one line."""
    return "  ".join(f"{name} {values[name][0]:.4f} ({values[name][1]:.3f})" for name in names)


def main() -> None:
    """Print a table for every rate."""
    parser = gop_parser(__doc__)
    parser.set_defaults(width=416)
    parser.add_argument("--points", nargs="+", type=float, default=(0.0064, 0.0096), help="bits per pixel")
    parser.add_argument("--variants", nargs="+", type=Variant.parse, help="INTERVAL:STRENGTH")
    parser.add_argument("--interval", type=int, default=13)
    parser.add_argument("--strips", type=Path, help="write pictures around the first anchor to this folder")
    parser.add_argument("--network", type=Path, help="another network, as training.export_enhance writes it")
    parser.set_defaults(variants=[Variant.parse(text) for text in VARIANTS])
    arguments = parser.parse_args()
    if arguments.network:
        codec.NETWORKS, codec.NEWEST = arguments.network.parent, bytes.fromhex(arguments.network.stem)
    console = Console(width=320)
    tables: dict[float, list[list[Values]]] = {point: [] for point in arguments.points}
    for path, gop in first_gops(arguments):
        seen = first_pass(halved_gop(gop))
        for point in arguments.points:
            wanted = round(point * gop.spec.width * gop.spec.height * len(gop) / 8)
            bases = BaseCoder(gop, X265Options(crf=BASE_CRF))
            budget = round(first_share(seen.intra / seen.size) * wanted)
            keyframe = fit_keyframe(
                Enhance(preset="fast", device="cpu"), Likeness(gop.picture(0)), bases, budget=budget
            )
            coded = [met(gop, keyframe, variant, wanted) for variant in arguments.variants]
            results, pictures = measured(gop, coded, arguments.interval)
            tables[point].append(results)
            if arguments.strips:
                names = [f"every {variant.interval}, {variant.strength:g}" for variant in arguments.variants]
                strip = arguments.strips / f"{path.stem}-{point:g}.png"
                save_strip(strip, gop, dict(zip(names, pictures, strict=True)), USUAL_INTERVAL)
            for variant, each, values in zip(arguments.variants, coded, results, strict=True):
                head = f"{path.stem:32} {point:g} {variant!s:8} {each.size / wanted:.3f} crf {each.crf:.2f}"
                console.print(f"{head}  {line(values, SHOWN)}")
    for point, clips in tables.items():
        table = Table(f"{point:g}", *SHOWN, box=None)
        for number, variant in enumerate(arguments.variants):
            means = [
                [statistics.fmean(results[number][name][part] for results in clips) for part in (0, 1)]
                for name in SHOWN
            ]
            table.add_row(str(variant), *(f"{mean:.4f} {worst:.3f}" for mean, worst in means))
        console.print(table)


if __name__ == "__main__":
    main()
