"""Effort of a fit by preset, in x265's words: how many steps of restoration are tried, of which one number is kept."""

from __future__ import annotations

STEPS = {
    "ultrafast": (1,),
    "superfast": (1,),
    "veryfast": (1,),
    "faster": (1, 2),
    "fast": (1, 2),
    "medium": (1, 2, 4),
    "slow": (1, 2, 4, 8),
    "slower": (1, 2, 4, 8, 16),
    "veryslow": (1, 2, 4, 8, 16, 32),
    "placebo": (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 50),
}
