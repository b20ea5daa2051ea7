"""The reference lock beside x265 without it: fix-ups left, windows tried, bytes of P and B pictures, by clip and CRF.

"unlocked" is x265 with the same options and no lock, whose own first picture the P and B pictures then follow: what the
lock costs the P and B pictures. Keyframes are thumbnails of the source; hashes are not counted.

    python -m exactness.lock [--frames 24] [--wpp 0] [--crfs 22 28 34] [CLIP ...]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from clips import EIGHT_BITS, shared_clips, wheel_clip
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.filters import Likeness
from ffhybrid.restorer.generators import create
from ffhybrid.source.gop_planning import GopLimits, plan_gops
from ffhybrid.source.video import VideoSource
from ffhybrid.x265.encoding import encode_gop
from ffhybrid.x265.options import X265Options
from ffhybrid.x265.reference_lock import encode_locked


def unlocked_bytes(gop: SourceGop, keyframe: Picture, options: X265Options) -> int:
    """Bytes of P and B pictures where x265 codes the keyframe as it likes."""
    return encode_gop(gop, options, params={}, keyframe=keyframe).inter_size


def main() -> None:
    """Print a row a clip and CRF."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--wpp", choices=("0", "1"), default="0")
    parser.add_argument("--crfs", nargs="+", type=float, default=(22, 28, 34))
    arguments = parser.parse_args()
    table = Table("clip", "CRF", "fix-ups", "bytes", "windows", "P and B locked", "unlocked", "ratio", box=None)
    thumbnail = create("thumbnail")
    for clip in arguments.clips or shared_clips() or [wheel_clip("bikes.mp4")]:
        with VideoSource(clip, options=EIGHT_BITS) as source, tempfile.TemporaryDirectory() as name:
            limits = GopLimits(length=arguments.frames)
            gop = next(plan_gops(source.frames(limit=arguments.frames), source.info, Path(name), limits=limits))
            latent = thumbnail.fit(Likeness(gop.picture(0)), gop.spec, budget=None, warm_start=None, progress=None)
            keyframe = thumbnail.generate(latent, gop.spec)
            for crf in arguments.crfs:
                options = X265Options(crf=crf, params={"wpp": arguments.wpp})
                locked = encode_locked(gop, keyframe, options)
                ours, theirs = locked.coded.inter_size, unlocked_bytes(gop, keyframe, options)
                numbers = (locked.fixup_count, len(locked.fixups), len(locked.windows), ours, theirs)
                table.add_row(clip.name, f"{crf:g}", *map(str, numbers), f"{ours / theirs:.3f}")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
