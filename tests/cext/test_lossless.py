"""The lossless intra coder and the placeholder decode to exactly what went in, in every decoder at hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ffhybrid import hevc
from ffhybrid.core.frames import coded_picture
from ffhybrid.core.gop import ParameterSets
from ffhybrid.core.picture import Picture
from ffhybrid.errors import UnsupportedError, VerificationError
from ffhybrid.hevc import sei
from ffhybrid.hevc.decoding import decode_access_units
from support import EXACT, ffmpegs, make_picture, parameter_sets, run

KINDS = ("noise", "gradient", "text", "natural")
SIZES = ((176, 144), (720, 406), (1280, 720), (1920, 1080))
TREES = (
    "ctu=64",
    "ctu=32:min-cu-size=16:max-tu-size=16:tu-intra-depth=3",
    "ctu=16:min-cu-size=8:max-tu-size=8:tu-intra-depth=2",
    "ctu=64:min-cu-size=32:max-tu-size=32",
    "ctu=64:no-strong-intra-smoothing=1:sao=0",
    "ctu=64:cu-lossless=1:deblock=-2,1:slices=1".replace(",", "\\:"),
)


def lossless_stream(
    sets: ParameterSets, pictures: list[Picture], effort: hevc.SpliceEffort = hevc.SpliceEffort.FAST
) -> tuple[ParameterSets, list[tuple[bytes, ...]]]:
    """Code every picture as an IDR with its MD5 behind it."""
    pps = hevc.lossless_pps(sets)
    units = [
        (
            hevc.lossless_irap(sets, pps, hevc.NalType.IDR_N_LP, p, effort=effort),
            sei.write_picture_hash(sei.picture_md5s(p)),
        )
        for p in pictures
    ]
    return ParameterSets(sets.vps, sets.sps, (*sets.pps, pps)), units


def assert_exact(
    sets: ParameterSets, pictures: list[Picture], effort: hevc.SpliceEffort = hevc.SpliceEffort.FAST
) -> bytes:
    """Check FFmpeg's decoder and return the stream as Annex B."""
    all_sets, units = lossless_stream(sets, pictures, effort)
    decoded = list(decode_access_units(units, all_sets, crop=False))
    assert len(decoded) == len(pictures)
    for frame, picture in zip(decoded, pictures, strict=True):
        assert coded_picture(frame, picture.bit_depth).same_samples(picture)
    return hevc.join_annexb([*all_sets.nal_units, *(nal for unit in units for nal in unit)])


def coded_size(sets: ParameterSets) -> tuple[int, int]:
    sps = hevc.parse_sps(sets.sps)
    return sps.coded_width, sps.coded_height


def coded_pictures(sets: ParameterSets) -> list[Picture]:
    return [make_picture(kind, *coded_size(sets), hevc.parse_sps(sets.sps).bit_depth) for kind in KINDS]


@pytest.mark.parametrize("wpp", [0, 1])
@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_picture_comes_back_exactly(size: tuple[int, int], bit_depth: int, wpp: int, tmp_path: Path) -> None:
    sets = parameter_sets(*size, bit_depth, f"wpp={wpp}")
    pictures = coded_pictures(sets)
    stream = tmp_path / "lossless.hevc"
    stream.write_bytes(assert_exact(sets, pictures))

    for binary in ffmpegs().values():
        result = run(binary, "-v", "error", *EXACT, "-i", stream, "-f", "null", "-")
        assert result.stderr == ""
    libde265 = shutil.which("libde265-dec265")
    if bit_depth == 8 and libde265:
        check_libde265(libde265, stream, pictures, size)


def check_libde265(binary: str, stream: Path, pictures: list[Picture], size: tuple[int, int]) -> None:
    raw = stream.with_suffix(".yuv")
    run(binary, "-q", "-c", "-o", raw, stream)
    shown = [plane.ravel() for picture in pictures for plane in picture.cropped(*size).planes]
    assert np.array_equal(np.fromfile(raw, np.uint8), np.concatenate(shown))


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("wpp", [0, 1])
def test_every_block_structure_of_x265_is_written(tree: str, wpp: int) -> None:
    sets = parameter_sets(200, 136, 8, f"{tree}:wpp={wpp}")
    assert_exact(sets, coded_pictures(sets))


@pytest.mark.parametrize("effort", hevc.SpliceEffort)
@pytest.mark.parametrize("tree", TREES)
def test_every_effort_is_exact_and_threads_change_no_byte(tree: str, effort: hevc.SpliceEffort) -> None:
    sets = parameter_sets(200, 136, 8, f"{tree}:wpp=1")
    assert_exact(sets, coded_pictures(sets), effort=effort)
    pps = hevc.lossless_pps(sets)
    for picture in coded_pictures(sets):
        one, three = (
            hevc.lossless_irap(sets, pps, hevc.NalType.IDR_N_LP, picture, effort=effort, threads=threads)
            for threads in (1, 3)
        )
        assert one == three


