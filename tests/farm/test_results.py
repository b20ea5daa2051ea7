"""A result is the GOP that was encoded, to the byte, or it is nothing."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm_jobs import ENVIRONMENT, GOP, JOB, REPORT
from ffhybrid.core.gop import AccessUnit, HybridGop
from ffhybrid.errors import CorruptDataError
from ffhybrid.farm.results import MAGIC, Result


def test_a_gop_comes_back_with_its_time_base_and_every_duration() -> None:
    result = Result.of(JOB, GOP, REPORT, ENVIRONMENT, seconds=1.2345)
    again = Result.from_bytes(result.to_bytes(), JOB)
    assert again == result
    assert again.gop == GOP
    assert again.report.gop == REPORT
    assert again.report.seconds == 1.234


def test_the_sha256_of_the_gop_does_not_depend_on_the_time_it_took() -> None:
    quick, slow = (Result.of(JOB, GOP, REPORT, ENVIRONMENT, seconds=seconds) for seconds in (1, 9))
    assert quick.report.sha256 == slow.report.sha256
    assert quick.to_bytes() != slow.to_bytes()


units = st.builds(
    AccessUnit,
    st.lists(st.binary(max_size=40), max_size=4).map(tuple),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.integers(0, (1 << 63) - 1),
)


@settings(max_examples=60, deadline=None)
@given(
    payload=st.binary(max_size=300),
    placeholder=units,
    inter=st.lists(units, max_size=5).map(tuple),
    base=st.builds(Fraction, st.integers(1, (1 << 31) - 1), st.integers(1, (1 << 31) - 1)),
)
def test_any_gop_comes_back(
    payload: bytes, placeholder: AccessUnit, inter: tuple[AccessUnit, ...], base: Fraction
) -> None:
    gop = HybridGop(payload, GOP.parameter_sets, placeholder, inter, base)
    assert Result.from_bytes(Result.of(JOB, gop, REPORT, ENVIRONMENT, seconds=0).to_bytes(), JOB).gop == gop


def test_the_result_of_another_job_is_refused() -> None:
    data = Result.of(JOB, GOP, REPORT, ENVIRONMENT, seconds=1).to_bytes()
    with pytest.raises(CorruptDataError, match="another job"):
        Result.from_bytes(data, replace(JOB, is_native_idr=True))


@settings(max_examples=80, deadline=None)
@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found(position: int, bit: int) -> None:
    data = bytearray(Result.of(JOB, GOP, REPORT, ENVIRONMENT, seconds=1).to_bytes())
    data[position % len(data)] ^= 1 << bit
    with pytest.raises(CorruptDataError, match="GOP 3"):
        Result.from_bytes(bytes(data), JOB)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_forged_result_is_an_error_and_nothing_worse(data: st.DataObject) -> None:
    """With the right SHA-256, so that it is the parser that has to find out."""
    body = bytearray(Result.of(JOB, GOP, REPORT, ENVIRONMENT, seconds=1).to_bytes()[len(MAGIC) + 32 :])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    with suppress(CorruptDataError):
        Result.from_bytes(MAGIC + hashlib.sha256(cut).digest() + cut, JOB)
