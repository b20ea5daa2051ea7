"""The nearest known name to one that is not known, for messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """Phrase the nearest of the known names as the end of a message; an empty text where none is near."""
    near = get_close_matches(name, sorted(set(known)), n=1)
    return f"; did you mean {prefix}{near[0]}?" if near else ""
