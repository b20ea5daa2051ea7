"""Damaged files restore as far as they are whole: what is lost is named, the rest is exact, and nothing is silent."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import pytest

import ffhybrid
from ffhybrid.errors import CorruptDataError, FFHybridError, NotHybridError, TruncatedError
from ffhybrid.muxer.carriage import BINDING_UUID, PAYLOAD_UUID
from media import OPTIONS, Packet, ffmpeg, packets, unstated_video
from support import TINY_GOP, pyav_copy

STEP = 1000
CLUSTER, INFO = bytes.fromhex("1F43B675"), bytes.fromhex("1549A966")
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


@pytest.fixture(scope="module")
def hybrid(tiny_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four GOPs of half a second with sound, without picture hashes: a keyframe alone has none in any case."""
    path = tmp_path_factory.mktemp("damaged") / "tiny.mkv"
    limits = ffhybrid.GopLimits(length=TINY_GOP, scene_threshold=0)
    ffhybrid.encode(tiny_file.with_name("source.mp4"), path, options=replace(OPTIONS, limits=limits), engine="local:1")
    return path


@pytest.fixture(scope="module")
def inband(hybrid: Path) -> Path:
    ffhybrid.remux(hybrid, hybrid.with_name("inband.mkv"), carriage=ffhybrid.Carriage.INBAND)
    return hybrid.with_name("inband.mkv")


