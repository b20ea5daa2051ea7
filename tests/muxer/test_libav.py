"""Finished HEVC goes through PyAV into other containers without an encoder, and refusals are named."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import pytest

from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, HybridGop
from ffhybrid.errors import UnsupportedError
from ffhybrid.muxer.libav.writer import LibavWriter
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.muxer.streams.values import OtherStreams, packet_of, track_of
from muxer_clips import TIME_BASE, video_track
from support import clip

FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


@pytest.mark.parametrize(("name", "options"), [("a.mp4", None), ("a.mp4", FRAGMENTED), ("a.ts", None), ("a.mkv", None)])
def test_hybrid_gops_come_back(
    gops: list[HybridGop], name: str, options: dict[str, str] | None, tmp_path: Path
) -> None:
    path = tmp_path / name
    with LibavWriter(path, video=video_track(gops[0].parameter_sets), time_base=TIME_BASE, options=options) as writer:
        for gop in gops:
            writer.write_gop(gop)
    with HybridReader(path) as reader:
        found = list(reader.gops())
    assert [gop.payload for gop in found] == [gop.payload for gop in gops]
    for ours, theirs in zip(found, gops, strict=True):
        assert [u.nal_units for u in ours.access_units] == [u.nal_units for u in theirs.access_units]


@pytest.mark.parametrize("name", ["a.mp4", "a.ts", "a.mkv", "a.nut", "a.hevc"])
def test_every_picture_decodes_in_every_container(gops: list[HybridGop], name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with LibavWriter(path, video=video_track(gops[0].parameter_sets), time_base=TIME_BASE) as writer:
        for gop in gops:
            writer.write_access_units(gop.access_units, gop.parameter_sets.nal_units, TIME_BASE)
    with av.open(path) as container:
        assert sum(1 for _ in container.decode(video=0)) == 48


def test_a_first_gop_without_reordering_leaves_room_for_the_next(gops: list[HybridGop], tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with LibavWriter(path, video=video_track(gops[0].parameter_sets), time_base=TIME_BASE) as writer:
        for gop in (HybridGop(b"", gops[0].parameter_sets, gops[0].placeholder, (), TIME_BASE), *gops[1:]):
            writer.write_access_units(gop.access_units, gop.parameter_sets.nal_units, TIME_BASE)
    with av.open(path) as container:
        packets = [packet for packet in container.demux() if packet.size]
    assert len(packets) == 37
    assert all(packet.dts <= packet.pts for packet in packets)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_changed_parameter_sets_are_put_in_band_and_back(
    gops: list[HybridGop], other_gops: list[HybridGop], name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    middle = shifted(other_gops[0], 12)
    with LibavWriter(path, video=video_track(gops[0].parameter_sets), time_base=TIME_BASE) as writer:
        for gop in (gops[0], middle, gops[2]):
            writer.write_access_units(gop.access_units, gop.parameter_sets.nal_units, TIME_BASE)
    with av.open(path) as container:
        keyframes = [hevc.split_length_prefixed(bytes(p)) for p in container.demux() if p.size and p.is_keyframe]
    in_band = [tuple(nal for nal in nal_units if not hevc.is_slice(nal)) for nal_units in keyframes]
    assert in_band == [(), middle.parameter_sets.nal_units, gops[2].parameter_sets.nal_units]


def shifted(gop: HybridGop, by: int) -> HybridGop:
    units = [AccessUnit(unit.nal_units, unit.pts + by, unit.duration) for unit in gop.access_units]
    return HybridGop(gop.payload, gop.parameter_sets, units[0], tuple(units[1:]), gop.time_base)


def test_audio_is_copied_beside_the_video(gops: list[HybridGop], tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(clip("bigbuckbunny.mp4")) as source:
        stream = source.streams.audio[0]
        packets = [packet_of(p, 0) for p in source.demux(stream) if p.size and (p.pts or 0) >= 0][:60]
        video = video_track(gops[0].parameter_sets)
        beside = OtherStreams(tracks=(track_of(stream),))
        with LibavWriter(path, video=video, time_base=TIME_BASE, other_streams=beside) as writer:
            for packet in packets:
                writer.write_packet(packet)
            for gop in gops:
                writer.write_access_units(gop.access_units, gop.parameter_sets.nal_units, TIME_BASE)
    with av.open(path) as container:
        copied = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    assert copied == [packet.data for packet in packets]


def test_a_format_that_cannot_hold_hevc_is_refused(gops: list[HybridGop], tmp_path: Path) -> None:
    def write(path: Path) -> None:
        with LibavWriter(path, video=video_track(gops[0].parameter_sets), time_base=TIME_BASE) as writer:
            writer.write_access_units(gops[0].access_units, gops[0].parameter_sets.nal_units, TIME_BASE)

    for name in ("a.ogg", "a.nonsense"):
        with pytest.raises(UnsupportedError, match=name):
            write(tmp_path / name)


def test_a_disk_that_refuses_is_no_format_that_refuses(gops: list[HybridGop], tmp_path: Path) -> None:
    path = tmp_path / "missing" / "a.mp4"
    with (
        pytest.raises(FileNotFoundError),
        LibavWriter(path, video=video_track(gops[0].parameter_sets), time_base=Fraction(1, 25)) as writer,
    ):
        writer.write_access_units(gops[0].access_units, gops[0].parameter_sets.nal_units, TIME_BASE)


def test_a_file_object_takes_a_named_format(gops: list[HybridGop]) -> None:
    file = io.BytesIO()
    with LibavWriter(
        file, video=video_track(gops[0].parameter_sets), time_base=TIME_BASE, container_format="mpegts"
    ) as writer:
        writer.write_access_units(gops[0].access_units, gops[0].parameter_sets.nal_units, TIME_BASE)
    file.seek(0)
    with av.open(file) as container:
        assert container.format.name == "mpegts"
