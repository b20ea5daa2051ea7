"""The lossless intra coder beside libx265 ``lossless=1:preset=ultrafast``, one thread each: bytes and milliseconds.

The last column is what FFmpeg's decoder takes for the picture, on one thread as well.

    python -m quality.lossless [--repeat 3] [--effort fast medium slow] [CLIP ...]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.codec.context import Flags
from rich.console import Console
from rich.table import Table

from clips import EIGHT_BITS, shared_clips, wheel_clip
from ffhybrid import hevc
from ffhybrid.core.gop import ParameterSets
from ffhybrid.core.picture import Picture
from ffhybrid.hevc.decoding import decode_access_units
from ffhybrid.source.video import VideoSource


def encoder(width: int, height: int, preset: str, params: str) -> av.VideoCodecContext:
    """Open libx265 for one picture."""
    context = av.CodecContext.create("libx265", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.framerate = context.time_base = Fraction(1)
    context.flags |= Flags.global_header
    context.options = {"preset": preset, "x265-params": f"log-level=error:info=0:{params}"}
    context.open()
    return context


def x265_lossless(picture: Picture) -> int:
    """Encode with x265 on one thread; return the bytes."""
    context = encoder(picture.width, picture.height, "ultrafast", "lossless=1:keyint=1:pools=1:frame-threads=1:wpp=0")
    packed = np.concatenate([plane.ravel() for plane in picture.planes]).reshape(-1, picture.width)
    frame = av.VideoFrame.from_ndarray(packed, format="yuv420p")
    frame.pts = 0
    return sum(packet.size for packet in [*context.encode(frame), *context.encode(None)])


def sets_of(picture: Picture) -> ParameterSets:
    """Parameter sets as the locked encode has them by default."""
    context = encoder(picture.width, picture.height, "medium", "cu-lossless=1:sao=0:wpp=0")
    return hevc.find_parameter_sets(hevc.split_annexb(bytes(context.extradata or b"")))


def timed(work: Callable[[], int], repeat: int) -> tuple[int, float]:
    """Return bytes and the median of milliseconds."""
    times = []
    size = 0
    for _ in range(repeat):
        start = time.perf_counter()
        size = work()
        times.append(1000 * (time.perf_counter() - start))
    return size, statistics.median(times)


def decoded(sets: ParameterSets, pps: bytes, idr: bytes) -> int:
    """Decode one picture; return how many came."""
    everything = ParameterSets(sets.vps, sets.sps, (*sets.pps, pps))
    return sum(1 for _ in decode_access_units([(idr,)], everything))


def rows(clip: Path, efforts: list[hevc.SpliceEffort], repeat: int) -> Iterator[tuple[str, ...]]:
    """Measure one picture at every effort."""
    with VideoSource(clip, options=EIGHT_BITS) as source:
        picture = next(source.frames(limit=1)).picture
    sets = sets_of(picture)
    sps = hevc.parse_sps(sets.sps)
    coded = picture.padded(sps.coded_width, sps.coded_height)
    pps = hevc.lossless_pps(sets)
    theirs, their_ms = timed(lambda: x265_lossless(picture), repeat)
    for effort in efforts:
        encode = partial(hevc.lossless_irap, sets, pps, hevc.NalType.IDR_N_LP, coded, effort=effort)
        ours, our_ms = timed(lambda encode=encode: len(encode()), repeat)
        _, decode_ms = timed(partial(decoded, sets, pps, encode()), repeat)
        name = f"{clip.stem.split('_')[0]} {picture.width}x{picture.height}"
        ratios = (f"{ours / theirs:.3f}", f"{our_ms:.0f}", f"{their_ms:.0f}", f"{their_ms / our_ms:.1f}")
        yield name, effort, str(ours), str(theirs), *ratios, f"{decode_ms:.0f}"


def main() -> None:
    """Print one row a clip and effort."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--effort", nargs="+", type=hevc.SpliceEffort, default=list(hevc.SpliceEffort))
    arguments = parser.parse_args()
    headings = ("clip", "effort", "ours B", "x265 B", "ratio", "ours ms", "x265 ms", "times as fast", "decode ms")
    table = Table(*headings, box=None)
    for clip in arguments.clips or shared_clips() or [wheel_clip("bikes.mp4")]:
        for row in rows(clip, arguments.effort, arguments.repeat):
            table.add_row(*row)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
