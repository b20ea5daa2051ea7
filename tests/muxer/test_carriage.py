"""Payloads and tags come out of access units as they went in, whatever stock tools put beside them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ffhybrid
from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, HybridGop
from ffhybrid.errors import CorruptDataError, FFHybridError, UnsupportedError
from ffhybrid.hevc import sei
from ffhybrid.muxer.carriage import (
    BINDING_UUID,
    HASH_UUID,
    MAX_PAYLOAD,
    PAYLOAD_UUID,
    Carriage,
    GopCarrier,
    binding_tag,
    hidden_hash,
    neural_nal_units,
    shown_hash,
    split_access_unit,
    stripped_access_units,
)
from ffhybrid.muxer.statement import HYBRID_STATEMENT, STATEMENT_UUID, restored_statement, write_statement
from support import parameter_sets

SETS = parameter_sets(176, 144)
GREY = hevc.placeholder_idr(SETS, hevc.NalType.IDR_N_LP)
DELIMITER = b"\x46\x01\x50"
FOREIGN_UUID = bytes(range(16))


def gop_of(payload: bytes) -> HybridGop:
    return HybridGop(payload, SETS, AccessUnit((GREY,), 0, 1), (), Fraction(1, 25))


def placeholder_nal_units(gop: HybridGop, carriage: Carriage) -> tuple[bytes, ...]:
    """The placeholder as it is in the second GOP of a file, and all that follow."""
    carrier = GopCarrier(carriage)
    carrier.access_units(gop)
    return carrier.access_units(gop)[0].nal_units


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


@pytest.mark.parametrize("carriage", Carriage)
def test_picture_hashes_travel_as_user_data_and_come_back_byte_for_byte(
    gops: list[HybridGop], carriage: Carriage
) -> None:
    """The P and B pictures of x265, each with its hash, in sub-layers of their own too."""
    (first, *_), carried = gops, GopCarrier(carriage).access_units(gops[0])
    sublayer = replace(first.inter[0], nal_units=tuple(nal[:1] + b"\x02" + nal[2:] for nal in first.inter[0].nal_units))
    for unit, theirs in zip(first.inter, carried[1:], strict=True):
        assert any(map(sei.is_picture_hash, unit.nal_units))
        assert not any(map(sei.is_picture_hash, theirs.nal_units))
        assert split_access_unit(theirs.nal_units).picture == unit.nal_units
        assert theirs.size == unit.size + sei.UUID_SIZE
    hidden = [hidden_hash(nal) for nal in sublayer.nal_units]
    assert hidden != list(sublayer.nal_units)
    assert tuple(map(shown_hash, hidden)) == sublayer.nal_units


def test_stripped_pictures_have_no_hashes_in_either_form(gops: list[HybridGop]) -> None:
    (binding, *placeholder), *inter = (unit.nal_units for unit in stripped_access_units(gops[0]))
    assert split_access_unit([binding]).binding == binding_tag(gops[0].payload)
    assert tuple(placeholder) == gops[0].placeholder.nal_units
    assert inter == [tuple(filter(hevc.is_slice, unit.nal_units)) for unit in gops[0].inter]


def test_a_hidden_hash_of_another_length_is_refused() -> None:
    message = HASH_UUID + bytes(48)
    wrong = sei.write_message(sei.USER_DATA_UNREGISTERED_PAYLOAD_TYPE, message, kind=hevc.NalType.SUFFIX_SEI)
    with pytest.raises(CorruptDataError, match="48 bytes, not 49"):
        split_access_unit([GREY, wrong])


def test_the_first_gop_says_what_the_file_is_and_no_other(gops: list[HybridGop]) -> None:
    carrier = GopCarrier(Carriage.TRACK)
    first, second = (split_access_unit(carrier.access_units(gop)[0].nal_units) for gop in gops[:2])
    assert (first.statement, second.statement) == (HYBRID_STATEMENT, None)
    assert (first.placeholder, second.placeholder) == (gops[0].placeholder.nal_units, gops[1].placeholder.nal_units)
    assert len(write_statement(HYBRID_STATEMENT)) <= 120
    assert HYBRID_STATEMENT.startswith(f"ffhybrid {ffhybrid.__version__} hybrid file")


def test_restored_streams_name_their_generators() -> None:
    said = f"restored by ffhybrid {ffhybrid.__version__}"
    assert restored_statement([]) == said
    assert restored_statement(["overfit"]) == f"{said}, keyframes generated by overfit"
    assert restored_statement(["overfit", "vae"]) == f"{said}, keyframes generated by overfit and vae"


@pytest.mark.parametrize("words", [b"", b"two\nlines", b"\xff", b"x" * 256])
def test_words_that_are_no_line_are_not_shown(words: bytes) -> None:
    unit = split_access_unit([sei.write_user_data(STATEMENT_UUID, words), GREY])
    assert (unit.statement, unit.picture) == (None, (GREY,))


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
