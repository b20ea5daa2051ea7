"""Sources come in as even 4:2:0 pictures with their own timestamps, and GOPs are cut where they should be."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type

from ffhybrid.core.source_gop import SourceGop
from ffhybrid.errors import CorruptDataError, UnsupportedError, UsageError
from ffhybrid.source.gop_planning import GopLimits, plan_gops
from ffhybrid.source.video import SourceOptions, VideoSource
from media import PICTURES, VIDEO, ffmpeg
from support import clip


def write_clip(
    path: Path, frames: list[np.ndarray], pix_fmt: str, *, pts: list[int] | None = None, fps: int = 25
) -> Path:
    """Write raw-like FFV1 frames of any pixel format."""
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, array in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = (pts or [40 * i for i in range(len(frames))])[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def noise(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def planned(path: Path, folder: Path, limits: GopLimits) -> list[SourceGop]:
    with VideoSource(path) as source:
        return list(plan_gops(source.frames(), source.info, folder, limits=limits))


def test_frames_are_what_pyav_decodes() -> None:
    with VideoSource(clip("carphone_pristine.mp4")) as source, av.open(clip("carphone_pristine.mp4")) as container:
        theirs = container.decode(video=0)
        for ours, frame in zip(source.frames(limit=5), theirs, strict=False):
            packed = np.concatenate([plane.ravel() for plane in ours.picture.planes])
            assert np.array_equal(packed, frame.to_ndarray().ravel())
            assert ours.pts == frame.pts


def test_odd_sizes_repeat_their_last_row_and_column(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "odd.mkv", [noise(45, 67, 0)], "yuv420p")
    with VideoSource(path) as source:
        (frame,) = source.frames()
    assert (source.info.spec.width, source.info.spec.height) == (68, 46)
    assert np.array_equal(frame.picture.y[45], frame.picture.y[44])
    assert np.array_equal(frame.picture.y[:, 67], frame.picture.y[:, 66])
    assert frame.picture.cb.shape == (23, 34)


@pytest.mark.parametrize("pix_fmt", ["yuv444p", "yuv422p10le", "yuv420p12le", "bgr0", "gray"])
def test_other_pixel_formats_are_converted_only_when_asked(tmp_path: Path, pix_fmt: str) -> None:
    path = write_clip(tmp_path / "clip.mkv", [noise(48, 64, 0)], pix_fmt)
    with pytest.raises(UnsupportedError, match=f"{pix_fmt}, .* -pix_fmt yuv420p or yuv420p10le"):
        VideoSource(path)
    for wanted, depth in (("yuv420p", 8), ("yuv420p10le", 10)):
        with VideoSource(path, options=SourceOptions(pixel_format=wanted)) as source:
            (frame,) = source.frames()
        assert source.info.spec.bit_depth == frame.picture.bit_depth == depth
        assert frame.picture.y.dtype == (np.uint8 if depth == 8 else np.uint16)
        assert not source.info.spec.colour.full_range


def test_a_conversion_keeps_the_range_of_samples(tmp_path: Path) -> None:
    source = tmp_path / "full.mkv"
    ffmpeg(*PICTURES, "-vf", "scale=out_range=full,format=yuv444p", "-color_range", "pc", "-c:v", "ffv1", source)
    with VideoSource(source, options=SourceOptions(pixel_format="yuv420p")) as video, av.open(source) as container:
        ours, theirs = next(video.frames()).picture, next(container.decode(video=0))
        assert video.info.spec.colour.full_range
    assert np.array_equal(ours.y, theirs.to_ndarray()[0])


def test_other_arrangements_of_the_same_samples_need_no_asking(tmp_path: Path) -> None:
    planar, mixed = tmp_path / "planar.mkv", tmp_path / "mixed.nut"
    ffmpeg(*PICTURES, "-c:v", "ffv1", planar)
    ffmpeg("-i", planar, "-c:v", "rawvideo", "-pix_fmt", "nv12", mixed)
    with VideoSource(planar) as ours, VideoSource(mixed) as theirs:
        for a, b in zip(ours.frames(limit=3), theirs.frames(limit=3), strict=True):
            assert a.picture.same_samples(b.picture)


def test_unknown_pixel_formats_are_no_wish() -> None:
    with pytest.raises(UsageError, match="-pix_fmt yuv444p: .* yuv420p or yuv420p10le"):
        SourceOptions(pixel_format="yuv444p")


def test_gops_have_the_asked_length(tmp_path: Path) -> None:
    gops = planned(clip("carphone_pristine.mp4"), tmp_path, GopLimits(length=50, scene_threshold=0))
    assert [len(gop) for gop in gops] == [50, 50, 20]
    assert [gop.index for gop in gops] == [0, 1, 2]


def test_a_scene_cut_begins_a_gop(tmp_path: Path) -> None:
    dark, bright = np.zeros((64, 64, 3), np.uint8), noise(64, 64, 1) // 4 + 180
    path = write_clip(tmp_path / "cut.mkv", [dark] * 20 + [bright] * 20, "yuv420p")
    assert [len(gop) for gop in planned(path, tmp_path, GopLimits(length=100))] == [20, 20]
    assert [len(gop) for gop in planned(path, tmp_path, GopLimits(length=100, minimum=30))] == [40]
    assert [len(gop) for gop in planned(path, tmp_path, GopLimits(length=100, scene_threshold=0))] == [40]


def test_no_gop_outlasts_a_cluster(tmp_path: Path) -> None:
    frames = [noise(32, 32, i) for i in range(8)]
    path = write_clip(tmp_path / "slow.mkv", frames, "yuv420p", pts=[10_000 * i for i in range(8)])
    gops = planned(path, tmp_path, GopLimits(scene_threshold=0))
    assert all((gop.pts[-1] - gop.pts[0]) * gop.time_base < 30 for gop in gops)
    assert sum(map(len, gops)) == 8


def test_variable_frame_rates_keep_their_timestamps(tmp_path: Path) -> None:
    pts = [0, 40, 95, 100, 400]
    path = write_clip(tmp_path / "vfr.mkv", [noise(32, 32, i) for i in range(5)], "yuv420p", pts=pts)
    (gop,) = planned(path, tmp_path, GopLimits(scene_threshold=0))
    assert [round(t * gop.time_base * 1000) for t in gop.pts] == pts


def test_spooled_pictures_come_back(tmp_path: Path) -> None:
    with VideoSource(clip("carphone_pristine.mp4")) as source:
        frames = list(source.frames(limit=3))
        (gop,) = plan_gops(frames, source.info, tmp_path, limits=GopLimits())
    assert all(gop.picture(i).same_samples(frame.picture) for i, frame in enumerate(frames))
    gop.discard()
    assert not gop.path.exists()


@pytest.mark.parametrize("codec", [("libx264", "-flags", "+ildct+ilme"), ("mpeg2video", "-flags", "+ildct+ilme")])
def test_interlaced_video_is_refused_with_the_way_out(codec: tuple[str, ...], tmp_path: Path) -> None:
    source = tmp_path / "interlaced.mkv"
    fields = ("-vf", "tinterlace=interleave_top,fieldorder=tff")
    ffmpeg(*PICTURES, *fields, "-c:v", *codec, source)
    with pytest.raises(UnsupportedError, match="interlaced .* -vf bwdif"), VideoSource(source) as video:
        list(video.frames())


@pytest.mark.parametrize("content", [b"", b"text" * 1000])
def test_no_media_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "untrusted.mp4"
    path.write_bytes(content)
    with pytest.raises(CorruptDataError, match="no media file"):
        VideoSource(path)


def test_a_change_of_size_is_refused(tmp_path: Path) -> None:
    small, large = (tmp_path / f"{side}.h264" for side in (64, 96))
    for path in (small, large):
        ffmpeg("-f", "lavfi", "-i", f"testsrc2=size={path.stem}x64:rate=25:duration=0.2", *VIDEO, "-bf", "0", path)
    joined = tmp_path / "joined.h264"
    joined.write_bytes(small.read_bytes() + large.read_bytes())
    with VideoSource(joined) as source, pytest.raises(UnsupportedError, match="the picture size changes to 96x64"):
        list(source.frames())


def test_side_data_that_pyav_has_no_name_for_hides_none(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=1:duration=1,format=yuvj420p", "-frames:v", "1", path)
    tags = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0"
    exif = b"\xff\xe1" + (len(tags) + 8).to_bytes(2, "big") + b"Exif\0\0" + tags
    path.write_bytes(path.read_bytes()[:2] + exif + path.read_bytes()[2:])
    with av.open(path) as container:
        kinds = {data.type for data in next(container.decode(video=0)).side_data}
    assert {Type.DISPLAYMATRIX} < kinds
    with VideoSource(path) as source:
        assert len(list(source.frames())) == 1
