"""Rate control: how near files come to the bitrate asked for; whole clips, GOPs of 120 pictures, container and all.

Rates are given in bits per pixel. Keyframes of ``thumbnail`` do: rate control is the same for all generators.

    python -m quality.bitrate [--points 0.0064 ...] [--width 640] [--kf thumbnail] [CLIP ...]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from clips import bitrate_at, shared_clips, wheel_clip
from ffhybrid import EncodeOptions, GopLimits, X265Options, encode
from ffhybrid.compare.clip import Clip, prepare
from ffhybrid.encoder.options import Rate

GOP_LENGTH = 120
POINTS = (0.0064, 0.0096, 0.019)
"""Bits per pixel."""


def row(clip: Clip, bitrate: int, output: Path, arguments: argparse.Namespace) -> tuple[str, ...]:
    """Encode a clip and hold its file against the rate."""
    options = EncodeOptions(
        generator=arguments.kf,
        rate=Rate(bitrate=bitrate),
        budgets=1,
        x265=X265Options(preset=arguments.x265_preset),
        limits=GopLimits(length=GOP_LENGTH),
    )
    report = encode(clip.path, output, options=options, overwrite=True)
    wanted = clip.bytes_at(bitrate)
    crfs = ", ".join(f"{gop.crf:.1f}" for gop in report.gops)
    miss = f"{100 * (report.file_bytes / wanted - 1):+.2f} %"
    return (f"{clip.name} {clip.spec.width}", f"{clip.seconds:.1f}", f"{bitrate / 1000:.1f}", str(wanted), miss, crfs)


def main() -> None:
    """Print a row a clip and rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--points", nargs="+", type=float, default=POINTS, help="bits per pixel")
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--kf", default="thumbnail", help="keyframe generator")
    parser.add_argument("--x265-preset", default="fast")
    arguments = parser.parse_args()
    table = Table("clip", "seconds", "kbit/s", "bytes", "miss", "CRF of GOPs", box=None)
    for path in arguments.clips or shared_clips() or [wheel_clip("bikes.mp4"), wheel_clip("bigbuckbunny.mp4")]:
        with tempfile.TemporaryDirectory(prefix="ffhybrid-") as folder:
            clip = prepare(path, Path(folder), frames=None, width=arguments.width, height=None)
            for point in arguments.points:
                _, bitrate = bitrate_at(path, point, width=arguments.width)
                table.add_row(*row(clip, bitrate, Path(folder) / "hybrid.mkv", arguments))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
