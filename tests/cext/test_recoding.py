"""Slices moved to compact parameter sets decode to x265's own picture hashes, in fewer bytes."""

from __future__ import annotations

import contextlib
from functools import cache
from itertools import islice

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, ParameterSets
from ffhybrid.errors import CorruptDataError, UnsupportedError
from ffhybrid.hevc.compact_parameter_sets import LOSSLESS_PPS_ID, LOSSY_PPS_ID, SliceRecoder, compact_parameter_sets
from ffhybrid.hevc.decoding import decode_access_units
from support import clip

PICTURES, LONG = 8, 60
FLAGGED = "cu-lossless=1:hash=1:sao=0:slices=1:aud=0:info=0:log-level=error"
BLOCKS = (
    "ctu=64:wpp=0",
    "ctu=16:wpp=1",
    "ctu=32:min-cu-size=16:wpp=1:max-tu-size=16",
    "min-cu-size=32:amp=1:rect=1",
    "tu-inter-depth=4:tu-intra-depth=4:limit-tu=0",
    "qg-size=8:aq-mode=3:aq-strength=3",
    "tskip=1:signhide=0",
)
REFERENCES = (
    "bframes=16:b-adapt=0:ref=1",
    "bframes=16:b-adapt=0:ref=7:b-pyramid=1",
    "bframes=3:b-adapt=0:ref=5:b-pyramid=0",
    "bframes=8:b-adapt=2:ref=5:rc-lookahead=60",
    "bframes=0:ref=5:weightp=0",
)
PREDICTION = (
    "bframes=0:ref=1:max-merge=1",
    "bframes=8:ref=5:max-merge=5:weightb=1",
    "constrained-intra=1:b-intra=1:temporal-mvp=0",
    "cbqpoffs=3:crqpoffs=-3:deblock=-2,1",
)


@cache
def x265_stream(
    params: str, *, crf: int = 30, pix_fmt: str = "yuv420p", pictures: int = PICTURES
) -> tuple[ParameterSets, tuple[AccessUnit, ...]]:
    """Encode pictures of a real clip, every block with a flag that it is not lossless."""
    with av.open(str(clip("carphone_pristine.mp4"))) as source:
        frames = [frame.reformat(format=pix_fmt) for frame in islice(source.decode(video=0), pictures)]
    encoder = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frames[0].width, frames[0].height, pix_fmt
    encoder.time_base, encoder.framerate = frames[0].time_base, 30
    encoder.flags |= av.codec.context.Flags.global_header
    encoder.options = {"preset": "slow", "crf": str(crf), "x265-params": f"{FLAGGED}:{params}"}
    encoder.open()
    packets = [packet for frame in (*frames, None) for packet in encoder.encode(frame)]
    sets = hevc.find_parameter_sets(hevc.split_annexb(bytes(encoder.extradata)))
    return sets, tuple(AccessUnit(tuple(hevc.split_annexb(bytes(packet))), 0, 0) for packet in packets)


def assert_exact(sets: ParameterSets, units: tuple[AccessUnit, ...]) -> list[AccessUnit]:
    """Decode under the stream's parameter sets, where a picture that differs from x265's hash is an error."""
    recoder = SliceRecoder(sets)
    moved = [recoder.unit(unit) for unit in units]
    assert len(list(decode_access_units((unit.nal_units for unit in moved), compact_parameter_sets(sets)))) == len(
        units
    )
    return moved


def pps_ids(units: list[AccessUnit]) -> list[int]:
    return [hevc.slice_pps_id(nal) for unit in units for nal in unit.nal_units if hevc.is_slice(nal)]


@pytest.mark.parametrize("params", BLOCKS + PREDICTION)
def test_pictures_keep_every_sample_and_lose_bytes(params: str) -> None:
    sets, units = x265_stream(params)
    moved = assert_exact(sets, units)
    assert pps_ids(moved) == [LOSSY_PPS_ID] * PICTURES
    assert all(after.size < before.size for after, before in zip(moved, units, strict=True))


def test_ten_bits_keep_every_sample() -> None:
    assert_exact(*x265_stream("wpp=0", pix_fmt="yuv420p10le"))


def test_pictures_with_lossless_blocks_keep_their_flags() -> None:
    sets, units = x265_stream("wpp=1", crf=4)
    moved = assert_exact(sets, units)
    assert LOSSLESS_PPS_ID in pps_ids(moved)


@pytest.mark.parametrize("params", REFERENCES)
def test_pictures_refer_to_what_they_referred_to(params: str) -> None:
    sets, units = x265_stream(f"{params}:cu-lossless=0", pictures=LONG)
    moved = assert_exact(sets, units)
    assert sum(unit.size for unit in moved) < sum(unit.size for unit in units)


def test_headers_of_the_usual_structure_lose_a_byte_a_picture_and_more() -> None:
    sets, units = x265_stream("cu-lossless=0:bframes=8:ref=5:rc-lookahead=60", crf=40, pictures=LONG)
    moved = assert_exact(sets, units)
    assert sum(before.size - after.size for before, after in zip(units, moved, strict=True)) > 1.5 * LONG


def test_the_streams_parameter_sets_do_not_depend_on_who_wrote_them() -> None:
    with_flags, _ = x265_stream("ctu=64:wpp=0")
    without, _ = x265_stream("ctu=64:wpp=0:cu-lossless=0")
    assert with_flags.pps != without.pps
    assert compact_parameter_sets(with_flags) == compact_parameter_sets(without)


def test_tools_that_the_recoder_does_not_read_are_refused() -> None:
    sets, units = x265_stream("sao=1")
    recoder = SliceRecoder(sets)
    with pytest.raises(UnsupportedError, match="sample adaptive offset"):
        recoder.unit(units[0])


@given(st.integers(0, PICTURES - 1), st.integers(2, 10_000), st.integers(0, 7))
def test_damaged_slices_never_crash(picture: int, position: int, bit: int) -> None:
    sets, units = x265_stream("ctu=16:wpp=1")
    nal = bytearray(units[picture].nal_units[0])
    nal[2 + position % (len(nal) - 2)] ^= 1 << bit
    with contextlib.suppress(CorruptDataError, UnsupportedError):
        SliceRecoder(sets).unit(AccessUnit((bytes(nal),), 0, 0))


@given(st.integers(0, PICTURES - 1), st.floats(0, 1))
def test_cut_slices_are_never_coded_anew(picture: int, share: float) -> None:
    sets, units = x265_stream("ctu=64:wpp=0")
    nal = units[picture].nal_units[0]
    cut = nal[: max(2, min(int(share * len(nal)), len(nal) - 4))]
    with contextlib.suppress(CorruptDataError):
        copied = SliceRecoder(sets).unit(AccessUnit((cut,), 0, 0))
        assert pps_ids([copied]) == [LOSSLESS_PPS_ID]
