"""Anchors: P pictures inside a GOP enhanced by the generator for no bytes, what follows being coded against them.

First GOPs at equal bytes, with the same keyframe, of the first share. A variant is how many pictures lie between
anchors (0: there are none) and how strongly they are enhanced (0: P pictures as they are). Printed are means and means
of the worst twentieth of places or pictures, of what restored files show; PSNR has that of the last 15 pictures in
brackets; "stock" is what players show that do not restore.

    python -m quality.anchors [--points 0.0064 ...] [--variants 0:0 30:0.5 ...] [--width 416] [CLIP ...]
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ffhybrid import X265Options
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.anchors import Anchoring
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
from quality.keyframe import psnr

FIRST_CRF, BASE_CRF = 44.0, 40.0
PICTURE_METRICS = ("lpips", "lpips_vgg", "dists", "ssimulacra2", "oklab")
SHOWN = (*PICTURE_METRICS, "psnr", "stock lpips", "stock lpips_vgg", "stock dists", "stock ssimulacra2", "stock psnr")
VARIANTS = ("0:0", "30:0", "30:0.5", "30:1")

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


def measured(gop: SourceGop, coded: Sequence[CodedGop], interval: int) -> list[Values]:
    """Measure what restored files show, and what stock players do."""
    restored = look(gop, [list(each.pictures()) for each in coded], interval)
    stock = look(gop, [list(each.stock_pictures()) for each in coded], interval)
    return [
        {**values, **{f"stock {name}": value for name, value in other.items()}}
        for values, other in zip(restored, stock, strict=True)
    ]


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
            results = measured(gop, coded, arguments.interval)
            tables[point].append(results)
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