@pytest.fixture(scope="module")
def whole(hybrid: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an undamaged file restores to."""
    restored = tmp_path_factory.mktemp("whole") / "whole.mkv"
    assert ffhybrid.restore(hybrid, restored).damaged == ()
    return restored


@pytest.fixture(scope="module")
def transport_stream(hybrid: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ts") / "tiny.ts"
    ffhybrid.remux(hybrid, path)
    return path


def restored(path: Path) -> tuple[ffhybrid.RestoreReport, list[Packet]]:
    """Report and pictures of a restored file, which is removed again."""
    output = path.with_name("restored.mkv")
    report = ffhybrid.restore(path, output)
    pictures = unstated_video(output)
    output.unlink()
    assert report.pictures == len(pictures)
    return report, pictures


def refused(path: Path) -> FFHybridError:
    """The error of a restore that stops at damage, and leaves no output."""
    output = path.with_name("stopped.mkv")
    with pytest.raises(FFHybridError) as raised:
        ffhybrid.restore(path, output, stop_at_damage=True)
    assert not output.exists()
    return raised.value


def positions(data: bytes, pattern: bytes) -> list[int]:
    found = [data.find(pattern)]
    while found[-1] >= 0:
        found.append(data.find(pattern, found[-1] + 1))
    return found[:-1]


def keyframe_positions(path: Path) -> list[int]:
    with av.open(path) as container:
        return [packet.pos for packet in container.demux(video=0) if packet.size and packet.is_keyframe]


def without(gop: int, pictures: list[Packet]) -> list[Packet]:
    return pictures[: gop * TINY_GOP] + pictures[(gop + 1) * TINY_GOP :]


def flipped(source: Path, target: Path, position: int, bit: int = 3) -> Path:
    data = bytearray(source.read_bytes())
    data[position] ^= 1 << bit
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("carriage", ["track", "inband"])
def test_a_matroska_file_cut_at_every_1000th_byte(
    carriage: str, hybrid: Path, inband: Path, whole: Path, tmp_path: Path
) -> None:
    data = (hybrid if carriage == "track" else inband).read_bytes()
    everything = unstated_video(whole)
    begins = positions(data, CLUSTER)
    path = tmp_path / "cut.mkv"
    for length in range(STEP, len(data), STEP):
        path.write_bytes(data[:length])
        assert isinstance(refused(path), TruncatedError)
        gops = sum(end <= length for end in begins[1:5])
        try:
            report, pictures = restored(path)
        except TruncatedError as error:
            assert gops == 0
            assert "bytes early" in str(error)
            continue
        (damage,) = report.damaged
        assert pictures == everything[: len(pictures)]
        assert damage.reason.startswith(f"{path}: ")
        if damage.index is None:
            assert len(pictures) in (gops * TINY_GOP, (gops + 1) * TINY_GOP), "only sound, or nothing yet, is cut"
        else:
            assert (damage.index, len(pictures)) == (gops, gops * TINY_GOP + damage.pictures)


def test_a_transport_stream_cut_at_every_1000th_byte(transport_stream: Path, whole: Path, tmp_path: Path) -> None:
    """MPEG-TS does not tell where a picture ends: one that a cut has halved must not pass for a whole one."""
    data = transport_stream.read_bytes()
    everything = [picture.data for picture in unstated_video(whole)]
    begins = keyframe_positions(transport_stream)
    path = tmp_path / "cut.ts"
    for length in range(begins[1] + STEP, len(data), STEP):
        path.write_bytes(data[:length])
        report, pictures = restored(path)
        gops = sum(begin <= length for begin in begins) - 1
        assert [picture.data for picture in pictures] == everything[: len(pictures)]
        assert len(pictures) >= gops * TINY_GOP
        if length % 188 == 0 and not report.damaged:
            continue
        (damage,) = report.damaged
        assert damage.index == gops or (damage.index is None and len(pictures) == (gops + 1) * TINY_GOP)
        refused(path)


def test_a_cut_between_packets_of_a_transport_stream_leaves_whole_pictures(
    transport_stream: Path, whole: Path, tmp_path: Path
) -> None:
    data = transport_stream.read_bytes()
    everything = [picture.data for picture in unstated_video(whole)]
    last = keyframe_positions(transport_stream)[-1]
    path = tmp_path / "cut.ts"
    halved = 0
    for length in range(last // 188 * 188 + 10 * 188, len(data), 2 * 188):
        path.write_bytes(data[:length])
        report, pictures = restored(path)
        assert [picture.data for picture in pictures] == everything[: len(pictures)]
        halved += any("ends inside a picture" in damage.reason for damage in report.damaged)
    assert halved


def test_a_whole_transport_stream_is_not_suspected(tiny_file: Path, transport_stream: Path, tmp_path: Path) -> None:
    hashed = tmp_path / "hashed.ts"
    ffhybrid.remux(tiny_file, hashed)
    for path in (hashed, transport_stream):
        assert ffhybrid.restore(path, tmp_path / f"{path.stem}.mkv").damaged == ()


@pytest.mark.parametrize("missing", [100, 400, 1000])
def test_a_last_picture_without_its_hash_is_not_whole(tiny_file: Path, tmp_path: Path, missing: int) -> None:
    path = tmp_path / "hashed.ts"
    ffhybrid.remux(tiny_file, path, options=ffhybrid.OutputOptions(streams=ffhybrid.StreamOptions(audio=False)))
    path.write_bytes(path.read_bytes()[:-missing])
    (damage,) = restored(path)[0].damaged
    assert (damage.index, "ends inside a p" in damage.reason) == (3, True)


def test_fragmented_mp4_restores_up_to_where_it_ends(hybrid: Path, whole: Path, tmp_path: Path) -> None:
    fragmented, path = tmp_path / "fragmented.mp4", tmp_path / "cut.mp4"
    ffhybrid.remux(hybrid, fragmented, options=ffhybrid.OutputOptions(format_options=FRAGMENTS))
    data = fragmented.read_bytes()
    everything = [picture.data for picture in unstated_video(whole)]
    heads = [range(at - 3, at - 4 + int.from_bytes(data[at - 4 : at], "big")) for at in positions(data, b"moof")]
    for length in range(positions(data, b"moof")[1], len(data), 3 * STEP):
        path.write_bytes(data[:length])
        if any(length in head for head in heads):  # FFmpeg opens no file that ends there
            assert isinstance(refused(path), TruncatedError)
            continue
        report, pictures = restored(path)
        assert [picture.data for picture in pictures] == everything[: len(pictures)]
        assert len(pictures) >= TINY_GOP
        assert report.damaged
        refused(path)


def test_mp4_with_its_index_behind_cannot_be_read_cut(hybrid: Path, tmp_path: Path) -> None:
    path = tmp_path / "tiny.mp4"
    ffhybrid.remux(hybrid, path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(TruncatedError, match=r"tiny\.mp4: the file ends 1000 bytes early"):
        ffhybrid.restore(path, tmp_path / "restored.mkv")
    assert not (tmp_path / "restored.mkv").exists()


def in_cluster(data: bytes, gop: int, offset: int) -> int:
    return positions(data, CLUSTER)[gop] + offset


PLACES: dict[str, Callable[[Path, bytes, int], int]] = {
    "name of the cluster": lambda path, data, gop: in_cluster(data, gop, 1),
    "size of the cluster": lambda path, data, gop: in_cluster(data, gop, 4),
    "CRC-32": lambda path, data, gop: in_cluster(data, gop, 9),
    "name of the CRC-32": lambda path, data, gop: data.index(b"\xbf\x84", in_cluster(data, gop, 0)),
    "time of the cluster": lambda path, data, gop: data.index(b"\xe7", in_cluster(data, gop, 0)) + 2,
    "placeholder": lambda path, data, gop: keyframe_positions(path)[gop] + 15,
    "binding tag": lambda path, data, gop: positions(data, BINDING_UUID)[gop] + 18,
    "name of the tag": lambda path, data, gop: positions(data, BINDING_UUID)[gop] + 7,
    "payload": lambda path, data, gop: positions(data, PAYLOAD_UUID)[gop] + 200,
    "P or B slice": lambda path, data, gop: in_cluster(data, gop + 1, -500) if gop < 3 else len(data) - 2500,
}


@pytest.mark.parametrize("gop", [0, 1, 3])
@pytest.mark.parametrize("place", PLACES)
def test_a_flipped_bit_names_its_gop(place: str, gop: int, hybrid: Path, whole: Path, tmp_path: Path) -> None:
    everything = unstated_video(whole)
    path = flipped(hybrid, tmp_path / "flipped.mkv", PLACES[place](hybrid, hybrid.read_bytes(), gop))
    report, pictures = restored(path)
    (damage,) = report.damaged
    assert (damage.index, damage.pictures) == (gop, 0)
    assert f"flipped.mkv: GOP {gop}: " in damage.reason
    assert pictures == without(gop, everything)
    assert isinstance(refused(path), CorruptDataError)


def test_clusters_that_are_no_gops_lose_what_is_in_them(hybrid: Path, whole: Path, tmp_path: Path) -> None:
    """As stock ffmpeg writes them when it is asked for short ones: a GOP is in several, its payload in the second."""
    short, everything = tmp_path / "short.mkv", unstated_video(whole)
    ffmpeg("-i", hybrid, "-map", "0", "-c", "copy", "-cluster_time_limit", "100", short)
    data = short.read_bytes()
    begins = positions(data, CLUSTER)
    assert len(begins) > 12
    for begin in begins[2:12:3]:
        report, pictures = restored(flipped(short, tmp_path / "flipped.mkv", begin + 100))
        (damage,) = report.damaged
        assert damage.index is not None
        first = damage.index * TINY_GOP
        kept = everything[: first + damage.pictures] + everything[first + TINY_GOP :]
        assert [picture.data for picture in pictures] == [picture.data for picture in kept]


def test_damaged_sound_is_left_out_and_said(transport_stream: Path, whole: Path, tmp_path: Path) -> None:
    with av.open(transport_stream) as container:
        second = sorted({packet.pos for packet in container.demux(audio=0) if packet.size})[3]
    data = bytearray(transport_stream.read_bytes())
    data[second + 18 : second + 38] = bytes(20)
    path = tmp_path / "sound.ts"
    path.write_bytes(data)
    report, pictures = restored(path)
    (damage,) = report.damaged
    assert (damage.index, len(pictures)) == (None, len(unstated_video(whole)))
    assert "sound.ts: a packet of aac is damaged" in damage.reason


def test_sound_goes_on_beside_a_damaged_gop(hybrid: Path, whole: Path, tmp_path: Path) -> None:
    data = hybrid.read_bytes()
    path = flipped(hybrid, tmp_path / "flipped.mkv", PLACES["payload"](hybrid, data, 2))
    output = tmp_path / "restored.mkv"
    assert [damage.index for damage in ffhybrid.restore(path, output).damaged] == [2]
    assert packets(output, "audio") == packets(whole, "audio")


def test_a_flipped_bit_beside_the_clusters_costs_no_picture(hybrid: Path, whole: Path, tmp_path: Path) -> None:
    data = hybrid.read_bytes()
    for element in (INFO, bytes.fromhex("1254C367"), bytes.fromhex("1C53BB6B")):
        path = flipped(hybrid, tmp_path / "flipped.mkv", positions(data, element)[-1] + 20)
        report, pictures = restored(path)
        (damage,) = report.damaged
        assert (damage.index, pictures) == (None, unstated_video(whole))
        assert "does not match its CRC-32" in damage.reason


def test_a_payload_that_is_gone_costs_its_gop_alone(hybrid: Path, whole: Path, tmp_path: Path) -> None:
    def without_second(found: list[av.Packet]) -> list[av.Packet]:
        second = [packet for packet in found if packet.stream.index == 1][1]
        return [packet for packet in found if packet is not second]

    path = pyav_copy(hybrid, tmp_path / "hole.mkv", without_second)
    report, pictures = restored(path)
    (damage,) = report.damaged
    assert damage.index == 1
    assert "GOP 1 at 0.501 s has no payload" in damage.reason
    assert [picture.data for picture in pictures] == [p.data for p in without(1, unstated_video(whole))]
    assert isinstance(refused(path), CorruptDataError)


@pytest.mark.parametrize("suffix", [".ts", ".mp4"])
@pytest.mark.parametrize("gop", [1, 3])
def test_a_payload_of_zeros_costs_its_gop_alone(
    suffix: str, gop: int, hybrid: Path, whole: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"zeros{suffix}"
    ffhybrid.remux(hybrid, path)
    data = bytearray(path.read_bytes())
    begin = keyframe_positions(path)[gop] + 188 + 60
    data[begin : begin + 40] = bytes(40)
    path.write_bytes(data)
    report, pictures = restored(path)
    assert [damage.index for damage in report.damaged] == [gop]
    assert [picture.data for picture in pictures] == [p.data for p in without(gop, unstated_video(whole))]


def test_pictures_of_a_lost_keyframe_are_not_taken_for_those_of_the_gop_before(
    inband: Path, whole: Path, tmp_path: Path
) -> None:
    def without_third_keyframe(found: list[av.Packet]) -> list[av.Packet]:
        third = [packet for packet in found if packet.stream.type == "video" and packet.is_keyframe][2]
        return [packet for packet in found if packet is not third]

    path = pyav_copy(inband, tmp_path / "hole.mkv", without_third_keyframe)
    report, pictures = restored(path)
    (damage,) = report.damaged
    assert (damage.index, damage.pictures) == (1, TINY_GOP)
    assert "11 pictures follow that are not its own" in damage.reason
    assert [picture.data for picture in pictures] == [p.data for p in without(2, unstated_video(whole))]


def test_a_file_of_which_nothing_restores_is_an_error(hybrid: Path, tmp_path: Path) -> None:
    data = bytearray(hybrid.read_bytes())
    for position in positions(bytes(data), PAYLOAD_UUID):
        data[position + 30] ^= 1
    path = tmp_path / "nothing.mkv"
    path.write_bytes(data)
    with pytest.raises(CorruptDataError, match=r"nothing\.mkv: the cluster at 0\.000 s does not match"):
        ffhybrid.restore(path, tmp_path / "restored.mkv")
    assert list(tmp_path.iterdir()) == [path]


def test_ordinary_hevc_is_told_from_damage(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(NotHybridError, match=r"whole\.mkv: the keyframes have no binding tags"):
        ffhybrid.restore(whole, tmp_path / "restored.mkv")


def test_a_cut_of_a_stock_tool_is_no_damage(hybrid: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = pyav_copy(hybrid, tmp_path / "cut.mkv", lambda found: found[: len(found) * 2 // 3])
    with caplog.at_level(logging.ERROR):
        report, _ = restored(path)
    assert report.damaged == ()
    assert caplog.text == ""


def test_the_command_line_tells_in_part_from_whole(hybrid: Path, tmp_path: Path) -> None:
    cut, output = tmp_path / "cut.mkv", tmp_path / "restored.mp4"
    cut.write_bytes(hybrid.read_bytes()[:20000])
    command = [sys.executable, "-P", "-m", "ffhybrid", "restore", "-i", cut, "-of", "json", output]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 11
    report = json.loads(result.stdout)
    assert [(damage["index"], damage["start"]) for damage in report["damaged"]] == [(2, 1.001)]
    assert report["gops"] == 3
    assert f"{cut}: GOP 2 at 1.001 s: the file ends" in result.stderr
    assert f"ffhybrid: {cut}: the input is damaged, and what is whole of it is restored" in result.stderr
    assert len(unstated_video(output)) == report["pictures"]
    output.unlink()
    result = subprocess.run([*command[:-1], "-xerror", output], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, output.exists()) == (4, "", False)
