"""Bytes of P and B pictures as x265 writes them, and moved to compact parameter sets.

With "flags" x265 runs with ``cu-lossless``, as the reference lock needs it: every block then says that it is lossy.

    python -m quality.slices [--crfs 40 48 56] [--frames 120] [--width 640] [CLIP ...]
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from ffhybrid import X265Options, hevc
from ffhybrid.core.gop import AccessUnit
from ffhybrid.hevc.compact_parameter_sets import SliceRecoder
from ffhybrid.x265.encoding import encode_gop
from ffhybrid.x265.reference_lock import LOSSLESS_BLOCKS
from one_gop import first_gops, gop_parser


def slice_bytes(units: Iterable[AccessUnit]) -> int:
    """Bytes of all slices."""
    return sum(len(nal) for unit in units for nal in unit.nal_units if hevc.is_slice(nal))


def main() -> None:
    """Print a row a clip, CRF and kind."""
    parser = gop_parser(__doc__)
    parser.add_argument("--crfs", nargs="+", type=float, default=(40, 48, 56))
    parser.add_argument("--x265-preset", default="slow")
    arguments = parser.parse_args()
    console = Console(width=120)
    table = Table("clip", "CRF", "", "x265", "compact", "change", "bytes a picture", box=None)
    for path, gop in first_gops(arguments):
        for crf in arguments.crfs:
            for name, params in (("", {}), ("flags", LOSSLESS_BLOCKS)):
                options = X265Options(preset=arguments.x265_preset, crf=crf)
                coded = encode_gop(gop, options, params=params, compact=False)
                recoder = SliceRecoder(coded.parameter_sets)
                before, after = slice_bytes(coded.inter), slice_bytes(map(recoder.unit, coded.inter))
                saved = (before - after) / len(coded.inter)
                change = f"{100 * (after / before - 1):+.1f} %"
                table.add_row(path.name, f"{crf:g}", name, f"{before}", f"{after}", change, f"-{saved:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
