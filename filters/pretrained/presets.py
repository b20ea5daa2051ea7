"""Effort of a refinement by preset, in x265's words, and what it aims at."""

from __future__ import annotations

from ffhybrid.errors import UsageError

PERCEPTUAL = "perceptual"
TUNES = (PERCEPTUAL, "psnr")

ITERATIONS = {  # of gradient descent
    "ultrafast": 0,
    "superfast": 10,
    "veryfast": 20,
    "faster": 40,
    "fast": 60,
    "medium": 100,
    "slow": 300,
    "slower": 1000,
    "veryslow": 3000,
    "placebo": 10000,
}


def check_tune(name: str) -> str:
    """Return the name of an aim.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in TUNES:
        raise UsageError(f"there is no keyframe tuning {name!r}; known are {', '.join(TUNES)}")
    return name
