"""``-ss``, ``-to`` and ``-t`` of a source: the pictures, packets and times are those that ffmpeg would take."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

import ffhybrid
from ffhybrid.core.time_range import TimeRange, parse_time
from ffhybrid.errors import UsageError
from ffhybrid.farm.planning import plan
from ffhybrid.farm.state import plan_key
from ffhybrid.muxer.streams.cutting import rounded
from ffhybrid.source.hdr import DynamicMetadata
from ffhybrid.source.video import SourceFrame, SourceOptions, VideoSource
from media import OPTIONS as MEDIA_OPTIONS
from media import PICTURES, ffmpeg

OPTIONS = replace(MEDIA_OPTIONS, limits=ffhybrid.GopLimits(length=12, scene_threshold=0))
X264 = ("-c:v", "libx264", "-bf", "3", "-preset", "veryfast")
CONTAINERS = {
    "closed.mp4": (*X264, "-g", "10"),
    "open.mkv": (*X264, "-g", "10", "-x264-params", "open-gop=1"),
    "one-keyframe.mp4": (*X264, "-g", "1000"),
    "refresh.mkv": (*X264, "-g", "1000", "-x264-params", "intra-refresh=1"),
    "late.ts": (*X264, "-g", "10", "-output_ts_offset", "5"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-g", "10", "-bf", "2"),
}


@pytest.fixture(scope="module", params=CONTAINERS)
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of 25 pictures."""
    path = tmp_path_factory.mktemp("sources") / request.param
    ffmpeg(*PICTURES, *CONTAINERS[request.param], path)
    return path


