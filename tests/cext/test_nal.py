"""NAL units and hvcC records survive writing and reading, and garbage is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffhybrid import hevc
from ffhybrid.core.buffers import crc32c
from ffhybrid.core.gop import ParameterSets
from ffhybrid.errors import CorruptDataError, UnsupportedError
from support import parameter_sets

nal_bodies = st.lists(
    st.binary(min_size=1, max_size=40).map(lambda b: b"\x02\x01" + b.replace(b"\0", b"\1")), max_size=6
)


@given(nal_bodies)
def test_splitting_undoes_joining(nals: list[bytes]) -> None:
    assert hevc.split_annexb(hevc.join_annexb(nals)) == nals
    assert hevc.split_length_prefixed(hevc.join_length_prefixed(nals)) == nals


def test_trailing_zeros_of_other_muxers_are_dropped() -> None:
    nal = b"\x02\x01\x55"
    assert hevc.split_annexb(b"\0\0\1" + nal + b"\0\0" + b"\0\0\0\1" + nal + b"\0") == [nal, nal]
    assert hevc.split_length_prefixed(b"\0\0\0\5" + nal + b"\0\0") == [nal]


@pytest.mark.parametrize("data", [b"\0", b"\0\0\0\5abc", b"\xff\xff\xff\xffabc"])
def test_a_length_past_the_end_is_refused(data: bytes) -> None:
    with pytest.raises(CorruptDataError):
        hevc.split_length_prefixed(data)


def test_hvcc_gives_the_parameter_sets_back() -> None:
    sets = parameter_sets(640, 360)
    assert hevc.read_hvcc(hevc.write_hvcc(sets)) == sets
    assert hevc.hvcc_length_size(hevc.write_hvcc(sets)) == 4


def test_hvcc_holds_several_pps() -> None:
    sets = parameter_sets(640, 360)
    two = ParameterSets(sets.vps, sets.sps, (*sets.pps, hevc.lossless_pps(sets)))
    assert hevc.read_hvcc(hevc.write_hvcc(two)) == two


def test_hvcc_may_leave_parameter_sets_to_the_stream() -> None:
    record = hevc.write_hvcc(parameter_sets(640, 360))[:22] + b"\0"
    assert hevc.read_hvcc(record) is None
    assert hevc.hvcc_length_size(record) == 4


def test_every_truncation_of_hvcc_is_refused() -> None:
    record = hevc.write_hvcc(parameter_sets(640, 360))
    for size in range(len(record)):
        with pytest.raises(CorruptDataError):
            hevc.read_hvcc(record[:size])


@pytest.mark.parametrize(
    ("width", "height", "coded"), [(1920, 1080, (1920, 1080)), (720, 406, (720, 408)), (98, 66, (104, 72))]
)
def test_sps_geometry_is_that_of_x265(width: int, height: int, coded: tuple[int, int]) -> None:
    sps = hevc.parse_sps(parameter_sets(width, height, 10).sps)
    assert (sps.width, sps.height, sps.bit_depth) == (width, height, 10)
    assert (sps.coded_width, sps.coded_height) == coded


@pytest.mark.parametrize(
    "params",
    [
        "hrd=1:vbv-maxrate=1000:vbv-bufsize=1000",
        "sar=4,3".replace(",", "\\:"),
        "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=full:chromaloc=2:videoformat=0:overscan=show",
        "scaling-list=default",
        "ref=5:bframes=8:b-pyramid=1:multi-pass-opt-rps=1",
        "ctu=16:min-cu-size=16:max-tu-size=16:tu-intra-depth=3",
    ],
)
def test_parameter_sets_of_many_options_parse_to_their_end(params: str) -> None:
    sps = hevc.parse_sps(parameter_sets(320, 240, 8, params).sps)
    assert (sps.width, sps.height) == (320, 240)


@given(st.integers(0, 200), st.integers(0, 7), st.sampled_from(["sps", "pps", "vps"]))
def test_damaged_parameter_sets_never_crash(position: int, bit: int, kind: str) -> None:
    sets = parameter_sets(640, 360)
    nals = {"vps": sets.vps, "sps": sets.sps, "pps": sets.pps[0]}
    damaged = bytearray(nals[kind])
    damaged[position % len(damaged)] ^= 1 << bit
    nals[kind] = bytes(damaged)
    try:
        damaged_sets = hevc.find_parameter_sets(nals.values())
        hevc.parse_sps(damaged_sets.sps)
        hevc.lossless_pps(damaged_sets)
        hevc.write_hvcc(damaged_sets)
    except (CorruptDataError, UnsupportedError):
        pass


@given(st.binary(max_size=300))
def test_random_bytes_never_crash_a_parser(data: bytes) -> None:
    for parse in (
        hevc.split_annexb,
        hevc.split_length_prefixed,
        hevc.read_hvcc,
        hevc.parse_sps,
        hevc.slice_pps_id,
        lambda nal: hevc.slice_type(nal, parameter_sets(640, 360)),
    ):
        with contextlib.suppress(CorruptDataError, UnsupportedError):
            parse(data)


def test_crc32c_check_value() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"") == 0
