"""What is not video comes through encode and restore: packets byte for byte, timestamps, names, flags, files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import ffhybrid
from ffhybrid.errors import UnsupportedError, UsageError
from ffhybrid.muxer.statement import HYBRID_STATEMENT, restored_statement
from media import (
    ASS,
    OPTIONS,
    PICTURES,
    SOUND,
    SUBRIP,
    VIDEO,
    WEBVTT,
    audio_samples,
    ffmpeg,
    ffprobe,
    mkvmerge,
    need_encoder,
    packets,
    presentation_graphics,
    stock_copy,
)
from support import run, tool

AUDIO = {
    "aac.mp4": "aac",
    "aac.ts": "aac",
    "ac3.mkv": "ac3",
    "alac.mov": "alac",
    "dts.mkv": "dca",
    "eac3.mkv": "eac3",
    "flac.mkv": "flac",
    "mp2.ts": "mp2",
    "mp3.mkv": "libmp3lame",
    "opus.mkv": "libopus",
    "opus.mp4": "libopus",
    "pcm_alaw.mov": "pcm_alaw",
    "pcm_f32le.mkv": "pcm_f32le",
    "pcm_f64le.mkv": "pcm_f64le",
    "pcm_mulaw.mov": "pcm_mulaw",
    "pcm_s16be.mov": "pcm_s16be",
    "pcm_s16le.mkv": "pcm_s16le",
    "pcm_s24be.mov": "pcm_s24be",
    "pcm_s24le.mkv": "pcm_s24le",
    "pcm_s32le.mkv": "pcm_s32le",
    "pcm_u8.mov": "pcm_u8",
    "truehd.mkv": "truehd",
    "vorbis.mkv": "libvorbis",
}
SUBTITLES = {
    "ass.mkv": "copy",
    "dvbsub.ts": "dvbsub",
    "dvdsub.mkv": "dvdsub",
    "pgs.mkv": "copy",
    "subrip.mkv": "copy",
    "webvtt.mkv": "copy",
}


def audio_source(folder: Path, name: str) -> Path:
    need_encoder(AUDIO[name])
    source = folder / f"source-{name}"
    ffmpeg(*PICTURES, *SOUND, *VIDEO, "-c:a", AUDIO[name], "-ac", "2", "-strict", "-2", source)
    return source


def subtitle_source(folder: Path, name: str) -> Path:
    files = {"ass.mkv": ASS, "subrip.mkv": SUBRIP, "webvtt.mkv": WEBVTT}
    suffix = {"ass.mkv": "ass", "subrip.mkv": "srt", "webvtt.mkv": "vtt"}.get(name, "sup")
    text = folder / f"text.{suffix}"
    text.write_bytes(files[name].encode() if name in files else presentation_graphics())
    source = folder / f"source-{name}"
    fixed = ("-fix_sub_duration",) if name == "dvdsub.mkv" else ()
    ffmpeg(*PICTURES, *fixed, "-i", text, "-map", "0", "-map", "1", *VIDEO, "-c:s", SUBTITLES[name], source)
    return source


def encoded(source: Path, name: str = "hybrid.mkv", **options: Any) -> Path:
    hybrid = source.with_name(name)
    ffhybrid.encode(source, hybrid, options=replace(OPTIONS, **options), engine="local:1")
    return hybrid


@pytest.mark.parametrize("name", AUDIO)
def test_audio_is_copied_byte_for_byte_at_its_times(name: str, tmp_path: Path) -> None:
    source = audio_source(tmp_path, name)
    hybrid = encoded(source)
    restored = tmp_path / "restored.mkv"
    ffhybrid.restore(hybrid, restored)
    theirs = packets(stock_copy(source, tmp_path / "copy.mkv"), "audio")
    times = [packet.pts for packet in packets(source, "audio")]
    for path in (hybrid, restored):
        ours = packets(path, "audio")
        assert [packet.data for packet in ours] == [packet.data for packet in theirs]
        assert [packet.pts for packet in ours] == times
    mkvmerge(hybrid)


@pytest.mark.parametrize("name", SUBTITLES)
def test_subtitles_are_copied_byte_for_byte_at_their_times(name: str, tmp_path: Path) -> None:
    source = subtitle_source(tmp_path, name)
    hybrid = encoded(source)
    restored = tmp_path / "restored.mkv"
    ffhybrid.restore(hybrid, restored)
    theirs = packets(source, "subtitle")
    assert theirs
    for path in (hybrid, restored):
        assert packets(path, "subtitle") == theirs
    assert durations(hybrid) == durations(source)
    mkvmerge(hybrid)


def durations(path: Path) -> list[float]:
    """Seconds that each subtitle is shown."""
    with av.open(path) as container:
        stream = container.streams.subtitles[0]
        return [float(p.duration * stream.time_base) for p in container.demux(stream) if p.size]


def test_presentation_graphics_of_a_bare_file_become_whole_display_sets(tmp_path: Path) -> None:
    """A .sup file has a packet a segment, Matroska a packet a picture."""
    (tmp_path / "text.sup").write_bytes(presentation_graphics())
    source = tmp_path / "source.m2ts"
    maps = ("-map", "0", "-map", "1", "-mpegts_m2ts_mode", "1")
    ffmpeg(*PICTURES, "-i", tmp_path / "text.sup", *maps, *VIDEO, "-c:s", "copy", source)
    hybrid = encoded(source)
    ours = packets(hybrid, "subtitle")
    theirs = packets(stock_copy(source, tmp_path / "copy.mkv"), "subtitle")
    assert [packet.data for packet in ours] == [packet.data for packet in theirs]
    assert len(ours) == 4


@pytest.mark.parametrize("name", ["aac.mp4", "opus.mkv", "ac3.mkv", "pcm_s16be.mov"])
def test_copied_audio_decodes_to_the_samples_of_the_source(name: str, tmp_path: Path) -> None:
    source = audio_source(tmp_path, name)
    samples = audio_samples(source)
    assert samples.size
    assert np.array_equal(audio_samples(encoded(source)), samples)


@pytest.fixture(scope="module")
def rich_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Audio before the video and behind it, two subtitles, a font, a cover, chapters, tags, all kinds of flags."""
    folder = tmp_path_factory.mktemp("rich")
    (folder / "a.srt").write_text(SUBRIP)
    (folder / "b.ass").write_text(ASS)
    (folder / "font.ttf").write_bytes(os.urandom(3000))
    (folder / "meta.txt").write_text(
        ";FFMETADATA1\ntitle=My film\nartist=Somebody\ncreation_time=2020-02-03T04:05:06.000000Z\nFFHYBRID=old\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=1000\ntitle=Zweites\n"
    )
    ffmpeg(*PICTURES, "-frames:v", "1", folder / "cover.jpg")
    inputs = ("-i", folder / "a.srt", "-i", folder / "b.ass", "-i", folder / "meta.txt")
    maps = ("-map", "1", "-map", "0", "-map", "2", "-map", "3", "-map", "4", "-map_metadata", "5")
    attached = ("-attach", folder / "font.ttf", "-metadata:s:5", "mimetype=font/ttf")
    attached += (
        "-metadata:s:5",
        "title=The font",
        "-attach",
        folder / "cover.jpg",
        "-metadata:s:6",
        "mimetype=image/jpeg",
    )
    labels = ("-metadata:s:0", "language=ger", "-metadata:s:0", "title=Deutsch", "-metadata:s:0", "mood=calm")
    labels += (
        "-metadata:s:2",
        "language=eng",
        "-disposition:2",
        "comment+visual_impaired",
        "-disposition:0",
        "default",
    )
    labels += (
        "-disposition:3",
        "forced+hearing_impaired",
        "-metadata:s:4",
        "title=Für alle",
        "-disposition:4",
        "original",
    )
    source = folder / "source.mkv"
    codecs = ("-c:a:0", "aac", "-c:a:1", "ac3", "-c:s", "copy")
    ffmpeg(*PICTURES, *SOUND, *SOUND, *inputs, *maps, *VIDEO, *codecs, *attached, *labels, source)
    return source


