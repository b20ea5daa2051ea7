"""The reader binds payloads by tag, tolerates what cuts leave, and names what is wrong."""

from __future__ import annotations

import logging
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import ffhybrid
from ffhybrid.errors import CorruptDataError, FFHybridError, NotHybridError, TruncatedError
from ffhybrid.muxer.matroska.integrity import check_matroska
from ffhybrid.muxer.reading.reader import HybridReader
from support import pyav_copy

Packets = list[av.Packet]


def payloads(path: Path) -> list[bytes]:
    with HybridReader(path) as reader:
        return [gop.payload for gop in reader.gops()]


def is_neural(packet: av.Packet) -> bool:
    return packet.stream.index == 1


def test_a_payload_that_comes_late_is_found(track_file: Path, tmp_path: Path) -> None:
    def late(packets: Packets) -> Packets:
        neural = [packet for packet in packets if is_neural(packet)]
        video = [packet for packet in packets if not is_neural(packet)]
        for index, packet in enumerate(neural):
            video.insert(25 * index + 6 + index, packet)
        return video

    assert payloads(pyav_copy(track_file, tmp_path / "late.mkv", late)) == payloads(track_file)


def test_a_last_keyframe_without_its_payload_is_dropped_with_a_warning(
    track_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def cut(packets: Packets) -> Packets:
        last = [packet for packet in packets if is_neural(packet)][-1]
        return [packet for packet in packets if packet is not last]

    path = pyav_copy(track_file, tmp_path / "cut.mkv", cut)
    with caplog.at_level(logging.WARNING):
        assert payloads(path) == payloads(track_file)[:3]
    assert "GOP 3 at 3.000 s has no payload" in caplog.text


def test_pictures_before_the_first_keyframe_are_dropped_with_a_warning(
    track_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = pyav_copy(track_file, tmp_path / "cut.mkv", lambda packets: packets[8:])
    with caplog.at_level(logging.WARNING):
        assert payloads(path) == payloads(track_file)[1:]
    assert "before the first keyframe" in caplog.text


def test_a_missing_payload_in_the_middle_is_an_error(track_file: Path, tmp_path: Path) -> None:
    def without_second(packets: Packets) -> Packets:
        second = [packet for packet in packets if is_neural(packet)][1]
        return [packet for packet in packets if packet is not second]

    path = pyav_copy(track_file, tmp_path / "hole.mkv", without_second)
    with pytest.raises(CorruptDataError, match=r"hole\.mkv: GOP 1 at 1\.000 s has no payload"):
        payloads(path)


def test_the_video_track_alone_is_an_error_that_names_the_first_gop(track_file: Path, tmp_path: Path) -> None:
    with av.open(track_file) as container, av.open(tmp_path / "alone.mkv", "w") as sink:
        stream = sink.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.size:
                packet.stream = stream
                sink.mux_one(packet)
    with pytest.raises(CorruptDataError, match="GOP 0"):
        payloads(tmp_path / "alone.mkv")


def test_a_video_that_is_not_hybrid_is_named(tmp_path: Path) -> None:
    path = tmp_path / "untrusted.mp4"
    path.write_bytes(b"\0" * 1000)
    with pytest.raises(NotHybridError, match=r"untrusted\.mp4"):
        HybridReader(path)


def test_decoding_gives_frames_with_the_timestamps_of_the_file(track_file: Path) -> None:
    with ffhybrid.open(track_file) as container:
        assert (container.streams[0].width, container.streams[0].height) == (640, 272)
        frames = list(container.decode(video=0))
    assert [round(frame.time * 25) for frame in frames] == list(range(100))
    assert isinstance(frames[0], av.VideoFrame)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=6), st.booleans())
@example([(235, 16)], False)
def test_damage_anywhere_raises_only_our_errors(
    track_file: Path, tmp_path: Path, changes: list[tuple[int, int]], near_start: bool
) -> None:
    data = bytearray(track_file.read_bytes())
    for position, value in changes:
        data[position % (600 if near_start else len(data))] = value
    path = tmp_path / "damaged.mkv"
    path.write_bytes(data)
    for read in (payloads, lambda damaged: check_matroska(damaged, check_crcs=True), ffhybrid.probe):
        try:
            read(path)
        except FFHybridError as error:
            assert "damaged.mkv" in str(error)


@given(st.binary(max_size=200))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_integrity_walk_survives_garbage(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "garbage.mkv"
    for prefix in (
        b"",
        bytes.fromhex("1A45DFA380"),
        bytes.fromhex("1A45DFA38018538067"),
        bytes.fromhex("1A45DFA38018538067FF"),
    ):
        path.write_bytes(prefix + data)
        try:
            check_matroska(path, check_crcs=True)
        except FFHybridError as error:
            assert "garbage.mkv" in str(error)


def test_every_cluster_of_a_whole_file_is_checked(track_file: Path) -> None:
    assert check_matroska(track_file, check_crcs=True) == 4


@pytest.mark.parametrize("missing", [1, 1000, 20000])
def test_a_file_that_ends_early_says_by_how_much(track_file: Path, tmp_path: Path, missing: int) -> None:
    path = tmp_path / "short.mkv"
    path.write_bytes(track_file.read_bytes()[:-missing])
    with pytest.raises(TruncatedError, match="bytes early"):
        check_matroska(path, check_crcs=False)
