"""Every picture keeps its timestamp through encode and restore, whatever clock the source has."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

import ffhybrid
from media import OPTIONS, ffmpeg, ffprobe

FILM = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=24000/1001:duration=1,format=yuv420p")
NTSC = tuple(part.replace("24000", "30000") for part in FILM)
FAST = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=60:duration=1,format=yuv420p")
CODED = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2")
VARIABLE = ("-vf", "select='not(mod(n,3))+gt(random(1),0.6)',settb=1/90000", "-fps_mode", "vfr")
SOURCES = {
    "film.mp4": (*FILM, *CODED),
    "ntsc.mov": (*NTSC, *CODED),
    "variable.mp4": (*FAST, *VARIABLE, *CODED, "-video_track_timescale", "90000"),
    "late.ts": (*FILM, *CODED, "-output_ts_offset", "3600"),
    "late-fragments.mp4": (*FILM, *CODED, "-movflags", "frag_keyframe+empty_moov", "-output_ts_offset", "2"),
    "variable.mkv": (*FAST, *VARIABLE, *CODED),
    "film.mkv": (*FILM, *CODED),
}


def times(path: Path) -> list[Fraction]:
    with av.open(path) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def source_of(folder: Path, name: str) -> Path:
    ffmpeg(*SOURCES[name], folder / name)
    return folder / name


@pytest.mark.parametrize("name", SOURCES)
def test_every_time_is_exact_after_matroska_in_between(name: str, tmp_path: Path) -> None:
    source = source_of(tmp_path, name)
    hybrid, restored = tmp_path / "hybrid.mkv", tmp_path / "restored.mp4"
    ffhybrid.encode(source, hybrid, options=OPTIONS, engine="local:1")
    expected = times(source)
    with ffhybrid.open(hybrid) as container:
        assert [frame.pts * frame.time_base for frame in container.decode(video=0)] == expected
    ffhybrid.restore(hybrid, restored)
    assert times(restored) == expected


@pytest.mark.parametrize(("name", "suffix"), [("film.mp4", "mkv"), ("late-fragments.mp4", "ts")])
def test_containers_with_coarse_clocks_keep_every_picture_within_a_tick(name: str, suffix: str, tmp_path: Path) -> None:
    source = source_of(tmp_path, name)
    hybrid, restored = tmp_path / "hybrid.mkv", tmp_path / f"restored.{suffix}"
    ffhybrid.encode(source, hybrid, options=OPTIONS, engine="local:1")
    ffhybrid.restore(hybrid, restored)
    tick = {"mkv": Fraction(1, 1000), "ts": Fraction(1, 90000)}[suffix]
    assert all(abs(ours - theirs) <= tick / 2 for ours, theirs in zip(times(restored), times(source), strict=True))


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
def test_an_edit_list_hides_what_it_hid(suffix: str, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    ffmpeg(*FAST, *CODED, "-g", "30", whole)
    ffmpeg("-ss", "0.75", "-i", whole, "-c", "copy", cut)
    hybrid, restored = tmp_path / f"hybrid.{suffix}", tmp_path / f"restored.{suffix}"
    ffhybrid.encode(cut, hybrid, options=OPTIONS, engine="local:1")
    ffhybrid.restore(hybrid, restored)
    assert len(times(cut)) < len(times(whole))
    assert times(restored) == times(cut)


def test_pictures_of_a_transport_stream_may_begin_at_zero(tmp_path: Path) -> None:
    """Its decoding times cannot be negative, and pictures are reordered: they are squeezed, nothing is moved."""
    source = source_of(tmp_path, "film.mp4")
    hybrid = tmp_path / "hybrid.ts"
    ffhybrid.encode(source, hybrid, options=OPTIONS, engine="local:1")
    ticks = Fraction(1, 90000)
    assert all(abs(ours - theirs) <= ticks / 2 for ours, theirs in zip(times(hybrid), times(source), strict=True))
    with ffhybrid.open(hybrid) as container:
        assert [frame.pts * frame.time_base for frame in container.decode(video=0)] == times(source)


@pytest.mark.parametrize(
    ("timecode", "suffix"), [("01:00:00:00", "mov"), ("00:59:59;28", "mkv"), ("01:00:00:00", "mxf")]
)
def test_timecode_comes_back_from_tracks_and_tags(timecode: str, suffix: str, tmp_path: Path) -> None:
    source = tmp_path / f"source.{suffix}"
    codec = ("-c:v", "mpeg2video") if suffix == "mxf" else CODED
    ffmpeg(*NTSC, *codec, "-timecode", timecode, source)
    hybrid, restored = tmp_path / "hybrid.mkv", tmp_path / "restored.mov"
    ffhybrid.encode(source, hybrid, options=OPTIONS, engine="local:1")
    ffhybrid.restore(hybrid, restored)
    tracks = [stream for stream in ffprobe(restored)["streams"] if stream.get("codec_tag_string") == "tmcd"]
    assert [track["tags"]["timecode"] for track in tracks] == [timecode]
