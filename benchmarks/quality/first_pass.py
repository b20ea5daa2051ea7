"""What the first pass of ``-b:v`` costs and tells: its seconds against x265's, and CRFs that it suggests.

First GOPs. "Whole" is a first pass over pictures of the clip's own size. What ``ffhybrid.encoder.bit_allocation`` takes
for the CRF of a size is fitted to the CRFs met here.

    python -m quality.first_pass [--points 0.0064 0.019] [--width 480] [--speed 2] [CLIP ...]
"""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console
from rich.table import Table

from ffhybrid import EncodeOptions, X265Options
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.bit_allocation import Complexity, first_pass, shares
from ffhybrid.encoder.coded_gop import CodedGop, encode_generated
from ffhybrid.encoder.crf_search import meet_size
from ffhybrid.encoder.keyframe_budgets import first_share
from ffhybrid.encoder.keyframes import BaseCoder, fit_keyframe
from ffhybrid.encoder.speed import DEFAULT_SPEED, Effort, effort_of
from ffhybrid.filters import Likeness
from ffhybrid.restorer.generators import create
from ffhybrid.x265.encoding import encode_gop
from one_gop import first_gops, gop_parser, halved_gop
from speed.encode import timed

PLAIN = X265Options(crf=40.0, tune=None)
"""About what meets the usual rates."""


def met(gop: SourceGop, seen: Complexity, effort: Effort, wanted: int) -> tuple[float, CodedGop, list[float]]:
    """Encode a GOP in so many bytes: the CRF suggested, what came nearest, and all CRFs coded at."""
    rate = round(wanted * 8 / gop.seconds)
    (share,) = shares([seen], bitrate=rate, of_file=0, of_gops=[0], precision=effort.precision)
    options = X265Options(thoroughness=effort.thoroughness)
    made = create(EncodeOptions().generator, preset=effort.fit, device="cpu")
    keyframe = fit_keyframe(
        made,
        Likeness(gop.picture(0)),
        BaseCoder(gop, replace(options, crf=share.crf)),
        budget=round(first_share(share.intra) * share.size),
    )
    coded_at: list[float] = []

    def encode(crf: float) -> CodedGop:
        coded_at.append(crf)
        return encode_generated(gop, keyframe, replace(options, crf=crf))

    return share.crf, meet_size(encode, share.size, first_crf=share.crf, precision=effort.precision), coded_at


def main() -> None:
    """Print a row for every clip and rate."""
    parser = gop_parser(__doc__)
    parser.set_defaults(width=480)
    parser.add_argument("--points", nargs="+", type=float, default=(0.0064, 0.019), help="bits per pixel")
    parser.add_argument("--speed", type=int, default=DEFAULT_SPEED)
    arguments = parser.parse_args()
    table = Table(
        "clip", "x265, s", "whole", "first pass", "bits a pixel", "CRF", "met at", "size", "encodes", box=None
    )
    for path, gop in first_gops(arguments):
        _, plain, _ = timed(lambda: encode_gop(gop, PLAIN, params={}))  # noqa: B023 - it is called at once
        _, whole, _ = timed(lambda: first_pass(gop))  # noqa: B023
        seen, seconds, _ = timed(lambda: first_pass(halved_gop(gop)))  # noqa: B023
        cells = (path.stem, f"{plain:.1f}", f"{whole / plain:.2f}", f"{seconds / plain:.2f}")
        for point in arguments.points:
            wanted = round(point * gop.spec.width * gop.spec.height * len(gop) / 8)
            crf, coded, coded_at = met(gop, seen, effort_of(arguments.speed), wanted)
            facts = (f"{point:g}", f"{crf:.1f}", f"{coded.crf:.1f}", f"{coded.size / wanted:.3f}", str(len(coded_at)))
            table.add_row(*cells, *facts)
            cells = ("",) * len(cells)
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
