"""Effort of a refinement by preset, in x265's words: iterations of gradient descent."""

from __future__ import annotations

from ffhybrid.errors import UsageError

ITERATIONS = {
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
DEFAULT = "medium"


def iterations_of(name: str | None) -> int:
    """Look a preset up; None is the default.

    Raises:
        UsageError: there is none of that name.
    """
    found = ITERATIONS.get(name or DEFAULT)
    if found is None:
        raise UsageError(f"there is no keyframe preset {name!r}; known are {', '.join(ITERATIONS)}")
    return found
