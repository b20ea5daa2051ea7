"""``-vf``: pictures go through a chain of libavfilter first, and everything after it sees what comes out."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import ffhybrid
from ffhybrid.cli import main
from ffhybrid.compare.clip import prepare
from ffhybrid.errors import UnsupportedError, UsageError
from ffhybrid.farm.planning import plan
from ffhybrid.source.filter_chain import FilterChain, Link, split_chain
from ffhybrid.source.video import SourceFrame, SourceInfo, SourceOptions, VideoSource
from media import PICTURES, ffmpeg, ffprobe

WIDE = tuple(part.replace("64x64", "128x96") for part in PICTURES)
LIMITS = ffhybrid.GopLimits(length=25, scene_threshold=0)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of 128x96 at 25 pictures a second, of anamorphic samples."""
    path = tmp_path_factory.mktemp("source") / "source.mkv"
    ffmpeg(*WIDE, "-vf", "setsar=4/3", "-c:v", "ffv1", path)
    return path


@pytest.fixture(scope="module")
def interlaced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("interlaced") / "source.mkv"
    fields = ("-vf", "tinterlace=interleave_top,fieldorder=tff")
    ffmpeg(*WIDE, *fields, "-pix_fmt", "yuv420p", "-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme", path)
    return path


def filtered(path: Path, chain: str) -> tuple[SourceInfo, list[SourceFrame]]:
    with VideoSource(path, options=SourceOptions(filters=chain)) as video:
        return video.info, list(video.frames())


@pytest.mark.parametrize(
    "chain",
    [
        "crop=64:48:8:4",
        "scale=64:-2:flags=neighbor,setsar=8/9",
        "fps=50/3",
        "transpose=1",
        "setpts=2*PTS",
        "select='gt(n,4)*mod(n,2)'",
        r"drawbox=x=4:y=4:w='min(20\,iw)':h=10:color=red,hflip",
        "trim=start_frame=3:end_frame=9",
    ],
)
def test_what_comes_out_is_what_ffmpeg_makes(chain: str, source: Path, tmp_path: Path) -> None:
    expected = tmp_path / "expected.mkv"
    ffmpeg("-i", source, "-vf", chain, "-fps_mode", "passthrough", "-copyts", "-c:v", "ffv1", expected)
    info, frames = filtered(source, chain)
    with av.open(expected) as container:
        stream = container.streams.video[0]
        theirs = list(container.decode(stream))
        assert (info.spec.width, info.spec.height) == (stream.width, stream.height)
        assert info.sample_aspect_ratio == stream.sample_aspect_ratio
        assert [round(frame.pts * info.time_base * 1000) for frame in frames] == [frame.pts for frame in theirs]
    for ours, frame in zip(frames, theirs, strict=True):
        packed = np.concatenate([plane.ravel() for plane in ours.picture.planes])
        assert np.array_equal(packed, frame.to_ndarray().ravel())


def test_no_more_is_decoded_than_the_chain_wants(source: Path) -> None:
    with av.open(source) as container:
        frames = container.decode(video=0)
        first = next(frames)
        link = Link(
            width=first.width,
            height=first.height,
            pix_fmt=first.format.name,
            time_base=Fraction(1, 1000),
            frame_rate=Fraction(25),
            sample_aspect_ratio=Fraction(1),
            colour=(2, 2, 2, 0),
        )
        assert len(list(FilterChain("trim=end_frame=5", link).through(itertools.chain([first], frames)))) == 5
        assert len(list(frames)) > 15


def test_the_frame_rate_is_that_of_the_last_filter(source: Path) -> None:
    assert filtered(source, "fps=50/3")[0].frame_rate == Fraction(50, 3)
    assert filtered(source, "hflip")[0].frame_rate == 25


def test_deinterlaced_pictures_are_taken(interlaced: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="interlaced"):
        filtered(interlaced, "hflip")
    info, frames = filtered(interlaced, "bwdif")
    fields, _ = filtered(interlaced, "bwdif=mode=send_frame")
    assert info.frame_rate == 2 * fields.frame_rate
    assert len(frames) >= 24
    hybrid = tmp_path / "hybrid.mkv"
    options = ffhybrid.EncodeOptions(
        generator="thumbnail",
        fallback=False,
        limits=LIMITS,
        x265=ffhybrid.X265Options(crf=35, preset="ultrafast"),
        source=SourceOptions(filters="bwdif"),
    )
    report = ffhybrid.encode(interlaced, hybrid, options=options, engine="local:1")
    assert sum(gop.pictures for gop in report.gops) == len(frames)
    assert ffprobe(hybrid)["streams"][0]["field_order"] == "progressive"


def test_the_first_pass_of_a_bitrate_sees_filtered_pictures(source: Path) -> None:
    rate = ffhybrid.Rate(bitrate=100_000)
    plans = [
        list(plan(source, ffhybrid.EncodeOptions(rate=rate, limits=LIMITS, source=SourceOptions(filters=chain))))
        for chain in ("null", "trim=end_frame=10", "scale=64:48")
    ]
    (whole,), (short,), (small,) = plans
    assert [len(job.range.pts) for job in (whole, short, small)] == [25, 10, 25]
    assert small.share and whole.share and small.share.crf < whole.share.crf


def test_a_comparison_sees_filtered_pictures(source: Path, tmp_path: Path) -> None:
    options = SourceOptions(filters="crop=64:48,fps=5")
    clip = prepare(source, tmp_path, frames=3, width=None, height=None, options=options)
    assert (clip.spec.width, clip.spec.height, clip.frame_rate, clip.frames) == (64, 48, 5, 3)


def test_the_command_line_encodes_what_comes_out(source: Path, tmp_path: Path) -> None:
    hybrid = tmp_path / "hybrid.mkv"
    options = ("-kf", "thumbnail", "-kf:fallback", "0", "-preset", "ultrafast", "-v", "error")
    chain = "crop=96:64,setsar=1,fps=10,format=yuv444p"
    made = ("-vf", chain, "-pix_fmt", "yuv420p10le")
    assert main(["encode", "-i", str(source), *options, *made, str(hybrid)]) == 0
    stream = ffprobe(hybrid)["streams"][0]
    assert (stream["width"], stream["height"], stream["pix_fmt"]) == (96, 64, "yuv420p10le")
    assert (stream["sample_aspect_ratio"], stream["avg_frame_rate"]) == ("1:1", "10/1")
    assert ffhybrid.verify(hybrid).pictures == 10


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ("nosuchfilter", "Filter not found"),
        ("scale=nonsense", "Invalid argument"),
        ("scale=8:8:wrong=1", "Option not found"),
        ("crop=4000:4000", "Invalid argument"),
        ("split[a][b];[a][b]hstack", "without labels"),
        ("hflip,,vflip", "without a name"),
        ("anull", "Invalid argument"),
    ],
)
def test_chains_that_cannot_work_are_one_sentence_and_a_usage_error(
    chain: str, words: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["encode", "-i", str(source), "-vf", chain, str(tmp_path / "hybrid.mkv")]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"ffhybrid: -vf {chain}: ")
    assert words in said
    assert "\n" not in said
    assert not list(tmp_path.iterdir())


def test_quotes_and_backslashes_are_those_of_ffmpeg() -> None:
    assert split_chain(r"drawtext=text='a,b':x=1, scale=w=min(1\,2)") == [
        ("drawtext", "text=a,b:x=1"),
        ("scale", "w=min(1,2)"),
    ]
    with pytest.raises(UsageError, match="without labels"):
        split_chain("hflip[a]")