def test_more_effort_gives_fewer_bytes() -> None:
    sets = parameter_sets(720, 406)
    picture = make_picture("natural", *coded_size(sets))
    pps = hevc.lossless_pps(sets)
    sizes = [len(hevc.lossless_irap(sets, pps, hevc.NalType.IDR_N_LP, picture, effort=e)) for e in hevc.SpliceEffort]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("size", [(16, 16), (64, 64), (66, 34), (8 * 17, 8 * 9), (72, 200)], ids=str)
def test_sizes_around_the_block_grid(size: tuple[int, int]) -> None:
    sets = parameter_sets(*size, 8, "ctu=16:wpp=1" if min(size) < 32 else "wpp=1")
    assert_exact(sets, coded_pictures(sets))


def test_extreme_residuals_fit_their_code_words() -> None:
    for bit_depth in (8, 10):
        sets = parameter_sets(64, 64, bit_depth)
        picture = make_picture("text", 64, 64, bit_depth, seed=3)
        checker = np.indices((64, 64)).sum(axis=0) % 2 * ((1 << bit_depth) - 1)
        extreme = Picture(checker.astype(picture.y.dtype), picture.cb, picture.cr, bit_depth)
        assert_exact(sets, [picture, extreme])


def test_a_wrong_sample_is_caught_by_the_hash(tmp_path: Path) -> None:
    sets = parameter_sets(176, 144)
    picture = make_picture("natural", 176, 144)
    all_sets, [(idr, _)] = lossless_stream(sets, [picture])
    picture.y[100, 100] ^= 1
    wrong = (idr, sei.write_picture_hash(sei.picture_md5s(picture)))
    with pytest.raises(VerificationError):
        list(decode_access_units([wrong], all_sets))
    stream = tmp_path / "wrong.hevc"
    stream.write_bytes(hevc.join_annexb([*all_sets.nal_units, *wrong]))
    for binary in ffmpegs().values():
        assert run(binary, *EXACT, "-i", stream, "-f", "null", "-", check=False).returncode != 0


@pytest.mark.parametrize("params", ["wpp=0", "wpp=1", "wpp=1:cu-lossless=1", "wpp=0:ctu=32:aq-mode=3", "wpp=1:sao=1"])
@pytest.mark.parametrize("size", [(176, 144), (720, 406), (1920, 1080)], ids=str)
@pytest.mark.parametrize("bit_depth", [8, 10])
def test_the_placeholder_is_mid_grey(size: tuple[int, int], params: str, bit_depth: int) -> None:
    sets = parameter_sets(*size, bit_depth, params)
    placeholder = hevc.placeholder_idr(sets, hevc.NalType.IDR_W_RADL)
    (frame,) = decode_access_units([(placeholder,)], sets, crop=False)
    for plane in coded_picture(frame, bit_depth).planes:
        assert np.all(plane == 1 << (bit_depth - 1))


def test_the_neural_track_is_a_valid_stream() -> None:
    sets = hevc.neural_track_parameter_sets()
    (frame,) = decode_access_units([(hevc.placeholder_idr(sets, hevc.NalType.IDR_N_LP),)], sets)
    assert (frame.width, frame.height) == (64, 64)


def test_samples_beyond_the_bit_depth_are_refused() -> None:
    sets = parameter_sets(64, 64, 10)
    picture = make_picture("noise", 64, 64, 10)
    picture.y[0, 0] = 1024
    with pytest.raises(ValueError, match="invalid argument"):
        hevc.lossless_irap(sets, hevc.lossless_pps(sets), hevc.NalType.IDR_N_LP, picture)


def test_another_size_than_that_of_the_sps_is_refused() -> None:
    sets = parameter_sets(176, 144)
    with pytest.raises(ValueError, match="size"):
        hevc.lossless_irap(sets, hevc.lossless_pps(sets), hevc.NalType.IDR_N_LP, make_picture("noise", 64, 64))


def test_a_stream_without_a_free_pps_id_is_refused() -> None:
    sets = parameter_sets(176, 144)
    every = list(sets.pps)
    while len(every) < 64:
        every.append(hevc.lossless_pps(ParameterSets(sets.vps, sets.sps, tuple(every))))
    with pytest.raises(UnsupportedError):
        hevc.lossless_pps(ParameterSets(sets.vps, sets.sps, tuple(every)))
