"""Exactness on real clips: the restored stream against x265's own reconstruction, in three decoders.

For every clip: the first GOPs are encoded with picture hashes, restored, and decoded by PyAV, by Debian's ffmpeg (which
must accept every MD5) and by libde265; the same stream with one keyframe sample changed must fail.

    python -m exactness.exactness [--generator overfit] [--gops 2] [--length 48] [CLIP ...]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import ffhybrid
from clips import EIGHT_BITS, shared_clips, wheel_clip
from ffhybrid import hevc
from ffhybrid.core.gop import HybridGop
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import encode_generated, intra_size
from ffhybrid.encoder.gop_encoder import GopReport, report_of
from ffhybrid.encoder.keyframes import BaseCoder, fit_keyframe
from ffhybrid.filters import Likeness
from ffhybrid.filters.base import KeyframeGenerator
from ffhybrid.hevc.decoding import decode_pictures
from ffhybrid.restorer.generators import create
from ffhybrid.restorer.splice import RestoredGop, decode_keyframe, splice
from ffhybrid.source.gop_planning import GopLimits, plan_gops
from ffhybrid.source.video import VideoSource

GENERATORS: dict[str, dict[str, str]] = {"overfit": {"preset": "superfast"}, "thumbnail": {}}
"""Exact ones, and their options."""
EXACT = ("-v", "error", "-xerror", "-err_detect", "crccheck+explode")


def planned(path: Path, folder: Path, *, gops: int, length: int) -> Iterator[SourceGop]:
    """First GOPs of a clip."""
    with VideoSource(path, options=EIGHT_BITS) as source:
        frames = source.frames(limit=gops * length)
        yield from plan_gops(frames, source.info, folder, limits=GopLimits(length=length))


def pictures(units: list[tuple[bytes, ...]], gop: HybridGop | RestoredGop, bit_depth: int) -> list[Picture]:
    """Decode access units with PyAV, at the coded size."""
    return list(decode_pictures(units, gop.parameter_sets, bit_depth, crop=False))


def annexb(gop: RestoredGop) -> bytes:
    """Whole stream of one GOP."""
    units = (nal for unit in gop.access_units for nal in unit.nal_units)
    return hevc.join_annexb([*gop.parameter_sets.nal_units, *units])


def accepts(stream: Path) -> bool:
    """Whether Debian's ffmpeg finds every picture equal to its MD5."""
    command = [shutil.which("ffmpeg") or "ffmpeg", *EXACT, "-i", str(stream), "-f", "null", "-"]
    result = subprocess.run(command, capture_output=True, check=False)
    return result.returncode == 0 and not result.stderr


def libde265_agrees(stream: Path, expected: list[Picture], width: int, height: int) -> bool:
    """Whether libde265 decodes the same samples."""
    raw = stream.with_suffix(".yuv")
    command = [shutil.which("libde265-dec265") or "libde265-dec265", "-q", "-o", str(raw), str(stream)]
    subprocess.run(command, check=True, capture_output=True)
    shown = [plane.ravel() for picture in expected for plane in picture.cropped(width, height).planes]
    return np.array_equal(np.fromfile(raw, np.uint8), np.concatenate(shown))


def check(
    source: SourceGop, generator: KeyframeGenerator, options: ffhybrid.EncodeOptions, folder: Path
) -> tuple[GopReport, list[bool]]:
    """Encode one GOP and compare: x265, PyAV, ffmpeg, libde265, and the negative control."""
    bases, budget = BaseCoder(source, options.x265), intra_size(source, options.x265)
    coded = encode_generated(
        source, fit_keyframe(generator, Likeness(source.picture(0)), bases, budget=budget), options.x265
    )
    gop, depth = coded.hybrid, source.spec.bit_depth
    payload, keyframe, md5s = decode_keyframe(gop)
    theirs = pictures([unit.nal_units for unit in coded.stream.access_units], gop, depth)
    restored = splice(gop, keyframe, md5s)
    ours = pictures([unit.nal_units for unit in restored.access_units], restored, depth)
    stream, wrong = folder / "restored.hevc", folder / "wrong.hevc"
    stream.write_bytes(annexb(restored))
    changed = Picture(keyframe.y.copy(), keyframe.cb, keyframe.cr, depth)
    changed.y[source.spec.height // 2, source.spec.width // 2] ^= 1
    spliced = splice(gop, changed, md5s)
    wrong.write_bytes(annexb(spliced))
    results = [
        len(ours) == len(theirs) and all(a.same_samples(b) for a, b in zip(ours, theirs, strict=True)),
        accepts(stream),
        libde265_agrees(stream, ours, payload.spec.width, payload.spec.height),
        not accepts(wrong),
    ]
    return report_of(gop, source, coded, None), results


def main() -> None:
    """Print one row a clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--generator", choices=GENERATORS, default="overfit")
    parser.add_argument("--gops", type=int, default=2)
    parser.add_argument("--length", type=int, default=48)
    parser.add_argument("--crf", type=float, default=30)
    arguments = parser.parse_args()
    generator = create(arguments.generator, **GENERATORS[arguments.generator])
    options = ffhybrid.EncodeOptions(picture_hashes=True, x265=ffhybrid.X265Options(crf=arguments.crf))
    names = ("clip", "GOPs", "pictures", "payload", "fix-ups", "placeholder", "P and B")
    table = Table(*names, "= x265, PyAV", "ffmpeg MD5", "libde265", "wrong keyframe fails", box=None)
    for clip in arguments.clips or shared_clips() or [wheel_clip("bikes.mp4")]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            gops = planned(clip, folder, gops=arguments.gops, length=arguments.length)
            checked = [check(gop, generator, options, folder) for gop in gops]
        reports = [report for report, _ in checked]
        fixups = f"{sum(r.fixups for r in reports)} ({sum(r.fixup_bytes for r in reports)} B)"
        verdicts = ["yes" if all(column) else "NO" for column in zip(*(row for _, row in checked), strict=True)]
        table.add_row(
            clip.name,
            str(len(reports)),
            str(sum(r.pictures for r in reports)),
            str(sum(r.payload for r in reports)),
            fixups,
            str(max(r.placeholder for r in reports)),
            str(sum(r.inter for r in reports)),
            *verdicts,
        )
    Console(width=170).print(table)


if __name__ == "__main__":
    main()
