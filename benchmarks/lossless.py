"""The lossless intra coder beside libx265 ``lossless=1:preset=ultrafast``, one thread each: bytes and milliseconds.

python benchmarks/lossless.py [--repeat 3] [CLIP ...]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec.context import Flags
from rich.console import Console
from rich.table import Table

from clips import shared_clips, wheel_clip
from ffhybrid import hevc
from ffhybrid.gop import ParameterSets
from ffhybrid.picture import Picture
from ffhybrid.source import VideoSource


def encoder(width: int, height: int, params: str) -> av.VideoCodecContext:
    """Open libx265 for one picture."""
    context = av.CodecContext.create("libx265", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.framerate = context.time_base = Fraction(1)
    context.flags |= Flags.global_header
    context.options = {"preset": "ultrafast", "x265-params": f"log-level=error:info=0:{params}"}
    context.open()
    return context


def x265_lossless(picture: Picture) -> int:
    """Encode with x265 on one thread; return the bytes."""
    context = encoder(picture.width, picture.height, "lossless=1:keyint=1:pools=1:frame-threads=1:wpp=0")
    packed = np.concatenate([plane.ravel() for plane in picture.planes]).reshape(-1, picture.width)
    frame = av.VideoFrame.from_ndarray(packed, format="yuv420p")
    frame.pts = 0
    return sum(packet.size for packet in [*context.encode(frame), *context.encode(None)])


def sets_of(picture: Picture) -> ParameterSets:
    """Parameter sets as the locked encode has them."""
    context = encoder(picture.width, picture.height, "cu-lossless=1:sao=0:wpp=0:rd=3")
    return hevc.parameter_sets(hevc.split_annexb(bytes(context.extradata or b"")))


def timed(work: Callable[[], int], repeat: int) -> tuple[int, float]:
    """Return bytes and the median of milliseconds."""
    times = []
    size = 0
    for _ in range(repeat):
        start = time.perf_counter()
        size = work()
        times.append(1000 * (time.perf_counter() - start))
    return size, statistics.median(times)


def main() -> None:
    """Print one row a clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    table = Table("clip", "size", "ours B", "x265 B", "bytes ratio", "ours ms", "x265 ms", "times as fast", box=None)
    for clip in arguments.clips or shared_clips() or [wheel_clip("bikes.mp4")]:
        with VideoSource(clip) as source:
            picture = next(source.frames(limit=1)).picture
        if picture.bit_depth != 8:
            continue
        sets = sets_of(picture)
        sps = hevc.parse_sps(sets.sps)
        coded = picture.padded(sps.coded_width, sps.coded_height)
        pps = hevc.lossless_pps(sets)

        def encode(sets: ParameterSets = sets, pps: bytes = pps, coded: Picture = coded) -> int:
            return len(hevc.lossless_idr(sets, pps, hevc.NalType.IDR_N_LP, coded))

        ours, our_ms = timed(encode, arguments.repeat)
        theirs, their_ms = timed(lambda picture=picture: x265_lossless(picture), arguments.repeat)
        numbers = (ours, theirs, f"{ours / theirs:.3f}", f"{our_ms:.0f}", f"{their_ms:.0f}", f"{their_ms / our_ms:.1f}")
        table.add_row(clip.name, f"{picture.width}x{picture.height}", *map(str, numbers))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