@pytest.fixture(scope="module")
def programme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds with sound and two chapters."""
    folder = tmp_path_factory.mktemp("programme")
    chapters = folder / "chapters.txt"
    chapters.write_text(
        ";FFMETADATA1\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1800\ntitle=First\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1800\nEND=4000\ntitle=Second\n"
    )
    pictures = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=4,format=yuv420p")
    sound = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=4")
    ffmpeg(*pictures, *sound, "-i", chapters, *X264, "-g", "25", "-c:a", "aac", folder / "programme.mp4")
    return folder / "programme.mp4"


def read(path: Path, **times: float | None) -> tuple[list[SourceFrame], Fraction]:
    options = SourceOptions(time_range=TimeRange.of(**times))
    with VideoSource(path, options=options) as video:
        return list(video.frames()), video.info.time_base


def md5(frame: SourceFrame) -> str:
    return hashlib.md5(b"".join(plane.tobytes() for plane in frame.picture.planes)).hexdigest()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("0.25", Fraction(1, 4)),
        (".5s", Fraction(1, 2)),
        ("1:30", 90),
        ("00:01:30.5", Fraction(181, 2)),
        ("100:00:01", 360001),
        ("-1:00", -60),
        ("1500ms", Fraction(3, 2)),
        ("200us", Fraction(1, 5000)),
    ],
)
def test_times_are_written_as_for_ffmpeg(text: str, seconds: Fraction) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "1:60", "60:61:00", "1h", "--1", "1:2:3:4", "1:30ms", "+5", "nan"])
def test_what_is_no_time_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        parse_time(text)


def test_a_duration_wins_over_an_end_and_floats_are_what_they_print_as(caplog: pytest.LogCaptureFixture) -> None:
    found = TimeRange.of(start=0.1, end=3, duration=0.2)
    assert found == TimeRange(start=Fraction(1, 10), end=Fraction(3, 10))
    assert "-t is taken" in caplog.text
    with pytest.raises(UsageError, match="is not behind the start"):
        TimeRange.of(start=2, end=2)
    with pytest.raises(UsageError, match="-ss -1"):
        TimeRange.of(start=-1)


@pytest.mark.parametrize(("start", "end"), [(0.48, 0.8), (0.49, 0.8), (0.0, 0.4), (0.4, None), (None, 0.4)])
def test_a_range_has_the_pictures_that_decoding_all_finds(source: Path, start: float | None, end: float | None) -> None:
    everything, base = read(source)
    with av.open(source) as container:
        first = Fraction(container.start_time, av.time_base)
    # As in ffmpeg the time that becomes 0 is a multiple of the time base, which in AVI is a whole frame.
    begin = rounded(Fraction(str(start or 0)) / base) * base
    last = 10 if end is None else Fraction(str(end))
    wanted = [frame for frame in everything if begin <= frame.pts * base - first < last]
    found, base = read(source, start=start, end=end)
    assert [md5(frame) for frame in found] == [md5(frame) for frame in wanted]
    shift = 0 if start is None else first + begin
    assert [frame.pts * base for frame in found] == [frame.pts * base - shift for frame in wanted]


# In MPEG-TS ffmpeg itself begins with the next keyframe, pictures too late.
@pytest.mark.parametrize("name", ["closed.mp4", "open.mkv", "one-keyframe.mp4"])
@pytest.mark.parametrize("times", [("-ss", "0.48", "-to", "0.8"), ("-ss", "0.6", "-t", "0.2"), ("-ss", "0.48")])
def test_ffmpeg_takes_the_same_pictures_at_the_same_times(name: str, times: tuple[str, ...], tmp_path: Path) -> None:
    path, listing = tmp_path / name, tmp_path / "frames.txt"
    ffmpeg(*PICTURES, *CONTAINERS[name], path)
    ffmpeg(*times, "-i", path, "-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-f", "framemd5", listing)
    theirs = [line.split(",") for line in listing.read_text().splitlines() if not line.startswith("#")]
    given = dict(zip(times[::2], map(float, times[1::2]), strict=True))
    found, base = read(path, start=given["-ss"], end=given.get("-to"), duration=given.get("-t"))
    assert [md5(frame) for frame in found] == [fields[5].strip() for fields in theirs]
    assert [round(frame.pts * base * 90000) for frame in found] == [int(fields[2]) for fields in theirs]


def test_what_lies_long_before_is_not_decoded(programme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int | None] = []
    attach = DynamicMetadata.attach

    def noted(self: DynamicMetadata, packet: av.Packet) -> None:
        taken.append(packet.pts)
        attach(self, packet)

    monkeypatch.setattr(DynamicMetadata, "attach", noted)
    found, _ = read(programme, start=3.2, end=3.4)
    assert len(found) == 5
    assert len(taken) < 25


def test_a_range_without_a_picture_is_refused(programme: Path) -> None:
    with pytest.raises(UsageError, match="no picture from 100 s to the end"):
        read(programme, start=100)


def test_sound_and_chapters_are_cut_with_the_pictures(programme: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    cut = replace(OPTIONS, source=SourceOptions(time_range=TimeRange.of(start=1.6, end=2.4)))
    report = ffhybrid.encode(programme, output, options=cut, engine="local:1")
    assert sum(gop.pictures for gop in report.gops) == 20
    with av.open(programme) as before, av.open(output) as after:
        theirs = [packet for packet in before.demux(audio=0) if packet.size]
        wanted = [(bytes(p), p.pts * p.time_base - Fraction(8, 5)) for p in theirs]
        wanted = [(data, time) for data, time in wanted if 0 <= time < Fraction(4, 5)]
        found = [(bytes(p), p.pts * p.time_base) for p in after.demux(audio=0) if p.size]
        chapters = [(c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"]) for c in after.chapters()]
    assert [data for data, _ in found] == [data for data, _ in wanted]
    for (_, ours), (_, exact) in zip(found, wanted, strict=True):
        assert abs(ours - exact) <= Fraction(1, 1000)
    fifth = Fraction(1, 5)
    assert chapters == [(0, fifth, {"title": "First"}), (fifth, 4 * fifth, {"title": "Second"})]


def test_sound_that_is_encoded_anew_is_cut_too(programme: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    source = SourceOptions(time_range=TimeRange.of(start=2, duration=1))
    streams = ffhybrid.StreamOptions(audio_codec="pcm_s16le")
    ffhybrid.encode(programme, output, options=replace(OPTIONS, source=source, streams=streams), engine="local:1")
    with av.open(output) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert samples == pytest.approx(48000, abs=1024)


def test_filters_see_nothing_else(programme: Path) -> None:
    options = SourceOptions(time_range=TimeRange.of(start=1, end=2), filters="fps=5")
    with VideoSource(programme, options=options) as video:
        assert [frame.pts * video.info.time_base for frame in video.frames()] == [Fraction(i, 5) for i in range(5)]


def test_jobs_and_plans_know_the_range(programme: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cut = replace(OPTIONS, source=SourceOptions(time_range=TimeRange.of(start=1.01, end=2)))
    assert plan_key(programme, cut) != plan_key(programme, OPTIONS)
    jobs = list(plan(programme, cut))
    assert [len(job.range.pts) for job in jobs] == [12, 12]
    assert jobs[0].range.pts[0] * jobs[0].range.time_base == Fraction("0.03")
    outputs = []
    with caplog.at_level(logging.INFO):
        for engine in ("local:1", "local:2"):
            output = tmp_path / f"{engine[-1]}.mkv"
            ffhybrid.encode(programme, output, options=cut, engine=engine)
            outputs.append(output.read_bytes())
    assert outputs[0] == outputs[1]
    assert "decoded from its beginning" not in caplog.text
