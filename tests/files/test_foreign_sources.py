"""Files of other encoders, which lie beside the project: they encode and restore, or are refused by name."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import replace
from pathlib import Path

import pytest

import ffhybrid
from exactness.conformance import options
from exactness.streams import Stream, decoded_md5s, md5_of_lines, streams
from ffhybrid.core.frames import video_frame
from ffhybrid.errors import CorruptDataError, UnsupportedError
from ffhybrid.source.video import VideoSource

STREAMS = {stream.name: stream for stream in streams()}
PICTURES = 24
REFUSED = {
    "fate/extradata-reload-multi-stsd.mp4": (UnsupportedError, "the picture size changes to 128x256"),
    "fate/loewe.mp4": (UnsupportedError, "data stream 2 .* cannot be carried; -map -0:2"),
    "heif/B020.265": (CorruptDataError, "no media file that FFmpeg can read"),
    "heif/B021.265": (CorruptDataError, "no media file that FFmpeg can read"),
    "heif/B023.265": (CorruptDataError, "no media file that FFmpeg can read"),
    "heif/B029.265": (UnsupportedError, "yuv444p, .* -pix_fmt yuv420p"),
}
WARNED = {
    "fate/dovi-p5.mp4": "Dolby Vision metadata are not kept",
    "fate/dovi-p81.mp4": "Dolby Vision metadata are not kept",
    "heif/B025.265": "of several views the first is kept",
}
SOURCES = ("cros/64x64-I-P-B-P.265", "cros/bear.265", "heif/B022.265", "heif/B037.265")
SLOW = ("fate/hdr10tags-both.mkv", "fate/loewe.mp4", "fate/mov_ibi_elst_starts_b.mp4", "heif/B025.265", "heif/B028.265")


def stream(name: str) -> Stream:
    if name not in STREAMS:
        pytest.skip("there are no streams of other encoders beside the project (../shared/conformance)")
    return STREAMS[name]


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_is_refused_by_name(name: str, tmp_path: Path) -> None:
    kind, message = REFUSED[name]
    everything = replace(options(PICTURES), streams=ffhybrid.StreamOptions())
    with pytest.raises(kind, match=message):
        ffhybrid.encode(stream(name).path, tmp_path / "refused.mkv", options=everything)
    assert not (tmp_path / "refused.mkv").exists()


@pytest.mark.parametrize("name", WARNED)
def test_what_is_left_out_is_said(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), VideoSource(stream(name).path) as source:
        assert len(list(source.frames(limit=2))) == min(2, stream(name).frames)
    assert any(re.search(WARNED[name], record.getMessage()) for record in caplog.records)


@pytest.mark.parametrize("name", SOURCES)
def test_pictures_are_those_of_ffmpeg(name: str) -> None:
    with VideoSource(stream(name).path) as source:
        md5s = [hashlib.md5(video_frame(frame.picture).to_ndarray().tobytes()).hexdigest() for frame in source.frames()]
    assert len(md5s) == stream(name).frames
    assert md5_of_lines(md5s) == stream(name).md5


@pytest.mark.parametrize(
    "name", ["cros/64x64-I-P-B-P.265", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_a_restored_file_is_what_its_hashes_say(name: str, tmp_path: Path) -> None:
    hybrid, restored = tmp_path / "hybrid.mkv", tmp_path / "restored.mkv"
    ffhybrid.encode(stream(name).path, hybrid, options=options(PICTURES))
    assert not ffhybrid.restore(hybrid, restored).damaged
    assert 0 < len(decoded_md5s(restored)) <= min(PICTURES, stream(name).frames)
