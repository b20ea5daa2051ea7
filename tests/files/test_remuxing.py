"""A hybrid file goes into any container and comes back: payloads, slices, times, sound, names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import av
import pytest

import ffhybrid
from ffhybrid.errors import UnsupportedError, UsageError
from media import OPTIONS, SUBRIP, ffmpeg, packets
from support import TINY_GOP, assert_same_gops, hybrid_gops

FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
LIMITS = ffhybrid.GopLimits(length=TINY_GOP, scene_threshold=0)
SEGMENTS = {"hls_time": "0.5"}
CONTAINERS: dict[str, tuple[str, Mapping[str, str]]] = {
    "matroska": ("there.mkv", {}),
    "mp4": ("there.mp4", {}),
    "fragmented mp4": ("there.mp4", FRAGMENTED),
    "mov": ("there.mov", {}),
    "mpegts": ("there.ts", {}),
    "hls, mpegts": ("there.m3u8", SEGMENTS),
    "hls, mp4": ("there.m3u8", {**SEGMENTS, "hls_segment_type": "fmp4"}),
    "nut": ("there.nut", {}),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_there_and_back(tiny_file: Path, container: str, tmp_path: Path) -> None:
    name, options = CONTAINERS[container]
    there, back = tmp_path / name, tmp_path / "back.mkv"
    report = ffhybrid.remux(tiny_file, there, options=ffhybrid.OutputOptions(format_options=options))
    ffhybrid.remux(there, back)
    original = hybrid_gops(tiny_file)
    assert (report.gops, report.pictures) == (4, 48)
    assert report.payload_bytes == sum(len(gop.payload) for gop in original)
    assert_same_gops(hybrid_gops(there), original)
    assert_same_gops(hybrid_gops(back), original)
    assert ffhybrid.verify(there).hashes_verified == 48
    assert ffhybrid.probe(back).carriage == "track"
    sound = [packet.data for packet in packets(tiny_file, "audio")]
    assert [packet.data for packet in packets(back, "audio")] == sound


@pytest.mark.parametrize("name", ["there.mkv", "there.mp4"])
def test_times_stay_exact_and_names_are_kept(tiny_file: Path, name: str, tmp_path: Path) -> None:
    ffhybrid.remux(tiny_file, tmp_path / name)
    found, wanted = hybrid_gops(tmp_path / name), hybrid_gops(tiny_file)
    assert [g.placeholder.pts * g.time_base for g in found] == [g.placeholder.pts * g.time_base for g in wanted]
    with av.open(tmp_path / name) as container:
        assert container.streams.audio[0].metadata["language"] == "ger"
        assert container.metadata["title"] == "Tiny"


def test_either_carriage_becomes_the_other_and_back(tiny_file: Path, tmp_path: Path) -> None:
    inband, track = tmp_path / "inband.mkv", tmp_path / "track.mkv"
    ffhybrid.remux(tiny_file, inband, carriage=ffhybrid.Carriage.INBAND)
    ffhybrid.remux(inband, track, carriage=ffhybrid.Carriage.TRACK)
    assert [ffhybrid.probe(path).carriage for path in (inband, track)] == ["inband", "track"]
    assert_same_gops(hybrid_gops(inband), hybrid_gops(tiny_file))
    ffhybrid.remux(tiny_file, tmp_path / "copy.mkv")
    assert track.read_bytes() == (tmp_path / "copy.mkv").read_bytes()


def test_encoding_writes_playlists_too(tiny_file: Path, tmp_path: Path) -> None:
    options = replace(OPTIONS, fallback=False, limits=LIMITS, frames=2 * TINY_GOP, format_options=SEGMENTS)
    report = ffhybrid.encode(tiny_file.with_name("source.mp4"), tmp_path / "list.m3u8", options=options)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["list.m3u8", "list0.ts", "list1.ts"]
    assert report.file_bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert ffhybrid.verify(tmp_path / "list.m3u8").pictures == 2 * TINY_GOP


def test_dash_has_every_gop_in_the_segments_of_its_video(tiny_file: Path, tmp_path: Path) -> None:
    ffhybrid.remux(
        tiny_file, tmp_path / "there.mpd", options=ffhybrid.OutputOptions(format_options={"seg_duration": "0.5"})
    )
    parts = [tmp_path / "init-stream0.m4s", *sorted(tmp_path.glob("chunk-stream0-*.m4s"))]
    assert len(parts) == 5
    video = Path("concat:" + "|".join(map(str, parts)))
    assert_same_gops(hybrid_gops(video), hybrid_gops(tiny_file))
    assert ffhybrid.verify(video).hashes_verified == 48


def test_segments_are_hybrid_files(tiny_file: Path, tmp_path: Path) -> None:
    options = {"segment_time": "0.5"}
    ffhybrid.remux(
        tiny_file,
        tmp_path / "part-%d.mkv",
        options=ffhybrid.OutputOptions(container_format="segment", format_options=options),
    )
    found = [hybrid_gops(path) for path in sorted(tmp_path.iterdir())]
    for ours, theirs in zip(found, hybrid_gops(tiny_file), strict=True):
        assert_same_gops(ours, [theirs])


@pytest.mark.parametrize("name", ["restored.mp4", "restored.mov", "restored.m3u8"])
def test_apple_players_find_hvc1(tiny_file: Path, name: str, tmp_path: Path) -> None:
    options = {"hls_segment_type": "fmp4"} if name.endswith("m3u8") else {}
    report = ffhybrid.restore(tiny_file, tmp_path / name, options=ffhybrid.OutputOptions(format_options=options))
    assert report.file_bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    with av.open(tmp_path / name) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"
        assert sum(1 for _ in container.decode(video=0)) == 48


def test_the_command_line_names_muxer_options_as_ffmpeg_does(tiny_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "ffhybrid", "remux", "-i", str(tiny_file), "-f", "mp4"]
    result = subprocess.run([*command, "-movflags", FRAGMENTED["movflags"], "-"], capture_output=True, check=True)
    (tmp_path / "there.mp4").write_bytes(result.stdout)
    assert result.stdout.count(b"moof") >= 4
    assert_same_gops(hybrid_gops(tmp_path / "there.mp4"), hybrid_gops(tiny_file))


def test_no_file_of_a_playlist_is_overwritten_unasked(tiny_file: Path, tmp_path: Path) -> None:
    (tmp_path / "there1.ts").write_text("precious")
    with pytest.raises(UsageError, match=r"there1\.ts exists"):
        ffhybrid.remux(tiny_file, tmp_path / "there.m3u8", options=ffhybrid.OutputOptions(format_options=SEGMENTS))
    assert [path.name for path in tmp_path.iterdir()] == ["there1.ts"]
    ffhybrid.remux(
        tiny_file, tmp_path / "there.m3u8", options=ffhybrid.OutputOptions(format_options=SEGMENTS), overwrite=True
    )
    assert_same_gops(hybrid_gops(tmp_path / "there.m3u8"), hybrid_gops(tiny_file))


def test_segments_get_the_names_that_were_asked_for(tiny_file: Path, tmp_path: Path) -> None:
    options = {**SEGMENTS, "hls_segment_filename": "part-%03d.ts"}
    ffhybrid.remux(tiny_file, tmp_path / "there.m3u8", options=ffhybrid.OutputOptions(format_options=options))
    names = [f"part-{number:03}.ts" for number in range(4)]
    assert [path.name for path in sorted(tmp_path.iterdir())] == [*names, "there.m3u8"]
    assert [line for line in (tmp_path / "there.m3u8").read_text().splitlines() if line[0] != "#"] == names


def test_a_failure_leaves_no_segment_behind(tiny_inband_file: Path, tmp_path: Path) -> None:
    damaged, folder = tmp_path / "damaged.mkv", tmp_path / "out"
    data = bytearray(tiny_inband_file.read_bytes())
    data[data.index(b"FFHK") + 60] ^= 1
    damaged.write_bytes(data)
    folder.mkdir()
    with pytest.raises(ffhybrid.CorruptDataError, match="GOP 0"):
        ffhybrid.remux(damaged, folder / "there.m3u8", options=ffhybrid.OutputOptions(format_options=SEGMENTS))
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("there.m3u8", {"hls_segment_filename": "elsewhere/%d.ts"}, "without a folder"),
        ("there.mpd", {"media_seg_name": "../%d.m4s"}, "without a folder"),
        ("there.m3u8", {"master_pl_name": ".."}, "without a folder"),
        ("there.m3u8", {"hls_fmp4_init_filename": "pipe:1"}, "without a folder"),
        ("there.m3u8", {"hls_key_info_file": "/etc/passwd"}, "without a folder"),
        ("there.mpd", {"single_file_name": "/tmp/there.m4s"}, "without a folder"),
        ("there.mpd", {"format_options": "brand=a/b"}, "without a folder"),
        ("there.mkv", {"movflags": "faststart"}, "without -movflags: our own writer takes no options"),
        ("there.mp4", {"movflag": "faststart"}, "muxer mp4 has no option -movflag; did you mean -movflags"),
        ("there.mp4", {"movflags": "+faststartt"}, r"does not take -movflags \+faststartt"),
        ("there.ts", {"mpegts_flag": "latm"}, "muxer mpegts has no option -mpegts_flag; did you mean -mpegts_flags"),
        ("there.ts", {"movflags": "faststart"}, "muxer mpegts has no option -movflags"),
        ("there.m3u8", {"hls_tim": "4"}, "muxer hls has no option -hls_tim; did you mean -hls_time"),
        ("there.m3u8", {"hls_segment_options": "movflag=x"}, "mpegts has no option -movflag"),
    ],
)
def test_options_that_cannot_work_are_refused(
    tiny_file: Path, name: str, options: dict[str, str], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        ffhybrid.remux(tiny_file, tmp_path / name, options=ffhybrid.OutputOptions(format_options=options))


def test_segments_get_the_options_of_their_muxer(tiny_file: Path, tmp_path: Path) -> None:
    options = {"hls_time": "0.5", "hls_segment_type": "fmp4", "brand": "mp42", "hls_segment_options": "movflags=+cmaf"}
    ffhybrid.remux(
        tiny_file,
        tmp_path / "there.m3u8",
        options=ffhybrid.OutputOptions(format_options={**options, "flush_packets": "1"}),
    )
    assert (tmp_path / "init.mp4").read_bytes()[4:12] == b"ftypmp42"
    assert_same_gops(hybrid_gops(tmp_path / "there.m3u8"), hybrid_gops(tiny_file))


def test_an_option_of_other_segments_is_said_to_be_unused(
    tiny_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ffhybrid.remux(
        tiny_file,
        tmp_path / "there.m3u8",
        options=ffhybrid.OutputOptions(format_options={**SEGMENTS, "movflags": "+frag_keyframe"}),
    )
    assert caplog.text.count("-movflags is no option of mpegts segments, and not used") == 1
    assert_same_gops(hybrid_gops(tmp_path / "there.m3u8"), hybrid_gops(tiny_file))


def test_flags_that_are_added_leave_files_reproducible(tiny_file: Path, tmp_path: Path) -> None:
    ffhybrid.remux(tiny_file, tmp_path / "there.mp4")
    ffhybrid.remux(
        tiny_file, tmp_path / "flushed.mp4", options=ffhybrid.OutputOptions(format_options={"fflags": "+flush_packets"})
    )
    assert (tmp_path / "flushed.mp4").read_bytes() == (tmp_path / "there.mp4").read_bytes()


def test_several_files_do_not_go_into_a_pipe(tiny_file: Path) -> None:
    with pytest.raises(UsageError, match="several files"):
        ffhybrid.remux(tiny_file, "-", options=ffhybrid.OutputOptions(container_format="hls"))


@pytest.mark.parametrize("container_format", ["mp4", "mov"])
@pytest.mark.parametrize("flags", [None, "faststart"])
def test_a_format_that_has_to_seek_says_so_of_a_pipe(tiny_file: Path, container_format: str, flags: str | None) -> None:
    options = ffhybrid.OutputOptions(
        container_format=container_format, format_options={"movflags": flags} if flags else {}
    )
    wanted = f"-: {container_format} needs an output that can seek; use -movflags frag_keyframe or -f matroska"
    with pytest.raises(UsageError, match=f"^{wanted}$"):
        ffhybrid.remux(tiny_file, "-", options=options)


@pytest.mark.parametrize("flags", ["faststart", "frag_keyframe"])
def test_flags_of_mp4_that_take_a_second_look_at_the_file_work(tiny_file: Path, flags: str, tmp_path: Path) -> None:
    path = tmp_path / "there.mp4"
    report = ffhybrid.remux(tiny_file, path, options=ffhybrid.OutputOptions(format_options={"movflags": flags}))
    assert report.gops == 4
    found = path.read_bytes()
    assert found.index(b"moov") < found.index(b"mdat")
    assert_same_gops(hybrid_gops(path), hybrid_gops(tiny_file))


def test_a_track_of_payloads_is_for_matroska(tiny_file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="inband"):
        ffhybrid.remux(tiny_file, tmp_path / "there.mp4", carriage=ffhybrid.Carriage.TRACK)


@pytest.mark.parametrize("name", ["there.mp4", "there.ts", "there.m3u8", "there.mpd"])
def test_what_a_container_does_not_take_is_named_before_anything_is_written(
    tiny_file: Path, name: str, tmp_path: Path
) -> None:
    (tmp_path / "text.srt").write_text(SUBRIP)
    texted, folder = tmp_path / "texted.mkv", tmp_path / "out"
    folder.mkdir()
    ffmpeg("-i", tiny_file, "-i", tmp_path / "text.srt", "-map", "0", "-map", "1", "-c", "copy", texted)
    with pytest.raises(UnsupportedError, match=r"subtitle stream 3 \(subrip\).*-map -0:3 leaves it out"):
        ffhybrid.remux(texted, folder / name)
    assert not list(folder.iterdir())
    report = ffhybrid.remux(
        texted, folder / name, options=ffhybrid.OutputOptions(streams=ffhybrid.StreamOptions(subtitles=False))
    )
    assert report.gops == 4