@pytest.fixture(scope="module")
def rich_hybrid(rich_source: Path) -> Path:
    return encoded(rich_source, limits=ffhybrid.GopLimits(length=10, scene_threshold=0))


@pytest.fixture(scope="module")
def rich_restored(rich_hybrid: Path) -> Path:
    restored = rich_hybrid.with_name("restored.mkv")
    ffhybrid.restore(rich_hybrid, restored)
    return restored


def beside(path: Path) -> list[tuple[Any, ...]]:
    """Type, language, title, file name and flags of every stream but HEVC and H.264 video; attachments last."""
    found = []
    for stream in ffprobe(path)["streams"]:
        if stream.get("codec_name") in ("h264", "hevc"):
            continue
        tags = stream.get("tags", {})
        flags = {name for name, is_set in stream["disposition"].items() if is_set}
        named = tuple(tags.get(name) for name in ("language", "title", "filename", "mimetype", "MOOD"))
        found.append((stream["codec_type"], *named, flags))
    return sorted(found, key=lambda entry: entry[3] or "")


def test_languages_titles_flags_and_files_are_kept(rich_source: Path, rich_hybrid: Path, rich_restored: Path) -> None:
    expected = beside(rich_source)
    assert len(expected) == 6
    assert beside(rich_hybrid) == beside(rich_restored) == expected


