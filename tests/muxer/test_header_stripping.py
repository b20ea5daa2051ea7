"""Frames of hybrid files lack the zero bytes that all begin with, and come back whole from whatever reads Matroska."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import av
import pytest

import ffhybrid
from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.hevc import sei
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.matroska.header_stripping import content_encodings, stripped_frame
from ffhybrid.muxer.matroska.writer import MatroskaWriter
from ffhybrid.muxer.reading.hevc_stream import header_sets
from muxer_clips import TIME_BASE, video_track, write_matroska
from support import EXACT, assert_same_gops, ffmpegs, hybrid_gops, run, tool

DELIMITER = b"\x46\x01\x50"
LARGE = b"\x02\x01" + b"\x55" * 70_000
"""A NAL unit of a slice whose length does not begin with two zero bytes."""
NOISE = "testsrc2=size=256x256:rate=25:duration=0.12,noise=alls=100:allf=t,format=yuv420p"
FFMPEGS = pytest.mark.parametrize("binary", sorted(ffmpegs()))


def matroska_of(gop: HybridGop, carriage: Carriage | None) -> bytes:
    """Write a GOP as it is, without binding tag or payload."""
    file = io.BytesIO()
    with MatroskaWriter(file, video=video_track(gop.parameter_sets), carriage=carriage) as writer:
        writer.write_access_units(gop.access_units, gop.parameter_sets.nal_units, gop.time_base)
    return file.getvalue()


def frames(data: bytes) -> list[bytes]:
    """What libav reads of the first track."""
    with av.open(io.BytesIO(data)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def with_large_picture(gop: HybridGop) -> HybridGop:
    """Put a large slice in place of the first P or B picture."""
    first, *others = gop.inter
    return replace(gop, inter=(replace(first, nal_units=(LARGE,)), *others))


def encodings(path: Path) -> list[str | None]:
    """Content encodings of all tracks, as mkvmerge sees them."""
    tracks = json.loads(run(tool("mkvmerge"), "-J", path).stdout)["tracks"]
    return [track["properties"].get("content_encoding_algorithms") for track in tracks]


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hybrid file whose pictures are too large to be without a delimiter."""
    folder = tmp_path_factory.mktemp("noise")
    run(ffmpegs()["imageio-ffmpeg"], "-v", "error", "-f", "lavfi", "-i", NOISE, "-c:v", "ffv1", folder / "noise.mkv")
    options = ffhybrid.EncodeOptions(
        generator="thumbnail", fallback=False, picture_hashes=True, x265=ffhybrid.X265Options(crf=1, preset="ultrafast")
    )
    ffhybrid.encode(folder / "noise.mkv", folder / "hybrid.mkv", options=options)
    return folder / "hybrid.mkv"


def test_the_file_has_frames_without_two_zero_bytes_that_libav_gives_back(gops: list[HybridGop]) -> None:
    data = matroska_of(gops[0], Carriage.INBAND)
    found = frames(data)
    assert found == [hevc.join_length_prefixed(unit.nal_units) for unit in gops[0].access_units]
    assert content_encodings() in data
    assert not any(frame in data for frame in found)
    assert all(frame[2:] in data for frame in found)


def test_the_track_of_the_video_says_so_and_no_other(gops: list[HybridGop], tmp_path: Path) -> None:
    assert encodings(write_matroska(tmp_path / "track.mkv", gops, Carriage.TRACK)) == ["3", None]
    assert encodings(write_matroska(tmp_path / "inband.mkv", gops, Carriage.INBAND)) == ["3"]


def test_files_without_payloads_have_whole_frames_and_no_delimiters(gops: list[HybridGop], tmp_path: Path) -> None:
    gop = with_large_picture(gops[0])
    path = tmp_path / "plain.mkv"
    path.write_bytes(matroska_of(gop, None))
    assert encodings(path) == [None]
    assert frames(path.read_bytes()) == [hevc.join_length_prefixed(unit.nal_units) for unit in gop.access_units]


