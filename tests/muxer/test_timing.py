"""Exact timestamps come back from containers that round them, and only where they are the same times."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.errors import CorruptDataError
from ffhybrid.muxer.libav.decode_times import DecodeTimes
from ffhybrid.muxer.timing import ExactTimes, Timing, read_timing, timing_of, write_timing

SETS = ParameterSets(b"", b"", ())
FILM = Fraction(1, 24000)
MILLISECOND = Fraction(1, 1000)
ORDER = [0, 4, 2, 1, 3]
"""Decoding order of five pictures."""


def gop_of(starts: list[int], base: Fraction, last: int) -> HybridGop:
    ends = [*starts[1:], starts[-1] + last]
    units = [AccessUnit((b"x",), starts[i], ends[i] - starts[i]) for i in ORDER]
    return HybridGop(b"", SETS, units[0], tuple(units[1:]), base)


def film(start: int) -> HybridGop:
    return gop_of([start + 1001 * i for i in range(5)], FILM, 1001)


def rounded(gop: HybridGop, *, moved: Fraction = Fraction(0)) -> HybridGop:
    """What Matroska keeps of a GOP."""

    def milliseconds(unit: AccessUnit) -> AccessUnit:
        return replace(unit, pts=round((unit.pts * gop.time_base + moved) / MILLISECOND), duration=42)

    units = [milliseconds(unit) for unit in gop.access_units]
    return HybridGop(gop.payload, SETS, units[0], tuple(units[1:]), MILLISECOND)


def seconds(gop: HybridGop) -> list[tuple[Fraction, Fraction]]:
    return [(unit.pts * gop.time_base, unit.duration * gop.time_base) for unit in gop.access_units]


def test_rounded_times_become_exact_again() -> None:
    times = ExactTimes()
    for start in (0, 5005, 10010):
        gop = film(start)
        assert seconds(times.apply(rounded(gop), timing_of(gop))) == seconds(gop)


def test_a_moved_file_keeps_exact_distances() -> None:
    times = ExactTimes()
    gops = [film(start) for start in (5005, 10010)]
    found = [times.apply(rounded(gop, moved=Fraction(7)), timing_of(gop)) for gop in gops]
    shown = sorted(time for gop in found for time, _ in seconds(gop))
    assert {later - earlier for earlier, later in pairwise(shown)} == {1001 * FILM}
    assert abs(shown[0] - 7 - 5005 * FILM) <= MILLISECOND / 2


def test_a_cut_gop_keeps_the_times_of_its_pictures() -> None:
    gop = film(0)
    shorter = rounded(gop)
    shorter = replace(shorter, inter=(shorter.inter[1], shorter.inter[3]))
    assert seconds(ExactTimes().apply(shorter, timing_of(gop))) == [seconds(gop)[i] for i in (0, 2, 4)]


def test_times_that_somebody_changed_are_left_alone() -> None:
    gop = film(0)
    slower = gop_of([80 * i for i in range(5)], MILLISECOND, 80)
    assert ExactTimes().apply(slower, timing_of(gop)) == slower


def test_whole_milliseconds_need_no_more_bytes() -> None:
    assert write_timing(timing_of(gop_of([40 * i for i in range(5)], MILLISECOND, 40))) == b""
    assert write_timing(timing_of(gop_of([512 * i for i in range(5)], Fraction(1, 12800), 512))) == b""
    assert len(write_timing(timing_of(film(240240)))) <= 12


@settings(deadline=None)
@given(
    st.integers(-(2**33), 2**33),
    st.lists(st.integers(0, 2**30), min_size=1, max_size=300),
    st.integers(1, 10**6),
)
def test_every_timing_reads_back(start: int, durations: list[int], rate: int) -> None:
    timing = Timing(Fraction(1, rate), start, tuple(durations))
    assert read_timing(write_timing(timing)) == timing


def test_film_in_ticks_of_mpeg_takes_few_bytes() -> None:
    starts = [round(Fraction(i * 1001, 24000) * 90000) for i in range(121)]
    durations = tuple(later - earlier for earlier, later in pairwise(starts))
    assert len(write_timing(Timing(Fraction(1, 90000), 126000, durations))) < 40


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=60))
def test_damage_is_an_error_or_a_timing(data: bytes) -> None:
    try:
        timing = read_timing(data)
    except CorruptDataError:
        return
    assert timing is not None


def test_a_bomb_does_not_inflate() -> None:
    bomb = write_timing(Timing(FILM, 0, tuple(accumulate([1] * 60000))))
    cut = bytearray(bomb)
    cut[6:8] = b"\x02\x01"
    with pytest.raises(CorruptDataError):
        read_timing(bytes(cut))


def test_decoding_times_are_squeezed_above_a_floor() -> None:
    times = DecodeTimes(floor=0)
    first = times.of([0, 400, 200, 100, 300])
    assert first == sorted(set(first))
    assert first[0] == 0
    assert all(decoded <= shown for decoded, shown in zip(first, [0, 400, 200, 100, 300], strict=True))
    assert times.of([500, 900, 700, 600, 800])[0] > first[-1]