def test_streams_keep_their_order(rich_hybrid: Path, rich_restored: Path) -> None:
    assert [stream["codec_name"] for stream in ffprobe(rich_hybrid)["streams"][:6]] == [
        "aac",
        "hevc",
        "hevc",
        "ac3",
        "subrip",
        "ass",
    ]
    assert [s["codec_name"] for s in ffprobe(rich_restored)["streams"][:5]] == ["aac", "hevc", "ac3", "subrip", "ass"]


def test_chapters_and_tags_are_kept(rich_source: Path, rich_hybrid: Path, rich_restored: Path) -> None:
    expected = ffprobe(rich_source)
    for path in (rich_hybrid, rich_restored):
        found = ffprobe(path)
        assert [(c["start_time"], c["end_time"], c["tags"]["title"]) for c in found["chapters"]] == [
            (c["start_time"], c["end_time"], c["tags"]["title"]) for c in expected["chapters"]
        ]
        tags = found["format"]["tags"]
        assert (tags["title"], tags["ARTIST"]) == ("My film", "Somebody")
        assert tags["creation_time"] == "2020-02-03T04:05:06.000000Z"
    said = [ffprobe(path)["format"]["tags"]["FFHYBRID"] for path in (rich_source, rich_hybrid, rich_restored)]
    assert said == ["old", HYBRID_STATEMENT, restored_statement(["thumbnail"])]


def test_attached_files_are_kept_byte_for_byte(rich_source: Path, rich_restored: Path) -> None:
    def attached(path: Path) -> dict[str, bytes]:
        with av.open(path) as container:
            found = {s.metadata["filename"]: s.data for s in container.streams if s.type == "attachment"}
            cover = next(s for s in container.streams.video if "filename" in s.metadata)
            found[cover.metadata["filename"]] = next(bytes(p) for p in container.demux(cover) if p.size)
        return found

    assert attached(rich_source).keys() == {"font.ttf", "cover.jpg"}
    assert attached(rich_restored) == attached(rich_source)


def test_mkvmerge_agrees_with_the_source(rich_source: Path, rich_hybrid: Path) -> None:
    theirs, ours = mkvmerge(rich_source), mkvmerge(rich_hybrid)
    assert {(f["file_name"], f["content_type"], f["description"], f["size"]) for f in ours["attachments"]} == {
        (f["file_name"], f["content_type"], f["description"], f["size"]) for f in theirs["attachments"]
    }
    assert ours["chapters"] == theirs["chapters"]
    names = ("codec_id", "language", "track_name", "forced_track", "audio_channels", "audio_sampling_frequency")

    def tracks(info: dict[str, Any]) -> list[tuple[Any, ...]]:
        return [tuple(t["properties"].get(n) for n in names) for t in info["tracks"] if t["type"] != "video"]

    assert tracks(ours) == tracks(theirs)