@pytest.mark.parametrize("carriage", Carriage)
def test_a_large_picture_is_behind_a_delimiter_that_readers_drop(
    gops: list[HybridGop], carriage: Carriage, tmp_path: Path
) -> None:
    large = with_large_picture(gops[0])
    path = write_matroska(tmp_path / "large.mkv", [large, *gops[1:]], carriage)
    behind_delimiters = [frame for frame in frames(path.read_bytes()) if frame[4:7] == DELIMITER]
    assert behind_delimiters == [hevc.join_length_prefixed((DELIMITER, LARGE))]
    assert_same_gops(hybrid_gops(path), [large, *gops[1:]])


@pytest.mark.parametrize(
    ("nal_units", "delimiter"),
    [
        ((LARGE,), DELIMITER),
        ((b"\x02\x03" + LARGE,), b"\x46\x03\x50"),
        ((b"\x4e\x01" + LARGE, b"\x02\x02\xd0"), b"\x46\x02\x50"),
        ((b"\x4e\x01" + LARGE,), DELIMITER),
        ((), DELIMITER),
    ],
    ids=["slice", "slice of sub-layer 2", "slice of sub-layer 1 behind SEI", "SEI without a slice", "nothing"],
)
def test_a_delimiter_is_in_the_sub_layer_of_the_slices(nal_units: Sequence[bytes], delimiter: bytes) -> None:
    assert stripped_frame(nal_units) == hevc.join_length_prefixed((delimiter, *nal_units))[2:]


def test_the_largest_nal_unit_without_a_delimiter_has_65535_bytes() -> None:
    assert stripped_frame((LARGE[:65_535],)) == b"\xff\xff" + LARGE[:65_535]
    assert stripped_frame((LARGE[:65_536],))[2:5] == DELIMITER


@FFMPEGS
def test_decoders_take_pictures_behind_delimiters(noise: Path, binary: str, tmp_path: Path) -> None:
    """Restored pictures, which have their hashes, in a file that is written as hybrid ones are."""
    ffhybrid.restore(noise, tmp_path / "restored.mkv")
    with av.open(tmp_path / "restored.mkv") as container:
        sets = cast(ParameterSets, header_sets(container.streams.video[0]))
    restored = [hevc.split_length_prefixed(frame) for frame in frames((tmp_path / "restored.mkv").read_bytes())]
    assert all(sei.is_picture_hash(nal_units[-1]) for nal_units in restored[1:])
    del restored[0][0]  # The statement, before which no delimiter is needed.
    keyframe, *inter = (AccessUnit(tuple(nal_units), index, 1) for index, nal_units in enumerate(restored))
    path = tmp_path / "stripped.mkv"
    path.write_bytes(matroska_of(HybridGop(b"", sets, keyframe, tuple(inter), TIME_BASE), Carriage.INBAND))
    assert all(frame[4:7] == DELIMITER for frame in frames(path.read_bytes()))
    result = run(ffmpegs()[binary], "-v", "warning", *EXACT, "-i", path, "-f", "framecrc", "-")
    assert result.stderr == ""


@pytest.mark.parametrize("copy", ["mkvmerge", *sorted(ffmpegs())])
def test_copies_of_pictures_behind_delimiters_restore(noise: Path, copy: str, tmp_path: Path) -> None:
    assert sum(frame[4:7] == DELIMITER for frame in frames(noise.read_bytes())) == 2
    path = tmp_path / "copy.mkv"
    if copy == "mkvmerge":
        run(tool("mkvmerge"), "-q", "-o", path, noise)
    else:
        run(ffmpegs()[copy], "-v", "error", "-i", noise, "-map", "0", "-c", "copy", path)
    assert_same_gops(hybrid_gops(path), hybrid_gops(noise))
    assert ffhybrid.verify(path).pictures == 3
