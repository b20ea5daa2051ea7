"""Exact timestamps of a GOP beside its binding tag, for containers that round them.

Matroska counts milliseconds here and after every stock tool, which no 23.976 fps is a multiple of. A GOP whose times
are no whole milliseconds therefore says them itself: its time base, its start, and how long each picture is shown.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import lcm

from ffhybrid.core import leb128
from ffhybrid.core.gop import AccessUnit, HybridGop
from ffhybrid.errors import CorruptDataError

MAX_PICTURES = 1 << 16
MILLISECOND = Fraction(1, 1000)
_CONSTANT, _DEFLATED = 0, 1
_LIMIT = 1 << 34
_RAW_DEFLATE = -15


@dataclass(frozen=True, slots=True)
class Timing:
    """Start and durations of a GOP's pictures, in order of presentation, in units of ``time_base``."""

    time_base: Fraction
    start: int
    durations: tuple[int, ...]


def timing_of(gop: HybridGop) -> Timing | None:
    """Exact times of a GOP, None where whole milliseconds, or too large numbers, tell nothing more."""
    units = sorted(gop.access_units, key=lambda unit: unit.pts)
    starts = [unit.pts for unit in units]
    if all((pts * gop.time_base / MILLISECOND).denominator == 1 for pts in starts):
        return None
    ends = [*starts[1:], starts[-1] + units[-1].duration]
    durations = tuple(end - start for start, end in zip(starts, ends, strict=True))
    numbers = (gop.time_base.numerator, gop.time_base.denominator, abs(starts[0]), *durations)
    if max(numbers) >= _LIMIT or min(durations) < 0 or len(units) > MAX_PICTURES:
        return None
    return Timing(gop.time_base, starts[0], durations)


def write_timing(timing: Timing | None) -> bytes:
    """Serialise; nothing for None."""
    if timing is None:
        return b""
    base, count = timing.time_base, len(timing.durations)
    numbers = (base.numerator, base.denominator, leb128.zigzag(timing.start), count)
    head = b"".join(map(leb128.encode, numbers))
    if len(set(timing.durations)) == 1:
        return head + bytes([_CONSTANT]) + leb128.encode(timing.durations[0])
    listed = b"".join(map(leb128.encode, timing.durations))
    return head + bytes([_DEFLATED]) + zlib.compress(listed, 9, _RAW_DEFLATE)


def read_timing(data: bytes) -> Timing | None:
    """Parse what :func:`write_timing` wrote.

    Raises:
        CorruptDataError: anything else.
    """
    if not data:
        return None
    (numerator, denominator, start, count), position = leb128.decode_all(data, 0, 4)
    if not numerator or not denominator or not 0 < count <= MAX_PICTURES or position >= len(data):
        raise CorruptDataError("the timing of a GOP is damaged")
    durations = _read_durations(data[position:], count)
    return Timing(Fraction(numerator, denominator), leb128.unzigzag(start), durations)


def _read_durations(data: bytes, count: int) -> tuple[int, ...]:
    kind, rest = data[0], data[1:]
    if kind == _CONSTANT:
        duration, end = leb128.decode(rest, 0)
        durations = [duration] * count
    elif kind == _DEFLATED:
        rest = _inflated(rest, count * leb128.MAX_BYTES)
        durations, end = leb128.decode_all(rest, 0, count)
    else:
        raise CorruptDataError(f"the timing of a GOP is of an unknown kind, {kind}")
    if end != len(rest):
        raise CorruptDataError("the timing of a GOP has bytes too many")
    return tuple(durations)


def _inflated(data: bytes, most: int) -> bytes:
    inflater = zlib.decompressobj(_RAW_DEFLATE)
    try:
        inflated = inflater.decompress(data, most)
    except zlib.error as error:
        raise CorruptDataError(f"the timing of a GOP does not inflate: {error}") from error
    if not inflater.eof or inflater.unused_data:
        raise CorruptDataError("the timing of a GOP is longer than its pictures")
    return inflated


class ExactTimes:
    """Puts exact times back, GOP after GOP, where those of the container are the same but for rounding."""

    def __init__(self) -> None:
        self._end: Fraction | None = None

    def apply(self, gop: HybridGop, timing: Timing | None) -> HybridGop:
        """Replace the timestamps of a GOP by its exact ones, or leave them as they are where they say other things.

        In a file that was moved in time a GOP begins where the one before ended; the first one where it lies.
        """
        rounding = gop.time_base + MILLISECOND
        moved = self._moved(gop, timing, rounding) if timing else None
        if moved is None or timing is None:
            self._end = None
            return gop
        start, indices = moved
        base = Fraction(1, lcm(start.denominator, timing.time_base.denominator))
        scale = timing.time_base / base
        times = [start / base + at * scale for at in _starts(timing)]
        units = [
            AccessUnit(unit.nal_units, int(times[index]), int(timing.durations[index] * scale))
            for unit, index in zip(gop.access_units, indices, strict=True)
        ]
        self._end = start + sum(timing.durations) * timing.time_base
        return HybridGop(gop.payload, gop.parameter_sets, units[0], tuple(units[1:]), base)

    def _moved(self, gop: HybridGop, timing: Timing, rounding: Fraction) -> tuple[Fraction, list[int]] | None:
        """Where the GOP begins exactly, and the index of each of its pictures in order of presentation."""
        shown = gop.placeholder.pts * gop.time_base
        start = exact_start(shown, timing, rounding=rounding, end=self._end)
        exact = [start + at * timing.time_base for at in _starts(timing)]
        found = [unit.pts * gop.time_base for unit in gop.access_units]
        indices = _ranks(found) if len(found) == len(exact) else _nearest(found, exact)
        if len(set(indices)) < len(indices):
            return None
        fits = all(abs(exact[index] - time) <= rounding for index, time in zip(indices, found, strict=True))
        return (start, indices) if fits else None


def exact_start(shown: Fraction, timing: Timing, *, rounding: Fraction, end: Fraction | None = None) -> Fraction:
    """Say when a GOP begins that a container shows at a time; ``end`` is where the one before ended, where known."""
    wanted = (timing.start * timing.time_base, end)
    return next((time for time in wanted if time is not None and abs(time - shown) <= rounding), shown)


def _starts(timing: Timing) -> list[int]:
    return list(accumulate(timing.durations[:-1], initial=0))


def _ranks(times: Sequence[Fraction]) -> list[int]:
    order = sorted(range(len(times)), key=times.__getitem__)
    ranks = [0] * len(times)
    for rank, index in enumerate(order):
        ranks[index] = rank
    return ranks


def _nearest(times: Sequence[Fraction], exact: Sequence[Fraction]) -> list[int]:
    return [min(range(len(exact)), key=lambda index: abs(exact[index] - time)) for time in times]
