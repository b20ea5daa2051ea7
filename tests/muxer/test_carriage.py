"""Payloads and tags come out of access units as they went in, whatever stock tools put beside them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, HybridGop
from ffhybrid.errors import CorruptDataError, FFHybridError, UnsupportedError
from ffhybrid.hevc import sei
from ffhybrid.muxer.carriage import (
    BINDING_UUID,
    MAX_PAYLOAD,
    PAYLOAD_UUID,
    Carriage,
    binding_tag,
    neural_nal_units,
    placeholder_nal_units,
    split_access_unit,
)
from support import parameter_sets

SETS = parameter_sets(176, 144)
GREY = hevc.placeholder_idr(SETS, hevc.NalType.IDR_N_LP)
DELIMITER = b"\x46\x01\x50"
FOREIGN_UUID = bytes(range(16))


def gop_of(payload: bytes) -> HybridGop:
    return HybridGop(payload, SETS, AccessUnit((GREY,), 0, 1), (), Fraction(1, 25))


@given(st.binary(max_size=300) | st.lists(st.sampled_from([0, 1, 2, 3, 255]), max_size=200).map(bytes))
@settings(deadline=None)
def test_any_payload_comes_back_in_band_and_from_the_track(payload: bytes) -> None:
    gop = gop_of(payload)
    inband = split_access_unit(placeholder_nal_units(gop, Carriage.INBAND))
    assert (inband.binding, inband.payload, inband.picture) == (binding_tag(payload), payload, (GREY,))
    bound = split_access_unit(placeholder_nal_units(gop, Carriage.TRACK))
    neural = split_access_unit(neural_nal_units(gop, hevc.neural_track_parameter_sets()))
    assert (bound.binding, bound.payload) == (binding_tag(payload), None)
    assert (neural.binding, neural.payload) == (None, payload)


def test_the_carriages_differ_by_one_nal_unit() -> None:
    gop = gop_of(b"payload")
    track, inband = (placeholder_nal_units(gop, carriage) for carriage in Carriage)
    (moved,) = set(inband) - set(track)
    assert neural_nal_units(gop, hevc.neural_track_parameter_sets())[0] == moved


def test_what_tools_add_is_told_from_the_picture() -> None:
    binding, payload, grey = placeholder_nal_units(gop_of(b"payload"), Carriage.INBAND)
    foreign = sei.write_user_data(FOREIGN_UUID, b"x265")
    suffix = sei.write_picture_hash((bytes(16), bytes(16), bytes(16)))
    unit = split_access_unit([DELIMITER, payload, foreign, *SETS.nal_units, binding + b"\0\0\0", grey, suffix])
    assert (unit.binding, unit.payload) == (binding_tag(b"payload"), b"payload")
    assert unit.parameter_sets == SETS.nal_units
    assert unit.picture == (foreign, grey, suffix)


def test_a_payload_at_the_limit_passes_and_one_beyond_is_refused() -> None:
    assert split_access_unit(placeholder_nal_units(gop_of(bytes(MAX_PAYLOAD)), Carriage.INBAND)).payload is not None
    with pytest.raises(UnsupportedError, match="beyond the limit"):
        placeholder_nal_units(gop_of(bytes(MAX_PAYLOAD + 1)), Carriage.INBAND)
    with pytest.raises(CorruptDataError, match="larger than the limit"):
        split_access_unit([sei.write_user_data(PAYLOAD_UUID, bytes(MAX_PAYLOAD + 1))])


def test_a_binding_tag_of_another_length_is_refused() -> None:
    with pytest.raises(CorruptDataError, match="8 to"):
        split_access_unit([sei.write_user_data(BINDING_UUID, bytes(7))])


@given(st.lists(st.binary(max_size=60) | st.binary(max_size=60).map(lambda data: b"\x4e\x01\x05" + data), max_size=5))
@settings(deadline=None)
def test_garbage_raises_only_our_errors(nal_units: list[bytes]) -> None:
    try:
        split_access_unit(nal_units)
    except FFHybridError:
        return


def test_no_access_unit_has_thousands_of_nal_units() -> None:
    split_access_unit([DELIMITER] * hevc.MAX_NAL_UNITS)
    with pytest.raises(CorruptDataError, match="4097 NAL units"):
        split_access_unit([DELIMITER] * (hevc.MAX_NAL_UNITS + 1))
