"""The Matroska writer: structure that stock readers accept, timestamps, audio, colour, pipes."""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from av.stream import Disposition

from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, HybridGop
from ffhybrid.core.picture import Colour
from ffhybrid.errors import UnsupportedError
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.matroska import ebml
from ffhybrid.muxer.matroska.blocks import to_ticks
from ffhybrid.muxer.matroska.integrity import check_matroska
from ffhybrid.muxer.matroska.tracks import VideoTrack
from ffhybrid.muxer.matroska.writer import MatroskaWriter
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.muxer.streams.values import Labels, OtherStreams, packet_of, track_of
from muxer_clips import Pipe, pcm_track
from support import clip, parameter_sets, run, tool

SETS = parameter_sets(176, 144, 8, "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=full")
VIDEO = VideoTrack(
    parameter_sets=SETS,
    width=176,
    height=144,
    sample_aspect_ratio=Fraction(12, 11),
    frame_rate=Fraction(25),
    colour=Colour(9, 16, 9, True),
    labels=Labels(disposition=Disposition.default),
)


def grey_gop(pts: int, payload: bytes, *, pictures: int = 1, time_base: Fraction = Fraction(1, 25)) -> HybridGop:
    """A GOP of grey IDR and nothing else; further pictures are copies that only timing tests look at."""
    idr = hevc.placeholder_idr(SETS, hevc.NalType.IDR_N_LP)
    inter = tuple(AccessUnit((b"\x02\x01\xd0\x55",), pts + i, 1) for i in range(1, pictures))
    return HybridGop(payload, SETS, AccessUnit((idr,), pts, 1), inter, time_base)


def written(gops: list[HybridGop], carriage: Carriage = Carriage.TRACK, **kwargs: object) -> bytes:
    file = io.BytesIO()
    with MatroskaWriter(file, video=VIDEO, carriage=carriage, **kwargs) as writer:  # type: ignore[arg-type]
        for gop in gops:
            writer.write_gop(gop)
    return file.getvalue()


CLUSTER = bytes.fromhex("1f43b675")
GOPS = [grey_gop(25 * i, bytes([i]) * 500 + b"\0\0\0\1\0\0\3", pictures=25) for i in range(3)]


@pytest.mark.parametrize("carriage", Carriage)
def test_ffprobe_sees_what_was_declared(carriage: Carriage, tmp_path: Path) -> None:
    path = tmp_path / "file.mkv"
    path.write_bytes(written(GOPS, carriage))
    result = run(tool("ffprobe"), "-v", "error", "-show_streams", "-show_format", "-of", "json", path)
    info = json.loads(result.stdout)
    video = info["streams"][0]
    assert (video["width"], video["height"], video["sample_aspect_ratio"]) == (176, 144, "12:11")
    assert (video["color_range"], video["color_space"], video["color_transfer"], video["color_primaries"]) == (
        "pc",
        "bt2020nc",
        "smpte2084",
        "bt2020",
    )
    assert video["avg_frame_rate"] == "25/1"
    assert float(info["format"]["duration"]) == 3.0


def test_mkvmerge_and_mkvinfo_accept_the_structure(tmp_path: Path) -> None:
    path = tmp_path / "file.mkv"
    path.write_bytes(written(GOPS))
    info = json.loads(run(tool("mkvmerge"), "-J", path).stdout)
    assert info["errors"] == info["warnings"] == []
    assert [track["properties"]["default_track"] for track in info["tracks"]] == [True, False]
    listing = run(tool("mkvinfo"), "-a", path).stdout
    for name in ("Seek head", "Cues", "Cluster"):
        assert name in listing
    assert "mismatch" not in listing


def test_clusters_begin_with_the_crc_of_what_follows() -> None:
    """RFC 8794 section 11.3.1: element 0xBF, four bytes, the low one first; mkvinfo does not show it."""
    data, clusters = written(GOPS), 0
    at = data.find(CLUSTER)
    while at >= 0:
        length = 9 - data[at + 4].bit_length()
        begin = at + 4 + length
        size = int.from_bytes(data[at + 4 : begin], "big") & ((1 << 7 * length) - 1)
        crc, rest = data[begin : begin + 6], data[begin + 6 : begin + size]
        assert crc == b"\xbf\x84" + zlib.crc32(rest).to_bytes(4, "little")
        clusters += 1
        at = data.find(CLUSTER, begin + size)
    assert clusters == len(GOPS)


