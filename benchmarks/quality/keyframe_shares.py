"""The keyframe's share of a GOP's bytes: the judge's cost by share, beside what the first pass gave its I picture.

First GOPs, quick encodes that only tell keyframes apart (``-speed 1``), keyframes of several shares and x265's own.
What a keyframe takes at first (``first_share``) is from this.

    python -m quality.keyframe_shares [--points 0.0064 ...] [--shares 0.15 0.3 ...] [--width 416] [CLIP ...]
"""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console
from rich.table import Table

from ffhybrid import EncodeOptions, X265Options
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.bit_allocation import first_pass
from ffhybrid.encoder.keyframe_budgets import KeyframeChoice, first_share
from ffhybrid.encoder.keyframes import BaseCoder, fit_keyframe
from ffhybrid.encoder.quality import Judge, visual_distance
from ffhybrid.encoder.rate_targets import Judged, SizeTarget
from ffhybrid.encoder.speed import TRIAL, TRIAL_PRECISION
from ffhybrid.filters import Likeness
from ffhybrid.restorer.generators import create
from ffhybrid.x265.options import Thoroughness
from one_gop import first_gops, gop_parser, halved_gop

FIRST_CRF, BASE_CRF = 44.0, 40.0
OPTIONS = X265Options(params=TRIAL, thoroughness=Thoroughness.LEAST)


def met(target: SizeTarget, choice: KeyframeChoice) -> Judged:
    """Code a GOP with a keyframe in the bytes of the target, about."""
    return target.meet(
        lambda crf: choice.coded(target.source, replace(OPTIONS, crf=crf), is_trial=True), first_crf=FIRST_CRF
    )


def fitted(gop: SourceGop, bases: BaseCoder, budget: int, generator: str) -> KeyframeChoice:
    """Fit a keyframe to the first picture."""
    made = create(generator, preset="faster", device="cpu")
    return KeyframeChoice(fit_keyframe(made, Likeness(gop.picture(0)), bases, budget=budget), budget)


def main() -> None:
    """Print a row for every clip and rate; costs are over the least one with a generated keyframe."""
    parser = gop_parser(__doc__)
    parser.set_defaults(width=416)
    parser.add_argument("--points", nargs="+", type=float, default=(0.0064, 0.0096, 0.019), help="bits per pixel")
    parser.add_argument("--shares", nargs="+", type=float, default=(0.15, 0.2, 0.3, 0.45, 0.6))
    parser.add_argument("--generator", default=EncodeOptions().generator)
    arguments = parser.parse_args()
    shares = [f"{share:g}" for share in arguments.shares]
    table = Table("clip", "bits a pixel", "first pass", "first share", "x265: share", "cost", *shares, box=None)
    for path, gop in first_gops(arguments):
        judge = Judge(visual_distance(None, device="cpu"))
        seen = first_pass(halved_gop(gop))
        intra = seen.intra / seen.size
        for point in arguments.points:
            wanted = round(point * gop.spec.width * gop.spec.height * len(gop) / 8)
            target = SizeTarget(gop, judge, wanted, TRIAL_PRECISION)
            native = met(target, KeyframeChoice())
            bases = BaseCoder(gop, replace(OPTIONS, crf=BASE_CRF))
            costs = [
                met(target, fitted(gop, bases, round(share * wanted), arguments.generator)).cost
                for share in arguments.shares
            ]
            facts = (intra, first_share(intra), native.gop.hybrid.placeholder.size / native.gop.size)
            ratios = (cost / min(costs) for cost in (native.cost, *costs))
            cells = (*(f"{fact:.2f}" for fact in facts), *(f"{ratio:.3f}" for ratio in ratios))
            table.add_row(path.stem, f"{point:g}", *cells)
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
