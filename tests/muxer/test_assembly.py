"""GOPs and payloads find each other in any order a remuxer leaves, in bounded memory."""

from __future__ import annotations

import logging
from fractions import Fraction

import pytest

from ffhybrid.core.gop import AccessUnit, ParameterSets
from ffhybrid.errors import CorruptDataError
from ffhybrid.muxer.carriage import CarriedUnit, binding_tag
from ffhybrid.muxer.reading.gop_assembly import MAX_WAITING_GOPS, FoundGop, GopAssembler

SETS = ParameterSets(b"", b"", ())
IDR, TRAIL = b"\x28\x01\x00", b"\x02\x01\x00"


def assembler() -> GopAssembler:
    return GopAssembler(name="file", time_base=Fraction(1, 25))


def begin(gops: GopAssembler, number: int, payload: bytes, *, inband: bool = False) -> None:
    unit = CarriedUnit(binding_tag(payload), payload if inband else None, (), (IDR,))
    gops.begin(unit, AccessUnit((IDR,), 25 * number, 1), SETS)
    gops.add_picture(AccessUnit((TRAIL,), 25 * number + 1, 1))


def payloads(found: list[FoundGop]) -> list[bytes]:
    return [item.gop.payload for item in found if item.gop]


def test_a_gop_is_given_when_the_next_begins() -> None:
    gops = assembler()
    begin(gops, 0, b"a", inband=True)
    assert list(gops.complete()) == []
    begin(gops, 1, b"b", inband=True)
    assert payloads(list(gops.complete())) == [b"a"]
    assert payloads(list(gops.finish())) == [b"b"]


def test_an_early_gop_is_given_with_the_picture_behind_its_keyframe() -> None:
    gops = GopAssembler(name="file", time_base=Fraction(1, 25), early=lambda _: 2)
    gops.begin(CarriedUnit(binding_tag(b"a"), None, (), (IDR,)), AccessUnit((IDR,), 0, 1), SETS)
    gops.add_payload(b"a")
    assert list(gops.complete()) == []
    gops.add_picture(AccessUnit((TRAIL,), 1, 1))
    assert payloads(list(gops.complete())) == [b"a"]
    begin(gops, 1, b"b")
    assert list(gops.complete()) == []
    gops.add_payload(b"b")
    assert payloads(list(gops.complete())) == [b"b"]
    assert list(gops.finish()) == []


def test_a_payload_may_come_before_its_gop_and_after() -> None:
    gops = assembler()
    gops.add_payload(b"a")
    begin(gops, 0, b"a")
    begin(gops, 1, b"b")
    assert payloads(list(gops.complete())) == [b"a"]
    begin(gops, 2, b"c")
    gops.add_payload(b"c")
    assert list(gops.complete()) == []
    gops.add_payload(b"b")
    assert payloads(list(gops.finish())) == [b"b", b"c"]


def test_repeated_content_shares_a_payload_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    gops = assembler()
    found: list[FoundGop] = []
    with caplog.at_level(logging.WARNING):
        for number in range(4):
            begin(gops, number, b"same", inband=True)
            found += gops.complete()
        found += gops.finish()
    assert payloads(found) == [b"same"] * 4
    assert caplog.text == ""


def test_waiting_for_a_payload_ends(caplog: pytest.LogCaptureFixture) -> None:
    gops = assembler()
    for number in range(MAX_WAITING_GOPS):
        begin(gops, number, b"%d" % number)
        assert list(gops.complete()) == []
    begin(gops, MAX_WAITING_GOPS, b"x")
    with pytest.raises(CorruptDataError, match=r"file: GOP 0 at 0\.000 s has no payload"):
        list(gops.complete())


def test_orphans_are_dropped_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    gops = assembler()
    with caplog.at_level(logging.WARNING):
        gops.add_payload(b"of a GOP that was cut away")
        gops.add_picture(AccessUnit((TRAIL,), -1, 1))
        begin(gops, 0, b"a", inband=True)
        begin(gops, 1, b"its payload was cut away")
        assert payloads(list(gops.finish())) == [b"a"]
    for message in ("before the first keyframe", "GOP 1 at 1.000 s has no payload", "a payload without its GOP"):
        assert message in caplog.text


def test_payloads_without_gops_take_no_more_and_more_memory(caplog: pytest.LogCaptureFixture) -> None:
    gops = assembler()
    with caplog.at_level(logging.WARNING):
        for number in range(100):
            gops.add_payload(b"%d" % number)
    assert len(gops._payloads) <= 2 * MAX_WAITING_GOPS
    assert "without its GOP" in caplog.text


def test_a_keyframe_without_a_binding_tag_among_hybrid_ones_is_an_error() -> None:
    gops = assembler()
    begin(gops, 0, b"a", inband=True)
    with pytest.raises(CorruptDataError, match=r"file: GOP 1 at 1\.000 s is no hybrid GOP"):
        gops.begin(CarriedUnit(None, None, (), (IDR,)), AccessUnit((IDR,), 25, 1), SETS)


def test_a_file_without_a_whole_gop_is_an_error() -> None:
    gops = assembler()
    with pytest.raises(CorruptDataError, match="no GOP is complete"):
        list(gops.finish())
