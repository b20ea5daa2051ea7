"""Values of options as ffmpeg writes them; each function is a ``type`` of :mod:`argparse`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import TypeVar

from ffhybrid.core.suggestions import did_you_mean
from ffhybrid.core.time_range import parse_time
from ffhybrid.errors import UsageError

Name = TypeVar("Name", bound=str)


def time(text: str) -> Fraction:
    """Parse a time as ffmpeg writes it: ``90``, ``1:30``, ``0:01:30.5``, ``90500ms``."""
    try:
        return parse_time(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def byte_count(text: str) -> int:
    """Parse a number of bytes with ffmpeg's suffixes: ``5000``, ``5k``, ``5Ki``."""
    units = {"": 1, "k": 1000, "K": 1000, "Ki": 1024, "M": 1_000_000, "Mi": 1 << 20}
    number = text.rstrip("kKMi")
    scale = units.get(text[len(number) :])
    if scale is None or not number.isdigit() or int(number) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bytes (5000, 5k, 5Ki)")
    return int(number) * scale


def bit_rate(text: str) -> int:
    """Parse bits a second, or bits, with ffmpeg's suffixes: ``200k``, ``1.5M``."""
    units = {"": 1, "k": 1000, "K": 1000, "M": 1_000_000, "G": 1_000_000_000}
    number = text.rstrip("kKMG")
    scale = units.get(text[len(number) :])
    try:
        rate = int(float(number) * (scale or 0))
    except (ValueError, OverflowError):
        rate = 0
    if rate < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no bitrate (200k, 1.5M)")
    return rate


def positive(text: str) -> int:
    """Parse a whole number of at least 1."""
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def natural(text: str) -> int:
    """Parse a whole number of at least 0."""
    return 0 if text == "0" else positive(text)


def positives(text: str) -> tuple[int, ...]:
    """Parse whole numbers of at least 1 with commas between them."""
    return tuple(positive(part) for part in text.split(","))


def bit_rates(text: str) -> tuple[int, ...]:
    """Parse bitrates with commas between them."""
    return tuple(bit_rate(part) for part in text.split(","))


def picture_size(text: str) -> tuple[int, int]:
    """Parse ``WxH`` as two numbers of at least 1."""
    width, separator, height = text.partition("x")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is no picture size (640x360)")
    return positive(width), positive(height)


def one_of(names: Iterable[Name]) -> Callable[[str], Name]:
    """Make a type whose values are these names; members of a StrEnum are names too."""
    known = {str(name): name for name in names}

    def parse(text: str) -> Name:
        if text not in known:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(known)}{did_you_mean(text, known)}")
        return known[text]

    return parse


def boolean(text: str) -> bool:
    """Parse ``0`` or ``1``."""
    if text not in ("0", "1"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither 0 nor 1")
    return text == "1"