def test_the_neural_packet_follows_its_placeholder_and_lasts_one_gop(tmp_path: Path) -> None:
    with av.open(io.BytesIO(written(GOPS))) as container:
        packets = [packet for packet in container.demux() if packet.size]
        order = [(packet.stream.index, packet.pts) for packet in packets]
        for start in (0, 1000, 2000):
            at = order.index((0, start))
            assert order[at + 1] == (1, start)
            assert packets[at + 1].duration == 1000
            assert packets[at].is_keyframe


def test_seeking_lands_on_the_right_gop() -> None:
    with av.open(io.BytesIO(written(GOPS))) as container:
        container.seek(2_100_000)
        packet = next(packet for packet in container.demux(video=0) if packet.size)
        assert (packet.pts, packet.is_keyframe) == (2000, True)


def test_a_pipe_gets_the_same_clusters_live() -> None:
    pipe = Pipe()
    with MatroskaWriter(pipe, video=VIDEO) as writer:
        for gop in GOPS:
            before = len(pipe.getvalue())
            writer.write_gop(gop)
            assert len(pipe.getvalue()) > before
    with av.open(io.BytesIO(pipe.getvalue())) as live, av.open(io.BytesIO(written(GOPS))) as file:
        ours = [(p.stream.index, p.pts, bytes(p)) for p in live.demux() if p.size]
        assert ours == [(p.stream.index, p.pts, bytes(p)) for p in file.demux() if p.size]


def test_output_is_deterministic() -> None:
    assert written(GOPS) == written(GOPS)


def test_timestamps_round_to_milliseconds() -> None:
    assert [to_ticks(Fraction(i * 1001, 30000)) for i in range(4)] == [0, 33, 67, 100]
    assert to_ticks(Fraction(-13, 2000), delay=Fraction(13, 2000)) == 0
    with pytest.raises(UnsupportedError, match="negative"):
        to_ticks(Fraction(-1, 1000))


def test_a_gop_that_outlasts_a_cluster_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="beyond what a cluster can hold"):
        written([grey_gop(0, b"x", pictures=34, time_base=Fraction(1))])


def test_real_audio_is_interleaved_and_comes_back(tmp_path: Path) -> None:
    with av.open(clip("bigbuckbunny.mp4")) as source:
        stream = source.streams.audio[0]
        track = replace(track_of(stream), labels=Labels(tags={"language": "ger"}), delay=Fraction(1024, 44100))
        rate = stream.codec_context.sample_rate
        packets = [packet_of(packet, 0) for packet in source.demux(stream) if packet.size]
    file = io.BytesIO()
    with MatroskaWriter(file, video=VIDEO, other_streams=OtherStreams(tracks=(track,))) as writer:
        for packet in packets:
            writer.write_packet(packet)
        for gop in GOPS:
            writer.write_gop(gop)
    with av.open(io.BytesIO(file.getvalue())) as container:
        track = container.streams.audio[0]
        assert (track.language, track.codec_context.sample_rate) == ("ger", rate)
        read = [packet for packet in container.demux() if packet.size]
        sound = [packet for packet in read if packet.stream.type == "audio"]
    assert [bytes(packet) for packet in sound] == [packet.data for packet in packets]
    assert all(abs(ours.pts - theirs.pts * 1000) <= 0.5 for ours, theirs in zip(sound, packets, strict=True))
    times = [packet.pts for packet in read]
    assert all(later >= earlier - 1000 for earlier, later in pairwise(times))


def test_an_audio_codec_without_a_mapping_is_refused() -> None:
    track = replace(pcm_track(), codec="nellymoser")
    with pytest.raises(UnsupportedError, match="nellymoser"):
        written(GOPS, other_streams=OtherStreams(tracks=(track,)))


@pytest.mark.parametrize("value", [0, 1, 126, 127, 128, 16382, 16383, 2**21, 2**56 - 2])
def test_vints_read_back(value: int) -> None:
    data = ebml.vint(value)
    length = 9 - data[0].bit_length()
    assert length == len(data)
    assert int.from_bytes(data, "big") & ((1 << 7 * length) - 1) == value
    with pytest.raises(ValueError, match="fit"):
        ebml.vint(2**56)


def test_the_reader_gives_the_gops_back(tmp_path: Path) -> None:
    path = tmp_path / "file.mkv"
    path.write_bytes(written(GOPS))
    with HybridReader(path) as reader:
        found = list(reader.gops())
        assert replace(reader.video, frame_rate=None) == replace(VIDEO, frame_rate=None)
    assert [gop.payload for gop in found] == [gop.payload for gop in GOPS]
    assert [[u.nal_units for u in gop.access_units] for gop in found] == [
        [u.nal_units for u in gop.access_units] for gop in GOPS
    ]
    assert check_matroska(path, check_crcs=True) == 3
