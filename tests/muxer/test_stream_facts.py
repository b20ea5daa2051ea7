"""Chroma location, orientation and cropping of streams, which PyAV does not tell."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from ffhybrid.muxer.libav.stream_facts import Cropping, StreamFacts, stream_facts
from media import PICTURES, VIDEO, ffmpeg, need_encoder
from support import run, tool


def facts(path: Path) -> StreamFacts:
    with av.open(path) as container:
        return stream_facts(container.streams.video[0])


def test_a_stream_without_them_has_none(tmp_path: Path) -> None:
    ffmpeg(*PICTURES, "-c:v", "rawvideo", tmp_path / "raw.nut")
    assert facts(tmp_path / "raw.nut") == StreamFacts()


def test_decoders_need_no_encoder_of_their_name(tmp_path: Path) -> None:
    """PyAV decodes AV1 by libdav1d."""
    need_encoder("libaom-av1")
    ffmpeg(*PICTURES, "-frames:v", "1", "-c:v", "libaom-av1", "-cpu-used", "8", tmp_path / "plain.mp4")
    ffmpeg("-display_rotation", "90", "-i", tmp_path / "plain.mp4", "-c", "copy", tmp_path / "turned.mp4")
    orientation = facts(tmp_path / "turned.mp4").orientation
    assert orientation is not None
    assert (abs(orientation.roll), orientation.is_mirrored) == (90, False)


def test_cropping_is_read_from_matroska_and_mp4(tmp_path: Path) -> None:
    plain, cropped, mp4 = (tmp_path / name for name in ("plain.mkv", "cropped.mkv", "cropped.mp4"))
    ffmpeg(*PICTURES, *VIDEO, plain)
    run(tool("mkvmerge"), "-o", cropped, "--cropping", "0:8,4,16,12", plain)
    ffmpeg("-i", cropped, "-c", "copy", mp4)
    for path in (cropped, mp4):
        assert facts(path).cropping == Cropping(left=8, top=4, right=16, bottom=12)


def test_a_codec_that_matroska_lacks_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ffmpeg(*PICTURES, tmp_path / "moving.gif")
    assert facts(tmp_path / "moving.gif") == StreamFacts()
    assert "gif: chroma location, rotation and cropping are not known" in caplog.text
