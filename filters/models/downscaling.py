"""Scales of a model's own picture, which is smaller than the asked one."""

from __future__ import annotations

from ffhybrid.core.picture import PictureSpec
from ffhybrid.errors import UsageError

SCALES = (1, 2, 4)


def reductions_of(scale: int | None) -> tuple[int, ...]:
    """Powers of two to try for what a user asks: one, or all of them for None.

    Raises:
        UsageError: a scale that the format does not have.
    """
    if scale is not None and scale not in SCALES:
        raise UsageError(f"the model's picture is 1, 2 or 4 times smaller, not {scale}")
    return tuple(range(len(SCALES))) if scale is None else (SCALES.index(scale),)


def least_within(reductions: tuple[int, ...], spec: PictureSpec, samples: int) -> int:
    """Choose the first of rising reductions that leaves a model's picture at most so many luma samples, or the last."""
    fitting = (reduction for reduction in reductions if spec.width * spec.height >> 2 * reduction <= samples)
    return next(fitting, reductions[-1])
