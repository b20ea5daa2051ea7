"""Searching the CRF of ``-target``: slopes of metrics, what sampling pictures costs, and how searches end.

GOPs are coded with x265's own keyframe. The first table has, by CRF, the distance from perfect of metrics and how much
its natural logarithm rose from the CRF before, a CRF; and what the mean over one picture of 3, 4 and 8 has more than
that over all. The second has for every target the encodes that its search took, and what it missed, in its unit.

    python -m quality.target_search [--frames 48] [--width 320] [--targets vmaf=90 ...] [CLIP ...]
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean

from rich.console import Console
from rich.table import Table

from ffhybrid import X265Options
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import CodedGop, encode_native_idr
from ffhybrid.encoder.metric_target import MetricTarget
from ffhybrid.encoder.quality import Judge
from ffhybrid.encoder.quality_target import SCALES, QualityTarget
from ffhybrid.panel import METRICS, look_at_gop
from one_gop import first_gops, gop_parser

CRFS = (16, 22, 28, 34, 40, 46)
TARGETS = (
    *("ssimulacra2=20", "ssimulacra2=50", "ssimulacra2=70", "ssimulacra2=80", "ssimulacra2=50:low"),
    *("vmaf=60", "vmaf=80", "vmaf=90", "vmaf=95", "vmaf=80:low", "vmaf_neg=90"),
    *("lpips=0.02", "lpips=0.05", "lpips=0.1", "lpips=0.2", "lpips=0.1:low"),
)


@dataclass(slots=True)
class Counted:
    """Encodes at CRFs, and how many there were."""

    gop: SourceGop
    options: X265Options
    encodes: int = 0

    def __call__(self, crf: float) -> CodedGop:
        """Encode."""
        self.encodes += 1
        return encode_native_idr(self.gop, replace(self.options, crf=crf))


def add_slopes(table: Table, name: str, gop: SourceGop, options: X265Options) -> None:
    """Add a row a metric and CRF."""
    coded = [encode_native_idr(gop, replace(options, crf=crf)) for crf in CRFS]
    for metric, scale in SCALES.items():
        before = math.nan
        for crf, one in zip(CRFS, coded, strict=True):
            values = look_at_gop(metric, one.pictures(), gop, lpips=None, interval=1)
            distance = abs(scale.perfect - fmean(values))
            slope = math.log(distance / before) / (CRFS[1] - CRFS[0])
            more = (METRICS[metric].difference(fmean(values[::step]) - fmean(values)) for step in (3, 4, 8))
            table.add_row(name, METRICS[metric].title, str(crf), f"{distance:.4g}", f"{slope:.3f}", *more)
            before = distance


def add_searches(table: Table, name: str, gop: SourceGop, options: X265Options, targets: list[QualityTarget]) -> None:
    """Add a row a target."""
    for wanted in targets:
        encode = Counted(gop, options)
        target = MetricTarget(source=gop, judge=Judge(None), wanted=wanted, lpips=None, most=None)
        met = target.meet(encode, first_crf=options.crf)
        miss = wanted.panel_metric.difference((met.reached or math.nan) - wanted.value)
        table.add_row(name, str(wanted), f"{met.gop.crf:.2f}", str(met.gop.size), str(encode.encodes), miss)


def main() -> None:
    """Print both tables."""
    parser = gop_parser(__doc__, frames=48)
    parser.set_defaults(width=320)
    parser.add_argument("--targets", nargs="+", default=TARGETS)
    parser.add_argument("--x265-preset", default="medium")
    arguments = parser.parse_args()
    targets = [*map(QualityTarget.parse, arguments.targets)]
    options = X265Options(preset=arguments.x265_preset)
    slopes = Table("clip", "metric", "CRF", "distance", "slope", "of 3", "of 4", "of 8", box=None)
    searches = Table("clip", "target", "CRF", "bytes", "encodes", "missed by", box=None)
    for path, gop in first_gops(arguments):
        for add, table in ((add_slopes, slopes), (partial(add_searches, targets=targets), searches)):
            add(table, path.stem, gop, options)
    for table in (slopes, searches):
        Console(width=120).print(table)


if __name__ == "__main__":
    main()
