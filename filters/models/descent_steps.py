"""Effort of a refinement by preset, in x265's words: iterations of gradient descent."""

from __future__ import annotations

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
