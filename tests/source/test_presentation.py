"""How pictures are to be shown comes through: HDR, chroma location, rotation, cropping, as stock tools see it."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import ffhybrid
from ffhybrid import hevc
from ffhybrid.core.presentation import ContentLight, MasteringDisplay
from ffhybrid.encoder.coded_gop import encode_native_idr
from ffhybrid.hevc import sei
from ffhybrid.hevc.static_metadata import static_metadata
from ffhybrid.muxer.reading.hevc_stream import length_size, nal_units
from ffhybrid.restorer.splice import restore_gop
from ffhybrid.source.gop_planning import plan_gops
from ffhybrid.source.video import VideoSource
from media import OPTIONS, ffmpeg, mkvmerge, need_encoder
from support import run, tool

TEN_BITS = ("-f", "lavfi", "-i", "testsrc2=size=128x96:rate=25:duration=0.4,format=yuv420p10le")
MASTERING = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
HDR10 = f"colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:hdr10=1:master-display={MASTERING}:max-cll=1000,400"
HLG = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"
HDR10_PLUS = "HDR Dynamic Metadata SMPTE2094-40 (HDR10+)"
STATIC = ("Mastering display metadata", "Content light level metadata")
SAME_EVERYWHERE = ("color_range", "color_space", "color_transfer", "color_primaries", "chroma_location")


def x265_source(path: Path, params: str, pictures: tuple[str, ...] = TEN_BITS) -> Path:
    need_encoder("libx265")
    ffmpeg(*pictures, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", f"log-level=error:{params}", path)
    return path


def encoded(source: Path, name: str = "hybrid.mkv") -> Path:
    hybrid = source.parent / name
    ffhybrid.encode(source, hybrid, options=OPTIONS, engine="local:1")
    return hybrid


def restored(hybrid: Path, name: str) -> Path:
    target = hybrid.parent / name
    ffhybrid.restore(hybrid, target)
    return target


def shown(path: Path) -> dict[str, Any]:
    """What Debian's ffprobe says of the video stream."""
    result = run(tool("ffprobe"), "-v", "error", "-select_streams", "v:0", "-show_streams", "-of", "json", path)
    stream: dict[str, Any] = json.loads(result.stdout)["streams"][0]
    return stream


def frames(path: Path) -> list[dict[str, dict[str, Any]]]:
    """Side data of every frame by type, in order of presentation, rationals as fractions."""
    options = ("-select_streams", "v:0", "-show_frames", "-of", "json")
    found = json.loads(run(tool("ffprobe"), "-v", "error", *options, path).stdout)["frames"]
    return [by_type(frame.get("side_data_list", [])) for frame in found]


def by_type(side_data: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        entry["side_data_type"]: {
            name: Fraction(value) if isinstance(value, str) and "/" in value else value
            for name, value in entry.items()
            if name != "side_data_type"
        }
        for entry in side_data
    }


