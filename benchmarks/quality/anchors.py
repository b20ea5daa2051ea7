"""Anchors: P pictures inside a GOP enhanced by the generator for no bytes, what follows being coded against them.

First GOPs at equal bytes. The keyframe is that of ``enhance`` at the first share; the GOP is coded in segments whose
last picture, a P picture behind another one, is decoded and enhanced, and the next segment begins with the result. A
variant is how many pictures a segment has (0: one segment), the strength of enhancement (0: the P picture as it is),
and by how many times the bits that x265 would give it the base of an anchor is coded.

    python -m quality.anchors [--points 0.0064 ...] [--variants 0:0:1 30:1:1 ...] [--width 416] [CLIP ...]
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.console import Console
from rich.table import Table
from segments import code_segment, pictures_of, slice_of

from ffhybrid import X265Options, hevc
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.bit_allocation import first_pass
from ffhybrid.encoder.coded_gop import Keyframe
from ffhybrid.encoder.crf_search import SIZE, search_crf
from ffhybrid.encoder.keyframe_budgets import first_share
from ffhybrid.encoder.keyframes import BaseCoder, fit_keyframe
from ffhybrid.encoder.secant_search import Probe
from ffhybrid.filters import Likeness
from ffhybrid.filters.enhance.codec import Known, Strengths, network
from ffhybrid.panel import Panel
from ffhybrid.panel.picture_metrics import look_at
from ffhybrid.restorer.generators import create
from ffhybrid.x265.encoding import X265Gop
from one_gop import first_gops, gop_parser, halved_gop
from quality.keyframe import psnr

FIRST_CRF, BASE_CRF = 44.0, 40.0
LEAST_LEFT = 4
"""Pictures behind an anchor, at least."""
PICTURE_METRICS = ("lpips", "lpips_vgg", "dists", "ssimulacra2", "oklab")


@dataclass(frozen=True, slots=True)
class Variant:
    """See above."""

    length: int
    strength: float
    factor: float

    @classmethod
    def parse(cls, text: str) -> Variant:
        """Read ``length:strength:factor``."""
        length, strength, factor = text.split(":")
        return cls(int(length), float(strength), float(factor))

    def __str__(self) -> str:
        return f"{self.length}:{self.strength:g}:{self.factor:g}"


@dataclass(frozen=True, slots=True)
class Chain:
    """Segments of a GOP: bytes of their P and B pictures, and what a restored file shows."""

    size: int
    pictures: list[Picture]


def encode_chain(gop: SourceGop, keyframe: Picture, variant: Variant, options: X265Options) -> Chain:
    """Code segment by segment, each against the enhanced end of the one before it."""
    size, shown, first, start = 0, [], keyframe, 0
    while start < len(gop) - 1:
        end = start + variant.length if variant.length else len(gop)
        is_last = end + LEAST_LEFT >= len(gop)
        part = gop.part(start, len(gop) if is_last else end + 1)
        coded = code_segment(part, first, options, factor=None if is_last else variant.factor)
        size += coded.inter_size
        pictures = [first, *pictures_of(coded)[1:]]
        if is_last:
            return Chain(size, [*shown, *pictures])
        shown += pictures[:-1]
        first, start = _enhanced(coded, pictures[-1], variant), end
    return Chain(size, [*shown, first])


def _enhanced(coded: X265Gop, base: Picture, variant: Variant) -> Picture:
    strength = variant.strength
    if not strength:
        return base
    known = Known(qp=hevc.slice_qp(slice_of(coded.inter[-1]), coded.parameter_sets), distance=variant.length)
    return network().look(base, known, threads=1).picture(Strengths(texture=strength, detail=strength))


def met(gop: SourceGop, keyframe: Keyframe, variant: Variant, wanted: int) -> Chain:
    """Find the CRF that gives a chain its bytes."""
    left, options = wanted - keyframe.shown.size, X265Options()

    def probe(crf: float) -> Probe[Chain]:
        chain = encode_chain(gop, keyframe.picture, variant, replace(options, crf=crf))
        return Probe(chain.size, left, (wanted - left + chain.size) / wanted, chain)

    return search_crf(probe, SIZE, first_crf=FIRST_CRF, tolerance=0.01, most_probes=5)


def look(gop: SourceGop, chains: Sequence[Chain], interval: int) -> list[dict[str, tuple[float, float]]]:
    """Measure: means, and means of the worst twentieth of places or pictures."""
    indices = range(0, len(gop), interval)
    shown = [[chain.pictures[index] for index in indices] for chain in chains]
    found = look_at(shown, [gop.picture(index) for index in indices], gop.spec, PICTURE_METRICS, lpips=None)
    results = []
    for chain, series in zip(chains, found, strict=True):
        panel = Panel.of(series, interval=interval)
        values = {
            name: (panel.mean(name), panel.worst_places(name) if each.places else panel.worst_pictures(name))
            for name, each in series.items()
        }
        by_picture = [psnr(picture, gop.picture(index)) for index, picture in enumerate(chain.pictures)]
        values["psnr"] = (statistics.fmean(by_picture), statistics.fmean(by_picture[-15:]))
        results.append(values)
    return results


def main() -> None:
    """Print a table for every rate."""
    parser = gop_parser(__doc__)
    parser.set_defaults(width=416)
    parser.add_argument("--points", nargs="+", type=float, default=(0.0064, 0.0096), help="bits per pixel")
    parser.add_argument("--variants", nargs="+", type=Variant.parse, help="LENGTH:STRENGTH:FACTOR")
    parser.add_argument("--interval", type=int, default=21)
    parser.add_argument("--share", type=float, default=1, help="times the first share")
    parser.set_defaults(variants=[Variant.parse(text) for text in ("0:0:1", "30:0:1", "30:0.5:1", "30:1:1")])
    arguments = parser.parse_args()
    console = Console(width=220)
    tables: dict[float, list[list[dict[str, tuple[float, float]]]]] = {point: [] for point in arguments.points}
    for path, gop in first_gops(arguments):
        seen = first_pass(halved_gop(gop))
        for point in arguments.points:
            wanted = round(point * gop.spec.width * gop.spec.height * len(gop) / 8)
            bases = BaseCoder(gop, X265Options(crf=BASE_CRF))
            budget = round(arguments.share * first_share(seen.intra / seen.size) * wanted)
            keyframe = fit_keyframe(
                create("enhance", preset="fast", device="cpu"), Likeness(gop.picture(0)), bases, budget=budget
            )
            chains = [met(gop, keyframe, variant, wanted) for variant in arguments.variants]
            results = look(gop, chains, arguments.interval)
            tables[point].append(results)
            for variant, chain, values in zip(arguments.variants, chains, results, strict=True):
                size = (keyframe.shown.size + chain.size) / wanted
                cells = "  ".join(f"{name} {mean:.4f} ({worst:.3f})" for name, (mean, worst) in values.items())
                console.print(f"{path.stem:32} {point:g} {variant!s:12} {size:.3f}  {cells}")
    for point, clips in tables.items():
        table = Table(f"{point:g}", *PICTURE_METRICS, "psnr", box=None)
        for number, variant in enumerate(arguments.variants):
            cells = []
            for name in (*PICTURE_METRICS, "psnr"):
                pairs = [results[number][name] for results in clips]
                cells.append(" ".join(f"{statistics.fmean(part):.4f}" for part in zip(*pairs, strict=True)))
            table.add_row(str(variant), *cells)
        console.print(table)


if __name__ == "__main__":
    main()