def test_restoring_to_mp4_carries_what_mp4_can(rich_hybrid: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with pytest.raises(UnsupportedError) as refused:
        ffhybrid.restore(rich_hybrid, target)
    message = str(refused.value)
    assert str(target) in message
    assert "subtitle stream 5 (ass)" in message
    assert "attachment stream 7 (font.ttf)" in message
    assert not target.exists()
    ffhybrid.restore(
        rich_hybrid,
        target,
        options=ffhybrid.OutputOptions(streams=ffhybrid.StreamOptions(maps=("-0:t",), subtitle_codec="mov_text")),
    )
    found = ffprobe(target)
    by_codec = {stream.get("codec_name"): stream for stream in found["streams"]}
    assert {"aac", "hevc", "ac3", "mov_text", "mjpeg"} <= by_codec.keys()
    assert by_codec["aac"]["tags"]["language"] == "ger"
    assert [chapter["tags"]["title"] for chapter in found["chapters"]] == ["One", "Zweites"]
    assert packets(target, "audio")[0].pts == packets(rich_hybrid, "audio")[0].pts


def test_an_mp4_with_chapters_is_carried_whole(rich_hybrid: Path, tmp_path: Path) -> None:
    """MP4 keeps chapter names in a text track, which is no stream of the user's."""
    source = tmp_path / "source.mp4"
    ffhybrid.restore(
        rich_hybrid,
        source,
        options=ffhybrid.OutputOptions(streams=ffhybrid.StreamOptions(maps=("-0:t",), subtitles=False)),
    )
    found = ffprobe(encoded(source))
    assert [chapter["tags"]["title"] for chapter in found["chapters"]] == ["One", "Zweites"]
    assert [stream["codec_type"] for stream in found["streams"]] == ["audio", "video", "video", "audio", "video"]


@pytest.mark.parametrize(
    ("maps", "expected"),
    [
        (("0:v:0", "0:a:1"), ["hevc", "ac3"]),
        (("0:a:0", "0:V"), ["aac", "hevc"]),
        (("-0:s", "-0:t", "-0:a:0", "-0:6"), ["hevc", "ac3"]),
        (("0:V", "0:s:m:language:xxx?", "0:3"), ["hevc", "subrip"]),
        (("0:V", "0:m:language:ger"), ["hevc", "aac"]),
    ],
)
def test_maps_choose_streams(rich_source: Path, tmp_path: Path, maps: tuple[str, ...], expected: list[str]) -> None:
    hybrid = tmp_path / "hybrid.mkv"
    carriage = ffhybrid.Carriage.INBAND
    options = replace(OPTIONS, streams=ffhybrid.StreamOptions(maps=maps), carriage=carriage, frames=2)
    ffhybrid.encode(rich_source, hybrid, options=options)
    assert [stream["codec_name"] for stream in ffprobe(hybrid)["streams"]] == expected


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        (("0:a",), "no video"),
        (("0:V", "0:s:7"), "0:s:7 fits no stream"),
        (("1:a",), "named as in"),
        (("0:x",), "named as in"),
    ],
)
def test_maps_that_cannot_work_are_refused(rich_source: Path, maps: tuple[str, ...], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        encoded(rich_source, "refused.mkv", streams=ffhybrid.StreamOptions(maps=maps))


@pytest.mark.parametrize(
    ("codec", "name"), [("aac", "aac"), ("libopus", "opus"), ("libmp3lame", "mp3"), ("flac", "flac")]
)
@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_audio_is_encoded_when_asked(rich_source: Path, tmp_path: Path, codec: str, name: str, suffix: str) -> None:
    hybrid = tmp_path / f"hybrid.{suffix}"
    bitrate = None if codec == "flac" else 96_000
    streams = ffhybrid.StreamOptions(maps=("0:V", "0:a"), audio_codec=codec, audio_bitrate=bitrate)
    ffhybrid.encode(rich_source, hybrid, options=replace(OPTIONS, streams=streams))
    with av.open(rich_source) as source, av.open(hybrid) as target:
        assert [stream.codec_context.codec.canonical_name for stream in target.streams.audio] == [name, name]
        assert target.streams.audio[0].language == "ger"
        before = [frame.samples for frame in source.decode(audio=0)]
        after = [frame.samples for frame in target.decode(audio=0)]
    assert abs(sum(before) - sum(after)) <= 2048
    assert abs(packets(hybrid, "audio")[0].pts) <= 30


def test_text_subtitles_are_converted_when_asked(rich_source: Path, tmp_path: Path) -> None:
    hybrid = tmp_path / "hybrid.mkv"
    streams = ffhybrid.StreamOptions(maps=("0:V", "0:s"), subtitle_codec="subrip")
    ffhybrid.encode(rich_source, hybrid, options=replace(OPTIONS, streams=streams))
    assert [packet.data for packet in packets(hybrid, "subtitle", 1)] == [b"Hi <b>there</b>"]
    assert packets(hybrid, "subtitle", 0) == packets(rich_source, "subtitle", 0)


def test_an_encoder_that_does_not_exist_is_a_usage_error(rich_source: Path, tmp_path: Path) -> None:
    streams = ffhybrid.StreamOptions(maps=("0:V", "0:a"), audio_codec="nonsense")
    with pytest.raises(UsageError, match="nonsense"):
        ffhybrid.encode(rich_source, tmp_path / "a.mkv", options=replace(OPTIONS, streams=streams))


def test_what_cannot_be_carried_is_named_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "text.srt").write_text(SUBRIP)
    source = tmp_path / "source.mp4"
    ffmpeg(*PICTURES, "-i", tmp_path / "text.srt", *VIDEO, "-c:s", "mov_text", source)
    done: list[object] = []
    with pytest.raises(UnsupportedError, match=r"subtitle stream 1 \(mov_text\).*-map -0:1") as refused:
        ffhybrid.encode(source, tmp_path / "a.mkv", options=OPTIONS, on_gop=done.append)
    assert str(source) in str(refused.value)
    with pytest.raises(UnsupportedError, match="MPEG-TS does not take subtitle stream 1"):
        ffhybrid.encode(source, tmp_path / "a.ts", options=OPTIONS, on_gop=done.append)
    assert not done
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("a.")] == []
    encoded(source, "a.mkv", streams=ffhybrid.StreamOptions(maps=("-0:1",)))
    encoded(source, "b.mkv", streams=ffhybrid.StreamOptions(subtitle_codec="subrip"))
    assert [packet.data for packet in packets(tmp_path / "b.mkv", "subtitle")][1] == b"Two\nlines"


