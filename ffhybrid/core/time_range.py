"""``-ss``, ``-to`` and ``-t``: a part of a file in seconds, and times as ffmpeg writes them."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from fractions import Fraction

from ffhybrid.errors import UsageError

logger = logging.getLogger(__name__)

Seconds = Fraction | float

_SEXAGESIMAL = re.compile(r"(?P<sign>-?)((?P<hours>\d+):)?(?P<minutes>[0-5]?\d):(?P<seconds>[0-5]?\d(\.\d*)?)")
_DECIMAL = re.compile(r"(?P<sign>-?)(?P<number>\d+(\.\d*)?|\.\d+)(?P<unit>s|ms|us|)")
_UNITS = {"": 1, "s": 1, "ms": 1000, "us": 1_000_000}
"""Of them in a second."""


def parse_time(text: str) -> Fraction:
    """Parse seconds as ffmpeg does: ``[-][HH:]MM:SS[.m]``, or ``[-]S[.m]`` with ``s``, ``ms`` or ``us`` behind it.

    Raises:
        UsageError: anything else.
    """
    match = _SEXAGESIMAL.fullmatch(text)
    if match:
        minutes = 60 * int(match["hours"] or 0) + int(match["minutes"])
        seconds = 60 * minutes + Fraction(match["seconds"])
    else:
        match = _DECIMAL.fullmatch(text)
        if match is None:
            raise UsageError(f"{text!r} is no time (90, 1:30, 0:01:30.5, 90500ms)")
        seconds = Fraction(match["number"]) / _UNITS[match["unit"]]
    return -seconds if match["sign"] else seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """A part of a file, from ``start`` up to but without ``end``, in seconds from where the file begins.

    None is the beginning, or the end. Where a start is given, 0 too, timestamps count from it. Floats become the
    fractions that they print as: 0.1 is a tenth.

    Raises:
        UsageError: a start before the file, or an end that is not behind the start.
    """

    start: Fraction | None = None
    end: Fraction | None = None

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            object.__setattr__(self, name, _exact(getattr(self, name)))
        if self.start is not None and self.start < 0:
            raise UsageError(f"-ss {float(self.start):g}: a file does not begin before 0")
        if self.end is not None and self.end <= (self.start or 0):
            raise UsageError(f"the end, {float(self.end):g} s, is not behind the start, {float(self.start or 0):g} s")

    @classmethod
    def of(
        cls, *, start: Seconds | None = None, end: Seconds | None = None, duration: Seconds | None = None
    ) -> TimeRange:
        """Take ``-ss``, ``-to`` and ``-t``; as in ffmpeg a duration wins over an end, which a warning says.

        Raises:
            UsageError: see the class.
        """
        if duration is not None:
            if end is not None:
                logger.warning("-t and -to cannot be used together, -t is taken")
            end = (_exact(start) or 0) + Fraction(str(duration))
        return cls(start=_exact(start), end=_exact(end))

    def length_of(self, duration: float | None) -> float | None:
        """Seconds of it in a file that lasts so long; None where nobody knows."""
        end = duration if self.end is None else min(float(self.end), duration or float(self.end))
        return None if end is None else max(0.0, end - float(self.start or 0))

    def __str__(self) -> str:
        """Name it in messages."""
        end = "the end" if self.end is None else f"{float(self.end):g} s"
        return f"{float(self.start or 0):g} s to {end}"


def _exact(seconds: Seconds | None) -> Fraction | None:
    return None if seconds is None else Fraction(str(seconds))
