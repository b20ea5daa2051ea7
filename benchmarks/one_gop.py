"""The first GOPs of clips and GOPs of one picture, as encodes of them see them, and their values at given rates."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from clips import EIGHT_BITS, shared_clips, wheel_clip
from ffhybrid import GopLimits
from ffhybrid.compare.clip import prepare
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.core.presentation import Presentation
from ffhybrid.core.source_gop import SourceGop, write_planes
from ffhybrid.encoder.coded_gop import CodedGop
from ffhybrid.source.gop_planning import plan_gops
from ffhybrid.source.video import VideoSource

POINTS = (0.0032, 0.0064, 0.0096, 0.019)
"""Bits per pixel: 200 to 1200 kbit/s at 1080p30."""


def gop_parser(description: str | None, *, frames: int = 120) -> argparse.ArgumentParser:
    """Make a parser of what :func:`first_gops` goes by."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=frames)
    parser.add_argument("--width", type=int, default=640)
    return parser


def first_gops(arguments: argparse.Namespace) -> Iterator[tuple[Path, SourceGop]]:
    """Read so many frames of every clip, reduced to a width, as one GOP, which is gone when the next one is read."""
    limits = GopLimits(length=arguments.frames, scene_threshold=0)
    for path in arguments.clips or shared_clips() or [wheel_clip("bikes.mp4")]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            clip = prepare(
                path, folder, frames=arguments.frames, width=arguments.width, height=None, options=EIGHT_BITS
            )
            with VideoSource(clip.path) as source:
                gop = next(plan_gops(source.frames(limit=None), source.info, folder, limits=limits))
            yield path, gop


def still_gop(picture: Picture, spec: PictureSpec, folder: Path) -> SourceGop:
    """Make a GOP of one picture, whose samples lie in ``folder``: what base pictures and previews are coded from."""
    return spooled_gop([picture], spec, folder / "still.yuv")


def spooled_gop(pictures: Sequence[Picture], spec: PictureSpec, path: Path) -> SourceGop:
    """Make a GOP of pictures, 25 a second, whose samples lie in a file."""
    with path.open("wb") as file:
        for picture in pictures:
            write_planes(file, picture)
    count = len(pictures)
    return SourceGop(
        index=0,
        path=path,
        spec=spec,
        frame_rate=Fraction(25),
        sample_aspect_ratio=Fraction(1),
        time_base=Fraction(1, 25),
        presentation=Presentation(),
        pts=tuple(range(count)),
        durations=(1,) * count,
        sei=((),) * count,
    )


def halved_gop(gop: SourceGop) -> SourceGop:
    """Spool what the first pass sees of a GOP beside it."""
    path = gop.path.with_suffix(".halved.yuv")
    with path.open("wb") as file:
        for index in range(len(gop)):
            write_planes(file, gop.picture(index).halved())
    return replace(gop, path=path, spec=gop.spec.halved(), skipped=0)


def bits_per_pixel(coded: CodedGop, gop: SourceGop) -> float:
    """Rate of the elementary streams."""
    return 8 * coded.size / (gop.spec.width * gop.spec.height * len(gop))


def at_points(rates: Sequence[float], values: Sequence[float]) -> np.ndarray:
    """Values at :data:`POINTS`, straight over the logarithm of the rate; ``nan`` where encodes do not reach."""
    order = np.argsort(rates)
    known = np.log(np.array(rates)[order])
    return np.interp(np.log(POINTS), known, np.array(values)[order], left=np.nan, right=np.nan)
