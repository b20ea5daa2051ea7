"""Codecs of a comparison: the size that was asked for, one keyframe a GOP, every byte accounted for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import pytest

from ffhybrid.compare.clip import Clip, check_gop_length, prepare
from ffhybrid.compare.codecs import CODECS, PARTS, Codec, create
from ffhybrid.compare.codecs.base import picture_types
from ffhybrid.compare.codecs.x265 import BEST, KEYFRAME_FACTORS, X265
from ffhybrid.compare.options import CompareOptions
from ffhybrid.compare.plots import COLOURS
from ffhybrid.compare.selection import Selection
from ffhybrid.encoding import encode
from ffhybrid.errors import UsageError
from ffhybrid.filters.models.checkpoints import ENVIRONMENT
from ffhybrid.hevc.intra_codec import HevcIntraCodec
from ffhybrid.options import EncodeOptions
from ffhybrid.source.gop_planning import GopLimits
from ffhybrid.x265.options import X265Options
from pretrained_models import saved
from support import clip as wheel_clip
from support import make_picture

GOP_LENGTH = 10
FRAMES = 24


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """24 frames of 160x68."""
    folder = tmp_path_factory.mktemp("clip")
    return prepare(wheel_clip("bikes.mp4"), folder, frames=FRAMES, width=160, height=None)


def with_candidates(count: int) -> CompareOptions:
    return replace(options(), encode=replace(options().encode, candidates=count))


def options() -> CompareOptions:
    return CompareOptions(
        bitrates=(60_000,),
        encode=EncodeOptions(
            generator="thumbnail",
            x265=X265Options(preset="veryfast"),
            limits=GopLimits(length=GOP_LENGTH, scene_threshold=0),
            budgets=1,
            candidates=0,
        ),
    )


def best_x265(*, factor: float) -> X265:
    selection = Selection(candidates=0, gop_length=GOP_LENGTH)
    return X265("x265-best", selection, preset="veryfast", tuning=replace(BEST, keyframe_factor=factor))


def test_a_clip_is_cut_and_scaled_once_for_all(small: Clip) -> None:
    assert (small.frames, small.spec.width, small.spec.height) == (FRAMES, 160, 68)
    assert [frame.pts for frame in small.video_frames()] == list(range(FRAMES))


def test_equal_frames_have_equal_names_and_others_do_not(small: Clip, tmp_path: Path) -> None:
    source = wheel_clip("bikes.mp4")
    assert prepare(source, tmp_path, frames=FRAMES, width=160, height=None).md5 == small.md5
    assert prepare(source, tmp_path, frames=FRAMES - 1, width=160, height=None).md5 != small.md5
    assert prepare(source, tmp_path, frames=FRAMES, width=160, height=70).md5 != small.md5


def test_pictures_are_never_enlarged_by_a_width(tmp_path: Path) -> None:
    assert prepare(wheel_clip("bikes.mp4"), tmp_path, frames=1, width=10_000, height=None).spec.width == 640


OF_CHANGES = [pytest.param(name, marks=pytest.mark.slow) if name == "sr" else name for name in CODECS]
"""Codecs, of which ``sr`` fits a network first."""


@pytest.mark.parametrize("name", OF_CHANGES)
def test_a_codec_meets_the_size_with_one_keyframe_a_gop(name: str, small: Clip, tmp_path: Path) -> None:
    codec = create(name, options())
    stream = tmp_path / f"{name}.mkv"
    codec.encode(small, stream, bitrate=60_000, note=lambda _: None)
    assert stream.stat().st_size == pytest.approx(small.bytes_at(60_000), rel=0.08)
    shown = codec.show(stream, tmp_path)
    types = picture_types(codec.typed(stream, shown))
    assert len(types) == FRAMES
    keyframes = [position for position, kind in enumerate(types[time] for time in sorted(types)) if kind == "I"]
    assert keyframes == [0, 10, 20]
    split = codec.split(stream, types)
    assert tuple(split) == PARTS
    assert sum(split.values()) == stream.stat().st_size
    assert all(size >= 0 for size in split.values())
    assert split["P"] + split["B"] > split["container"] / 2


def test_a_forced_keyframe_is_larger_at_the_same_size_of_the_file(small: Clip, tmp_path: Path) -> None:
    sizes = {}
    for name in ("x265", "x265-best"):
        codec, stream = create(name, options()), tmp_path / f"{name}.mkv"
        codec.encode(small, stream, bitrate=60_000, note=lambda _: None)
        sizes[name] = codec.split(stream, picture_types(stream))["I"]
    assert sizes["x265-best"] > 1.05 * sizes["x265"]


@pytest.mark.slow
def test_x265_at_its_best_has_the_keyframe_that_the_judge_prefers(small: Clip, tmp_path: Path) -> None:
    selection, wanted = Selection(candidates=0, gop_length=GOP_LENGTH), small.bytes_at(60_000)

    def cost(codec: Codec, name: str) -> float:
        stream = tmp_path / name
        codec.encode(small, stream, bitrate=60_000, note=lambda _: None)
        return selection.cost(small, stream, size=stream.stat().st_size, wanted=wanted)

    single = [cost(best_x265(factor=factor), f"{factor}.mkv") for factor in KEYFRAME_FACTORS]
    chosen = cost(create("x265-best", options()), "best.mkv")
    assert chosen == min(single) or chosen == single[0] < single[1]


@pytest.mark.parametrize("name", ["x265", "svtav1"])
def test_of_several_files_of_one_size_the_best_is_kept(name: str, small: Clip, tmp_path: Path) -> None:
    codecs = {count: create(name, with_candidates(count)) for count in (0, 3)}
    wanted, costs = small.bytes_at(60_000), {}
    for count, codec in codecs.items():
        stream = tmp_path / f"{count}.mkv"
        encoded = codec.encode(small, stream, bitrate=60_000, note=lambda _: None)
        size = stream.stat().st_size
        assert size == pytest.approx(wanted, rel=0.01)
        selection = Selection(candidates=0, gop_length=GOP_LENGTH)
        costs[count] = selection.cost(small, stream, size=size, wanted=wanted), encoded.encodes
        assert codec.settings["candidates"] == count
    assert costs[3][1] == costs[0][1] + 3
    assert costs[3][0] <= costs[0][0]


def test_an_encode_beyond_the_highest_crf_leaves_no_trace_in_later_ones(small: Clip, tmp_path: Path) -> None:
    codec, stream = best_x265(factor=3), tmp_path / "x265.mkv"
    encodes = []
    for crf in (40, 55, 40):
        codec.encode_at(small, stream, crf)
        encodes.append(stream.read_bytes())
    before, beyond, after = encodes
    assert before == after != beyond


def test_latents_and_placeholders_of_hybrid_files_are_told_apart(small: Clip, tmp_path: Path) -> None:
    """Without a fallback every keyframe is generated, however dear a thumbnail is."""
    codec = create("hybrid", options())
    stream = tmp_path / "crf.mkv"
    encode(small.path, stream, options=replace(options().encode, fallback=False))
    split = codec.split(stream, picture_types(codec.show(stream, tmp_path)))
    assert split["I"] == 0
    assert min(split["latent"], split["payload"], split["placeholder"]) > 0
    assert sum(split.values()) == stream.stat().st_size


def test_x265_begins_gops_with_idr_pictures_only(small: Clip, tmp_path: Path) -> None:
    stream = tmp_path / "x265.mkv"
    create("x265-best", options()).encode(small, stream, bitrate=60_000, note=lambda _: None)
    with av.open(stream) as container:
        nal_types = [(bytes(packet)[4] >> 1) & 0x3F for packet in container.demux(video=0) if packet.is_keyframe]
    assert nal_types == [19, 19, 19] or nal_types == [20, 20, 20]


def test_hybrid_files_are_restored_with_the_model_that_is_named(
    small: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    model = {"model": str(saved("VQModel", tmp_path / "model")), "device": "cpu", "scale": 4}
    named = replace(options().encode, generator="vqgan", generator_options=model, fallback=False, keyframe_budget=300)
    stream = tmp_path / "hybrid.mkv"
    encode(small.path, stream, options=replace(named, frames=GOP_LENGTH))
    shown = create("hybrid", replace(options(), encode=named)).show(stream, tmp_path)
    assert len(picture_types(shown)) == GOP_LENGTH


def test_every_codec_has_a_colour_of_its_own() -> None:
    assert COLOURS.keys() == CODECS.keys()
    assert len(set(COLOURS.values())) == len(COLOURS)


def test_an_unknown_codec_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no codec 'x264'.*hybrid, x265, x265-best, sr, svtav1, vvenc"):
        create("x264", options())


def test_gops_longer_than_a_cluster_are_refused(small: Clip) -> None:
    check_gop_length(small, 10_000)  # the clip is shorter
    long = Clip(name="long", path=small.path, spec=small.spec, frame_rate=small.frame_rate, frames=10_000, md5="")
    with pytest.raises(UsageError, match="at most 30 seconds"):
        check_gop_length(long, 1_000)


def test_comparisons_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="twice"):
        CompareOptions(bitrates=(1000, 1000))
    with pytest.raises(UsageError, match="at least"):
        CompareOptions(bitrates=())
    with pytest.raises(UsageError, match="scene cuts"):
        CompareOptions(bitrates=(1000,), encode=EncodeOptions())


def test_x265s_tables_of_lambdas_are_its_own_again_after_each_encode(small: Clip, tmp_path: Path) -> None:
    """They are the process's, and so are those of thumbnails, which x265 codes in it."""
    picture = make_picture("nature", 64, 64)
    before = HevcIntraCodec().encode(picture, qp=40)
    best_x265(factor=3).encode_at(small, tmp_path / "x265.mkv", 58)
    assert HevcIntraCodec().encode(picture, qp=40) == before
