"""What stock tools see of hybrid files, and what they leave of them: the table of docs/TOOLS.md.

Every cell is a tool, something that it does, and a carriage; what it makes restores exactly, or its limit is asserted.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import ffhybrid
from ffhybrid.errors import CorruptDataError, FFHybridError, NotHybridError
from media import ffprobe, mkvmerge
from support import EXACT, ffmpegs, hybrid_gops, pyav_copy, run, tool

BINARIES = pytest.mark.parametrize("binary", ["debian", "imageio-ffmpeg"])
CARRIAGES = pytest.mark.parametrize("source", ["track", "inband"], indirect=True)
WHOLE = (0, 1, 2, 3)
COPY = "-i {source} -map 0 -c copy"
HLS = f"{COPY} -f hls -hls_time 0.5 -hls_list_size 0"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Arguments of a tool, one command after the other; outputs are checked by their names in order.

    ``gops`` are the numbers of the source's GOPs that each output holds.
    """

    commands: tuple[str, ...]
    outputs: tuple[str, ...]
    gops: tuple[tuple[int, ...], ...] = (WHOLE,)


FFMPEG = {
    "mkv": Recipe((f"{COPY} out.mkv",), ("out.mkv",)),
    "mkv, second generation": Recipe((f"{COPY} 1.mkv", "-i 1.mkv -map 0 -c copy 2.mkv"), ("2.mkv",)),
    "segments": Recipe(
        (f"{COPY} -f segment -segment_time 1 -reset_timestamps 1 %d.mkv",), ("0.mkv", "1.mkv"), ((0, 1), (2, 3))
    ),
    "cut before reading": Recipe(("-ss 1.2 -i {source} -map 0 -c copy out.mkv",), ("out.mkv",), ((2, 3),)),
    "cut after reading": Recipe((f"{COPY} -ss 0.7 out.mkv",), ("out.mkv",), ((2, 3),)),
    "cut at the end": Recipe((f"{COPY} -to 0.9 out.mkv",), ("out.mkv",), ((0, 1),)),
    "mp4": Recipe((f"{COPY} out.mp4",), ("out.mp4",)),
    "fragmented mp4": Recipe((f"{COPY} -movflags frag_keyframe+empty_moov out.mp4",), ("out.mp4",)),
    "mov": Recipe((f"{COPY} out.mov",), ("out.mov",)),
    "mpegts": Recipe((f"{COPY} out.ts",), ("out.ts",)),
    "mpegts, and mkv again": Recipe((f"{COPY} out.ts", "-i out.ts -map 0 -c copy out.mkv"), ("out.mkv",)),
    "mp4, and mkv again": Recipe((f"{COPY} out.mp4", "-i out.mp4 -map 0 -c copy out.mkv"), ("out.mkv",)),
    "hls, mpegts": Recipe((f"{HLS} out.m3u8",), ("out.m3u8",)),
    "hls, mp4": Recipe((f"{HLS} -hls_segment_type fmp4 out.m3u8",), ("out.m3u8",)),
    "nut": Recipe((f"{COPY} out.nut",), ("out.nut",)),
}
MKVMERGE = {
    "mkv": Recipe(("-q -o out.mkv {source}",), ("out.mkv",)),
    "split": Recipe(("-q -o out.mkv --split 1s {source}",), ("out-001.mkv", "out-002.mkv"), ((0, 1), (2, 3))),
    "append": Recipe(("-q -o out.mkv {source} + {source}",), ("out.mkv",), ((*WHOLE, *WHOLE),)),
}
GSTREAMER_INBAND = {
    "matroskamux": Recipe(
        ("filesrc location={source} ! matroskademux ! h265parse ! matroskamux ! filesink location=out.mkv",),
        ("out.mkv",),
    ),
    "mp4mux": Recipe(
        ("filesrc location={source} ! matroskademux ! h265parse ! mp4mux ! filesink location=out.mp4",), ("out.mp4",)
    ),
    "mpegtsmux": Recipe(
        ("filesrc location={source} ! matroskademux ! h265parse ! mpegtsmux ! filesink location=out.ts",), ("out.ts",)
    ),
}
GSTREAMER_TRACK = (
    "filesrc location={source} ! matroskademux name=d "
    "d.video_0 ! queue ! h265parse ! matroskamux name=m ! filesink location=out.mkv "
    "d.video_1 ! queue ! h265parse ! m."
)