@pytest.fixture(scope="module")
def hdr10(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A source of HDR10 and its hybrid file."""
    source = x265_source(tmp_path_factory.mktemp("hdr") / "source.mp4", HDR10)
    return source, encoded(source)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov", "ts"])
def test_hdr10_is_in_every_keyframe_and_in_containers_that_have_a_place_for_it(
    hdr10: tuple[Path, Path], suffix: str
) -> None:
    source, hybrid = hdr10
    expected = {kind: frames(source)[0][kind] for kind in STATIC}
    target = restored(hybrid, f"restored.{suffix}")
    for path in (hybrid, target):
        assert {kind: frames(path)[0][kind] for kind in STATIC} == expected
        assert {name: shown(path)[name] for name in SAME_EVERYWHERE} == {
            name: shown(source)[name] for name in SAME_EVERYWHERE
        }
    assert by_type(shown(hybrid)["side_data_list"]) == expected
    mkvmerge(hybrid)
    if suffix != "ts":
        assert by_type(shown(target)["side_data_list"]) == expected


def test_hdr10_comes_out_of_containers_without_a_place_for_it(hdr10: tuple[Path, Path]) -> None:
    source, _ = hdr10
    target = restored(encoded(source, "hybrid.ts"), "from-ts.mkv")
    assert by_type(shown(target)["side_data_list"]) == {kind: frames(source)[0][kind] for kind in STATIC}


def test_native_idrs_have_it_too(hdr10: tuple[Path, Path], tmp_path: Path) -> None:
    source, _ = hdr10
    with VideoSource(source) as video:
        gop = next(plan_gops(video.frames(), video.info, tmp_path, limits=OPTIONS.limits))
    keyframe = restore_gop(encode_native_idr(gop, OPTIONS.x265).hybrid).access_units[0]
    assert static_metadata(keyframe.nal_units) == (
        MasteringDisplay((13250, 34500), (7500, 3000), (34000, 16000), (15635, 16450), 10_000_000, 50),
        ContentLight(1000, 400),
    )


def test_hybrid_log_gamma_is_in_the_bitstream_and_in_matroska(tmp_path: Path) -> None:
    hybrid = encoded(x265_source(tmp_path / "source.mp4", HLG))
    raw = restored(hybrid, "restored.hevc")
    for path in (hybrid, raw):
        assert (shown(path)["color_transfer"], shown(path)["color_primaries"]) == ("arib-std-b67", "bt2020")
    # Transfer function 18 is ARIB STD-B67 in ITU-T H.273.
    assert "color transfer: 18" in run(tool("mkvinfo"), hybrid).stdout.lower()


def hdr10_plus(average: int) -> bytes:
    """Write a message of SMPTE ST 2094-40 (application version 1) with one window of a given average."""
    fields = [(0xB5, 8), (0x003C, 16), (0x0001, 16), (4, 8), (1, 8), (1, 2), (400, 27), (0, 1)]
    fields += [(1000, 17)] * 3 + [(average, 17), (1, 4), (99, 7), (500, 17), (7, 10), (0, 1), (0, 1), (0, 1)]
    bits = "".join(f"{value:0{width}b}" for value, width in fields)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def with_hdr10_plus(source: Path, target: Path) -> Path:
    """Give every picture a message of its own: its average is the picture's timestamp."""
    with av.open(source) as container, av.open(target, "w") as written:
        stream = container.streams.video[0]
        copy = written.add_stream_from_template(stream)
        for packet in container.demux(stream):
            if not packet.size:
                continue
            units = nal_units(bytes(packet), length_size(stream))
            at = next(index for index, nal in enumerate(units) if hevc.is_slice(nal))
            units.insert(at, sei.write_message(4, hdr10_plus(int(packet.pts * packet.time_base * 1000))))
            changed = av.Packet(hevc.join_length_prefixed(units))
            changed.pts, changed.dts, changed.time_base = packet.pts, packet.dts, packet.time_base
            changed.is_keyframe, changed.duration, changed.stream = packet.is_keyframe, packet.duration, copy
            written.mux(changed)
    return target


@pytest.fixture(scope="module")
def dynamic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source of HDR10+ with B pictures."""
    folder = tmp_path_factory.mktemp("dynamic")
    return with_hdr10_plus(x265_source(folder / "plain.mkv", f"{HDR10}:bframes=3"), folder / "source.mkv")


def averages(path: Path) -> list[Any]:
    return [frame[HDR10_PLUS]["average_maxrgb"] for frame in frames(path)]


def test_hdr10_plus_is_kept_picture_by_picture(dynamic: Path) -> None:
    hybrid = encoded(dynamic)
    assert averages(dynamic) == [Fraction(40 * index, 100_000) for index in range(10)]
    for path in (hybrid, restored(hybrid, "restored.mp4"), restored(hybrid, "restored.ts")):
        assert averages(path) == averages(dynamic)


def test_hdr10_plus_follows_its_pictures_through_filters(dynamic: Path) -> None:
    options = replace(OPTIONS, source=ffhybrid.SourceOptions(filters="select='mod(n,2)',crop=96:64"))
    hybrid = dynamic.parent / "filtered.mkv"
    ffhybrid.encode(dynamic, hybrid, options=options, engine="local:1")
    assert averages(hybrid) == averages(dynamic)[1::2]


def test_hdr10_plus_of_av1_is_kept(dynamic: Path, tmp_path: Path) -> None:
    need_encoder("libaom-av1")
    source = tmp_path / "source.mp4"
    ffmpeg("-i", dynamic, "-c:v", "libaom-av1", "-cpu-used", "8", source)
    assert averages(encoded(source)) == averages(dynamic)


def test_hdr10_plus_of_another_codec_is_missed_aloud(
    dynamic: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    need_encoder("libvpx-vp9")
    source = tmp_path / "source.webm"
    ffmpeg("-i", dynamic, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", source)
    with VideoSource(source) as video:
        assert not any(frame.sei for frame in video.frames())
    assert [record.message for record in caplog.records] == [
        f"{source}: HDR10+ metadata are kept of HEVC and AV1 sources only"
    ]


@pytest.mark.parametrize(("location", "name"), [(1, "center"), (3, "top")])
def test_chroma_location_is_in_the_bitstream_and_in_matroska(location: int, name: str, tmp_path: Path) -> None:
    source = x265_source(tmp_path / "source.mp4", f"chromaloc={location}")
    hybrid = encoded(source)
    for path in (source, hybrid, restored(hybrid, "restored.mkv"), restored(hybrid, "restored.hevc")):
        assert shown(path)["chroma_location"] == name
    lines = run(tool("mkvinfo"), hybrid).stdout.lower().splitlines()
    sitings = [line.partition(":")[2].split() for line in lines if "chroma siting" in line]
    assert [values[0] for values in sitings] == {"center": ["2", "2"], "top": ["2", "1"]}[name]


def test_h264_tells_its_chroma_location_too(tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    ffmpeg(*TEN_BITS, "-vf", "format=yuv420p", "-c:v", "libx264", "-x264-params", "chromaloc=2", source)
    assert shown(encoded(source))["chroma_location"] == "topleft"


def turned_source(folder: Path, degrees: str, *mirror: str) -> Path:
    """A file that asks players to turn its pictures counter-clockwise."""
    plain, source = folder / "plain.mp4", folder / "source.mp4"
    ffmpeg(*TEN_BITS, "-vf", "format=yuv420p", "-c:v", "libx264", plain)
    ffmpeg("-display_rotation", degrees, *mirror, "-i", plain, "-c", "copy", source)
    return source


@pytest.mark.parametrize(("degrees", "mirror"), [("90", ()), ("0", ("-display_hflip",))])
def test_rotation_and_mirroring_are_kept(degrees: str, mirror: tuple[str, ...], tmp_path: Path) -> None:
    source = turned_source(tmp_path, degrees, *mirror)
    hybrid = encoded(source)
    expected = display_matrix(source)
    assert expected != (1, 0, 0, 1)
    for path in (hybrid, restored(hybrid, "restored.mkv"), restored(hybrid, "restored.mp4")):
        assert display_matrix(path) == expected
    assert rotations(tmp_path / "restored.mp4") == rotations(restored(hybrid, "restored.mov")) == rotations(source)


def rotations(path: Path) -> list[int]:
    return [entry["rotation"] for entry in shown(path)["side_data_list"]]


def display_matrix(path: Path) -> tuple[int, ...]:
    """Signs of a, b, c, d of the display matrix, as the newest FFmpeg at hand reads it."""
    with av.open(path) as container:
        frame = next(container.decode(video=0))
        matrix = np.frombuffer(bytes(frame.side_data["DISPLAYMATRIX"]), np.int32)
    return tuple(np.sign(matrix[[0, 1, 3, 4]]).tolist())


def test_containers_that_cannot_turn_pictures_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    encoded(turned_source(tmp_path, "90"), "hybrid.ts")
    assert "mpegts files cannot say how pictures are turned" in caplog.text


def test_cropping_of_the_container_is_done_before_encoding(tmp_path: Path) -> None:
    plain, source = tmp_path / "plain.mkv", tmp_path / "source.mkv"
    ffmpeg(*TEN_BITS, "-vf", "format=yuv420p", "-c:v", "ffv1", plain)
    run(tool("mkvmerge"), "-o", source, "--cropping", "0:8,4,16,12", plain)
    with av.open(plain) as container, VideoSource(source) as video:
        for frame, ours in zip(container.decode(video=0), video.frames(), strict=True):
            assert np.array_equal(ours.picture.y, frame.to_ndarray()[:96][4:84, 8:112])
    hybrid = encoded(source)
    assert (shown(hybrid)["width"], shown(hybrid)["height"]) == (104, 80)
    assert "crop" not in run(tool("mkvinfo"), hybrid).stdout.lower()


def test_a_conformance_window_hides_what_it_hid(tmp_path: Path) -> None:
    """x265 codes whole blocks of 8 and crops them: 104x88 here."""
    pictures = ("-f", "lavfi", "-i", "testsrc2=size=98x82:rate=25:duration=0.2,format=yuv420p")
    source = x265_source(tmp_path / "source.mp4", "lossless=1", pictures)
    hybrid = encoded(source)
    target = restored(hybrid, "restored.mp4")
    for path in (source, hybrid, target):
        assert (shown(path)["width"], shown(path)["height"]) == (98, 82)
    with av.open(source) as container, VideoSource(source) as video:
        for frame, ours in zip(container.decode(video=0), video.frames(), strict=True):
            assert np.array_equal(ours.picture.y, frame.to_ndarray()[:82])
