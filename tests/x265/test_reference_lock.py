"""x265 keeps exactly the keyframe it is given, whatever the preset, or the encode fails loudly."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from ffhybrid import hevc
from ffhybrid.core import fixups
from ffhybrid.core.frames import PIXEL_FORMATS
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.errors import EncoderError, UsageError
from ffhybrid.filters import Likeness
from ffhybrid.hevc import sei
from ffhybrid.restorer.generators import create
from ffhybrid.x265.encoding import encode_gop
from ffhybrid.x265.lambda_tables import lambda_tables
from ffhybrid.x265.options import (
    HIGHEST_CRF,
    HIGHEST_X265_CRF,
    PRESETS,
    QUANTISER_CAP,
    TUNES,
    Thoroughness,
    X265Options,
    parse_x265_params,
)
from ffhybrid.x265.reference_lock import ENOUGH, LockWindow, encode_locked
from support import first_gop


def thumbnail_of(gop: SourceGop) -> Picture:
    thumbnail = create("thumbnail", scale=2)
    latent = thumbnail.fit(Likeness(gop.picture(0)), gop.spec, budget=None, warm_start=None, progress=None)
    return thumbnail.generate(latent, gop.spec)


@pytest.fixture(scope="module")
def gop(tmp_path_factory: pytest.TempPathFactory) -> SourceGop:
    return first_gop("carphone_pristine.mp4", 6, tmp_path_factory.mktemp("frames"))


@pytest.fixture(scope="module")
def keyframe(gop: SourceGop) -> Picture:
    return thumbnail_of(gop)


@pytest.mark.parametrize("preset", PRESETS[:8])
def test_every_preset_keeps_the_keyframe(gop: SourceGop, keyframe: Picture, preset: str) -> None:
    locked = encode_locked(gop, keyframe, X265Options(crf=32, preset=preset))
    assert locked.fixup_count <= ENOUGH
    assert fixups.apply(keyframe.padded(176, 144), locked.fixups).same_samples(locked.keyframe)


@pytest.mark.parametrize(
    "params", ["aq-mode=3:aq-strength=2", "bframes=0", "wpp=1", "ref=5:bframes=8", "rd=6", "min-cu-size=32"]
)
def test_options_of_the_user_keep_the_lock(gop: SourceGop, keyframe: Picture, params: str) -> None:
    locked = encode_locked(gop, keyframe, X265Options(crf=34, params=parse_x265_params(params)))
    assert locked.fixup_count <= 4 * ENOUGH


@pytest.mark.parametrize("tune", TUNES)
def test_tunings_keep_the_lock(gop: SourceGop, keyframe: Picture, tune: str) -> None:
    assert encode_locked(gop, keyframe, X265Options(crf=34, tune=tune)).fixup_count <= 4 * ENOUGH


@pytest.mark.parametrize("tune", ["grain", "zerolatency"])
def test_tunings_that_break_the_lock_are_refused(tune: str) -> None:
    with pytest.raises(UsageError, match="reference lock"):
        X265Options(tune=tune)


def test_a_lock_that_fails_is_an_error(gop: SourceGop, keyframe: Picture) -> None:
    with pytest.raises(EncoderError, match="does not keep the keyframe"):
        encode_locked(gop, keyframe, X265Options(crf=30, params={"cutree": "0"}))


def test_where_transforms_cannot_be_skipped_blocks_are_lossless(gop: SourceGop, keyframe: Picture) -> None:
    skipping, lossless = encode_locked(gop, keyframe, X265Options(crf=30, params={"min-cu-size": "32"})).windows
    assert skipping[0].skips_transform and skipping[1] > ENOUGH
    assert not lossless[0].skips_transform and lossless[1] <= ENOUGH


def test_both_ways_to_keep_a_keyframe_and_x265s_own_have_the_same_parameter_sets(
    gop: SourceGop, keyframe: Picture
) -> None:
    skipping = encode_locked(gop, keyframe, X265Options(crf=30)).coded
    lossless = encode_gop(gop, X265Options(crf=30), params=LockWindow(14, 0, 18).params, keyframe=keyframe)
    native = encode_gop(gop, X265Options(crf=30), params={})
    assert skipping.parameter_sets == lossless.parameter_sets == native.parameter_sets


def test_x265s_own_words_are_in_the_error(gop: SourceGop, keyframe: Picture) -> None:
    with pytest.raises(EncoderError, match="ref"):
        encode_locked(gop, keyframe, X265Options(params={"ref": "99"}))


def test_access_units_carry_source_timestamps_and_hashes(gop: SourceGop, keyframe: Picture) -> None:
    locked = encode_locked(gop, keyframe, X265Options(crf=32))
    assert sorted(unit.pts for unit in locked.coded.inter) == list(gop.pts[1:])
    assert all(any(map(sei.is_picture_hash, unit.nal_units)) for unit in locked.coded.inter)
    assert {hevc.slice_type(unit.nal_units[0], locked.coded.parameter_sets) for unit in locked.coded.inter} <= {
        "P",
        "B",
    }


@pytest.mark.parametrize("filters", ["scale=320:136", pytest.param("null", marks=pytest.mark.slow)])
def test_a_higher_crf_takes_fewer_bytes_beyond_the_quantiser_cap_too(tmp_path: Path, filters: str) -> None:
    gop = first_gop("bikes.mp4", 24, tmp_path, filters=filters)
    keyframe = thumbnail_of(gop)
    crfs = (40, QUANTISER_CAP, 48, HIGHEST_X265_CRF, HIGHEST_CRF)
    encodes = [encode_locked(gop, keyframe, X265Options(crf=crf)) for crf in crfs]
    assert all(encode.fixup_count <= ENOUGH for encode in encodes)
    assert all(higher.size < lower.size for lower, higher in pairwise(encodes))


def test_only_the_hybrid_tuning_weighs_bits_more() -> None:
    assert X265Options(crf=48).x265_crf == QUANTISER_CAP
    assert X265Options(crf=48, tune="psnr").x265_crf == 48
    assert X265Options(crf=55, tune="psnr").lambda_offset == 55 - HIGHEST_X265_CRF


def test_thoroughness_changes_what_the_tuning_adds_to_presets_from_medium_on() -> None:
    def params(preset: str, thoroughness: Thoroughness) -> str:
        options = X265Options(preset=preset, thoroughness=thoroughness)
        return options.codec_options({}, PictureSpec(640, 360))["x265-params"]

    least, usual, most = (params("medium", each) for each in Thoroughness)
    assert ("rd=5" in least, "rd=5" in usual, "rskip=0" in usual, "rskip=0" in most) == (False, True, False, True)
    assert params("slower", Thoroughness.BY_PRESET) == params("slower", Thoroughness.MOST)
    assert params("fast", Thoroughness.LEAST) == params("fast", Thoroughness.MOST)


def test_the_lambda_tables_are_those_of_x265_outside_the_window() -> None:
    first, second = lambda_tables(bit_depth=8, locking=LockWindow(14, 0, 18).qps).splitlines()
    lambdas, squares = [float(v) for v in first.split(",")], [float(v) for v in second.split(",")]
    assert len(lambdas) == len(squares) == 70
    assert (lambdas[18], squares[18]) == (10.0, 0.004)
    assert lambdas[30] == pytest.approx(8.0)
    assert squares[19] == pytest.approx(3.24, rel=0.01)


@pytest.mark.parametrize("depth", [8, 10])
def test_tables_without_changes_are_those_of_x265(depth: int, tmp_path: Path) -> None:
    gop = first_gop("carphone_pristine.mp4", 6, tmp_path, filters=f"format={PIXEL_FORMATS[depth]}")
    options = X265Options(crf=36, preset="veryfast")
    own, ours = (encode_gop(gop, options, params={}, tables=each) for each in (None, lambda_tables(bit_depth=depth)))
    assert ours == own


@pytest.mark.parametrize(
    "params",
    [
        "lossless=1",
        "no-cutree",
        "keyint=9",
        "qp=30",
        "rd=2",
        "hash=2",
        "csv=x",
        "slices=4",
        "sao=1",
        "rc-lookahead=0",
        "max-cll=1000,400",
    ],
)
def test_what_would_break_the_lock_is_refused_with_the_reason(params: str) -> None:
    with pytest.raises(UsageError, match=params.split("=")[0]):
        parse_x265_params(f"ref=3:{params}")


def test_the_frames_are_left_as_they_were(gop: SourceGop, keyframe: Picture) -> None:
    before = Path(gop.path).read_bytes()
    encode_locked(gop, keyframe, X265Options(crf=40, preset="ultrafast"))
    assert Path(gop.path).read_bytes() == before
