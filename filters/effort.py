"""Effort and aim of fits by name, in x265's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ffhybrid.errors import UsageError

DEFAULT = "medium"
PERCEPTUAL = "perceptual"
"""Tuning that minimises LPIPS too; the other one minimises the mean squared error alone."""
TUNES = (PERCEPTUAL, "psnr")

Effort = TypeVar("Effort")


def look_up(presets: Mapping[str, Effort], name: str | None) -> Effort:
    """Find a preset; None is the default.

    Raises:
        UsageError: there is none of that name.
    """
    found = presets.get(name or DEFAULT)
    if found is None:
        raise UsageError(f"there is no keyframe preset {name!r}; known are {', '.join(presets)}")
    return found


def check_tune(name: str) -> str:
    """Return the name of an aim.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in TUNES:
        raise UsageError(f"there is no keyframe tuning {name!r}; known are {', '.join(TUNES)}")
    return name