def test_a_second_video_is_not_lost_silently(tmp_path: Path) -> None:
    source = tmp_path / "two.mkv"
    ffmpeg(*PICTURES, *PICTURES, "-map", "0", "-map", "1", *VIDEO, source)
    with pytest.raises(UnsupportedError, match=r"video stream 1 \(h264\) cannot be carried; -map -0:1"):
        encoded(source)
    encoded(source, streams=ffhybrid.StreamOptions(maps=("0:v:1",)))


def test_stock_tools_remux_all_that_a_hybrid_file_carries(rich_hybrid: Path, tmp_path: Path) -> None:
    merged, copied = tmp_path / "merged.mkv", tmp_path / "copied.mkv"
    run(tool("mkvmerge"), "-o", merged, rich_hybrid)
    stock_copy(rich_hybrid, copied)
    for path in (merged, copied):
        restored = tmp_path / f"restored-{path.name}"
        ffhybrid.restore(path, restored)
        ours, theirs = packets(restored, "audio"), packets(rich_hybrid, "audio")
        assert [packet.data for packet in ours] == [packet.data for packet in theirs]
        # mkvmerge counts samples from where it began, and rounds anew.
        assert all(abs(a.pts - b.pts) <= 2 for a, b in zip(ours, theirs, strict=True))
        assert packets(restored, "subtitle", 1) == packets(rich_hybrid, "subtitle", 1)