@pytest.fixture
def source(request: pytest.FixtureRequest, tiny_file: Path, tiny_inband_file: Path) -> Path:
    """The tiny hybrid file in a carriage."""
    return tiny_file if request.param == "track" else tiny_inband_file


def binary_path(name: str) -> str:
    if name not in ffmpegs():
        pytest.skip(f"{name} ffmpeg is not installed (see .ci/run)")
    return ffmpegs()[name]


def cook(program: Sequence[str], recipe: Recipe, source: Path, folder: Path) -> None:
    """Follow a recipe and check what comes of it."""
    for command in recipe.commands:
        arguments = [part.format(source=source) for part in command.split()]
        result = subprocess.run([*program, *arguments], cwd=folder, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
    for name, numbers in zip(recipe.outputs, recipe.gops, strict=True):
        assert_exact(folder / name, source, numbers)


def assert_exact(path: Path, source: Path, numbers: Sequence[int]) -> None:
    """These GOPs of the source are there, byte for byte, only the last one cut short; and all pictures verify."""
    wanted = [hybrid_gops(source)[number] for number in numbers]
    found = hybrid_gops(path)
    assert [gop.payload for gop in found] == [gop.payload for gop in wanted]
    for index, (ours, theirs) in enumerate(zip(found, wanted, strict=True)):
        kept = None if index < len(wanted) - 1 else len(ours.inter)
        assert [u.nal_units for u in ours.inter] == [u.nal_units for u in theirs.inter[:kept]]
    report = ffhybrid.verify(path)
    assert report.hashes_verified == report.pictures == sum(len(gop.access_units) for gop in found)


@BINARIES
@CARRIAGES
@pytest.mark.parametrize("recipe", FFMPEG)
def test_ffmpeg(source: Path, binary: str, recipe: str, tmp_path: Path) -> None:
    cook((binary_path(binary), "-v", "error"), FFMPEG[recipe], source, tmp_path)


@CARRIAGES
@pytest.mark.parametrize("recipe", MKVMERGE)
def test_mkvmerge(source: Path, recipe: str, tmp_path: Path) -> None:
    cook((tool("mkvmerge"),), MKVMERGE[recipe], source, tmp_path)


@CARRIAGES
@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov", "ts", "nut"])
def test_pyav(source: Path, suffix: str, tmp_path: Path) -> None:
    assert_exact(pyav_copy(source, tmp_path / f"out.{suffix}"), source, WHOLE)


@pytest.mark.parametrize("recipe", GSTREAMER_INBAND)
def test_gstreamer_in_band(tiny_inband_file: Path, recipe: str, tmp_path: Path) -> None:
    cook((tool("gst-launch-1.0"), "-q"), GSTREAMER_INBAND[recipe], tiny_inband_file, tmp_path)


def test_gstreamer_with_the_neural_track(tiny_file: Path, tmp_path: Path) -> None:
    cook((tool("gst-launch-1.0"), "-q"), Recipe((GSTREAMER_TRACK,), ("out.mkv",)), tiny_file, tmp_path)


@pytest.mark.parametrize("name", ["there.mp4", "there.ts"])
def test_gstreamer_reads_what_remux_writes(tiny_file: Path, name: str, tmp_path: Path) -> None:
    ffhybrid.remux(tiny_file, tmp_path / name)
    demuxer = {"there.mp4": "qtdemux", "there.ts": "tsdemux"}[name]
    pipeline = f"filesrc location={name} ! {demuxer} ! h265parse ! matroskamux ! filesink location=out.mkv"
    cook((tool("gst-launch-1.0"), "-q"), Recipe((pipeline,), ("out.mkv",)), tiny_file, tmp_path)


@CARRIAGES
def test_gstreamer_discovers_the_video(source: Path) -> None:
    said = run(tool("gst-discoverer-1.0"), source).stdout
    assert "video #1: H.265" in said
    assert "Width: 96" in said


@CARRIAGES
def test_mpv_plays_without_a_message(source: Path) -> None:
    result = run(tool("mpv"), "--no-config", "--vo=null", "--ao=null", "--untimed", "--msg-level=all=warn", source)
    said = (result.stdout + result.stderr).splitlines()
    assert [line for line in said if "underrun" not in line] == []  # that one is about a busy machine


@CARRIAGES
def test_probes_find_the_video_first_and_say_nothing(source: Path) -> None:
    streams = ffprobe(source)["streams"]
    assert (streams[0]["codec_name"], streams[0]["width"], streams[0]["disposition"]["default"]) == ("hevc", 96, 1)
    assert run(tool("ffprobe"), "-v", "warning", source).stderr == ""
    tracks = mkvmerge(source)["tracks"]
    assert tracks[0]["properties"]["default_track"]
    assert [track["properties"]["default_track"] for track in tracks if track["type"] == "video"][1:] == [False] * (
        source.name == "tiny.mkv"
    )


@BINARIES
@CARRIAGES
def test_ffmpeg_decodes_without_a_message(source: Path, binary: str) -> None:
    """Not into ``-f null``, where FFmpeg 5.1 complains of the times of any Matroska file at 23.976 fps."""
    result = run(binary_path(binary), "-v", "warning", "-i", source, "-map", "0:v", "-f", "framecrc", "-")
    assert result.stderr == ""


def ffmpeg_loses(source: Path, folder: Path, *arguments: str) -> tuple[Path, FFHybridError]:
    """Let ffmpeg make a file that does not restore; give the file and the error that says so."""
    run(ffmpegs()["imageio-ffmpeg"], "-v", "error", "-i", source, *arguments, folder / "out.mkv")
    with pytest.raises(FFHybridError) as caught:
        ffhybrid.verify(folder / "out.mkv")
    return folder / "out.mkv", caught.value


def test_limit_without_map_0_ffmpeg_drops_the_neural_track(tiny_file: Path, tmp_path: Path) -> None:
    _, error = ffmpeg_loses(tiny_file, tmp_path, "-c", "copy")
    assert isinstance(error, CorruptDataError)
    assert "GOP 0 at 0.000 s has no payload" in str(error)


def test_limit_a_filter_that_removes_sei_messages_makes_an_ordinary_file(
    tiny_inband_file: Path, tmp_path: Path
) -> None:
    _, error = ffmpeg_loses(
        tiny_inband_file, tmp_path, "-map", "0", "-c", "copy", "-bsf:v", "filter_units=remove_types=39"
    )
    assert isinstance(error, NotHybridError)


def test_limit_encoding_anew_ends_a_hybrid_file(tiny_inband_file: Path, tmp_path: Path) -> None:
    codec = ("-c:v", "libx265", "-x265-params", "log-level=error")
    path, error = ffmpeg_loses(tiny_inband_file, tmp_path, *codec)
    assert isinstance(error, NotHybridError)
    with ffhybrid.open(path) as container:
        assert not container.is_hybrid


@BINARIES
def test_limit_gstreamer_loses_the_first_gop_of_mpegts_by_ffmpeg(
    tiny_inband_file: Path, binary: str, tmp_path: Path
) -> None:
    """FFmpeg writes SEI messages before the parameter sets, where h265parse does not look yet."""
    pipeline = "filesrc location=out.ts ! tsdemux ! h265parse ! matroskamux ! filesink location=out.mkv"
    run(binary_path(binary), "-v", "error", "-i", tiny_inband_file, "-map", "0:v", "-c", "copy", tmp_path / "out.ts")
    assert_exact(tmp_path / "out.ts", tiny_inband_file, WHOLE)
    subprocess.run([tool("gst-launch-1.0"), "-q", *pipeline.split()], cwd=tmp_path, check=True)
    with pytest.raises(NotHybridError, match="first keyframe has no binding tag"):
        ffhybrid.probe(tmp_path / "out.mkv")


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts", "hevc", "nut"])
def test_restored_files_are_ordinary_files(tiny_file: Path, suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"restored.{suffix}"
    sound = ffhybrid.StreamOptions(audio=suffix != "hevc")
    report = ffhybrid.restore(tiny_file, target, options=ffhybrid.OutputOptions(streams=sound))
    assert (report.gops, report.pictures) == (4, 48)
    for binary in ffmpegs().values():
        result = run(binary, "-v", "error", *EXACT, "-i", target, "-map", "0:v", "-f", "framecrc", "-")
        assert result.stderr == ""
        assert result.stdout.count("\n0,") == 48
