"""Anchors: P pictures enhanced inside a GOP. One ordinary GOP for stock tools, and exact where it is restored."""

from __future__ import annotations

import logging
import random
import re
from dataclasses import replace
from pathlib import Path

import av
import pytest

import ffhybrid
from ffhybrid import hevc
from ffhybrid.core.gop import HybridGop
from ffhybrid.core.payload import Anchor, Payload
from ffhybrid.core.picture import Picture
from ffhybrid.encoder.coded_gop import without_hashes
from ffhybrid.encoder.options import AUTO_ANCHORS
from ffhybrid.errors import EncoderError, FFHybridError, UsageError, VerificationError
from ffhybrid.hevc.decoding import decode_pictures
from ffhybrid.restorer.generator_decode import GeneratorDecode, Strictness
from ffhybrid.restorer.splice import RestoredGop, restore_gop
from ffhybrid.x265 import encoding
from ffhybrid.x265.encoding import Segment, encode_gop
from support import EXACT, clip, ffhybrid_command, ffmpegs, first_gop, hybrid_gops, pyav_copy, run, tool

PICTURES, INTERVAL = 22, 8
PLACES = (8, 16)
COSTS = re.compile(r"costs ([\d.]+) with anchors, ([\d.]+) without")
SWEPT = 24
"""How many parts of a base's slice are damaged, one after the other."""
OPTIONS = ffhybrid.EncodeOptions(
    generator_options={"preset": "superfast", "device": "cpu"},
    fallback=False,
    anchors=INTERVAL,
    limits=ffhybrid.GopLimits(length=PICTURES, scene_threshold=0),
    frames=2 * PICTURES,
    x265=ffhybrid.X265Options(crf=38, preset="veryfast"),
)


@pytest.fixture(scope="module")
def hashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two GOPs of three segments each, with x265's hash of every picture."""
    path = tmp_path_factory.mktemp("anchors") / "hashed.mkv"
    options = replace(OPTIONS, picture_hashes=True)
    ffhybrid.encode(clip("carphone_pristine.mp4"), path, options=options, engine="local:1")
    return path


@pytest.fixture(scope="module")
def plain(hashed: Path) -> Path:
    """The same without hashes."""
    path = hashed.with_name("plain.mkv")
    ffhybrid.encode(clip("carphone_pristine.mp4"), path, options=OPTIONS, engine="local:1")
    return path


@pytest.fixture(scope="module")
def gop(hashed: Path) -> HybridGop:
    return hybrid_gops(hashed)[1]


def anchors(gop: HybridGop) -> tuple[Anchor, ...]:
    return Payload.from_bytes(gop.payload).anchors


def with_payload(gop: HybridGop, **changes: object) -> HybridGop:
    return replace(gop, payload=replace(Payload.from_bytes(gop.payload), **changes).to_bytes())


def decoded(gop: RestoredGop) -> list[Picture]:
    depth = hevc.parse_sps(gop.parameter_sets.sps).bit_depth
    return list(decode_pictures((unit.nal_units for unit in gop.access_units), gop.parameter_sets, depth))


def keyframe_alone(gop: HybridGop) -> RestoredGop:
    """Restore the keyframe: bases stay in the places of anchors."""
    return restore_gop(with_payload(gop, anchors=()))


def assert_same(ours: list[Picture], theirs: list[Picture]) -> None:
    assert [a.same_samples(b) for a, b in zip(ours, theirs, strict=True)] == [True] * len(theirs)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_every_picture_is_what_x265_saw_in_stock_decoders(hashed: Path, suffix: str, tmp_path: Path) -> None:
    restored = tmp_path / f"restored{suffix}"
    assert ffhybrid.restore(hashed, restored).pictures == 2 * PICTURES
    for ffmpeg in ffmpegs().values():
        run(ffmpeg, "-v", "error", *EXACT, "-i", restored, "-f", "null", "-")


@pytest.mark.parametrize("segments", ["mpegts", "fmp4"])
def test_segments_that_a_stock_tool_cut_restore_exactly(hashed: Path, segments: str, tmp_path: Path) -> None:
    ffmpeg, playlist = ffmpegs()["imageio-ffmpeg"], tmp_path / "cut.m3u8"
    hls = ("-f", "hls", "-hls_time", "0.5", "-hls_list_size", "0", "-hls_segment_type", segments)
    source = tmp_path / "inband.ts"
    ffhybrid.remux(hashed, source)
    run(ffmpeg, "-v", "error", "-i", source, "-map", "0", "-c", "copy", *hls, playlist)
    assert ffhybrid.restore(playlist, tmp_path / "restored.mkv").pictures == 2 * PICTURES
    run(ffmpeg, "-v", "error", *EXACT, "-i", tmp_path / "restored.mkv", "-f", "null", "-")
    assert [found.anchors for found in ffhybrid.probe(playlist).gops] == [2, 2]


def test_another_decoder_shows_the_same(hashed: Path, tmp_path: Path) -> None:
    decoder = tool("libde265-dec265")
    for name in ("restored", "hybrid"):
        path = tmp_path / f"{name}.mkv"
        if name == "hybrid":
            ffhybrid.remux(hashed, path)
        else:
            ffhybrid.restore(hashed, path)
        ffmpeg, stream = ffmpegs()["imageio-ffmpeg"], path.with_suffix(".265")
        run(ffmpeg, "-v", "error", "-i", path, "-map", "0:v:0", "-c", "copy", "-f", "hevc", stream)
        run(decoder, "-q", stream, "-o", path.with_suffix(".yuv"))
        run(ffmpeg, "-v", "error", "-i", path, "-map", "0:v:0", "-f", "rawvideo", path.with_suffix(".ffmpeg.yuv"))
        assert path.with_suffix(".yuv").read_bytes() == path.with_suffix(".ffmpeg.yuv").read_bytes()


def test_restored_files_can_be_sought_at_every_anchor(hashed: Path, tmp_path: Path) -> None:
    ffhybrid.restore(hashed, tmp_path / "restored.mp4")
    with av.open(tmp_path / "restored.mp4") as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        keys = [index for index, packet in enumerate(packets) if packet.is_keyframe]
        assert keys == [0, *PLACES, *(PICTURES + place for place in (0, *PLACES))]
        whole = [frame.to_ndarray() for frame in decode(tmp_path / "restored.mp4")]
        container.seek(packets[PICTURES + 8].pts, stream=container.streams.video[0])
        found = next(container.decode(video=0))
        assert found.pts == packets[PICTURES + 8].pts
        assert (found.to_ndarray() == whole[PICTURES + 8]).all()


def decode(path: Path) -> list[av.VideoFrame]:
    with av.open(path) as container:
        return list(container.decode(video=0))


def test_anchors_are_not_their_bases_and_what_follows_refers_to_them(gop: HybridGop) -> None:
    shown, chain = decoded(restore_gop(gop)), decoded(keyframe_alone(without_hashes(gop)))
    assert_same(shown[: PLACES[0]], chain[: PLACES[0]])
    assert not any(a.same_samples(b) for a, b in zip(shown[PLACES[0] :], chain[PLACES[0] :], strict=True))


def test_in_the_file_segments_are_one_ordinary_gop(gop: HybridGop, caplog: pytest.LogCaptureFixture) -> None:
    """Where bases stand in the places of anchors, segments decoded one by one show what the whole GOP does."""
    bases = tuple(replace(anchor, picture_md5=bytes(8)) for anchor in anchors(gop))
    lenient = GeneratorDecode(strict=Strictness.EXPERIMENTAL)
    unhashed = without_hashes(gop)
    by_segment = restore_gop(with_payload(unhashed, anchors=bases), generator_decode=lenient)
    whole = keyframe_alone(unhashed)
    assert "going on with the base picture" in caplog.text
    assert [hevc.is_random_access(unit.nal_units) for unit in whole.access_units].count(True) == 1
    assert_same(decoded(by_segment), decoded(whole))


def test_an_anchor_takes_few_bytes(gop: HybridGop) -> None:
    assert [anchor.place for anchor in anchors(gop)] == list(PLACES)
    without = with_payload(gop, anchors=())
    fixups = sum(len(anchor.fixups) for anchor in anchors(gop))
    assert len(gop.payload) - len(without.payload) == 1 + len(PLACES) * (1 + 4 + 1 + 8) + fixups


def test_probing_counts_anchors(plain: Path) -> None:
    assert [found.anchors for found in ffhybrid.probe(plain).gops] == [2, 2]


def test_the_filter_and_the_container_show_what_a_restored_file_does(hashed: Path, tmp_path: Path) -> None:
    ffhybrid.restore(hashed, tmp_path / "restored.mkv")
    wanted = [frame.to_ndarray() for frame in decode(tmp_path / "restored.mkv")]
    with ffhybrid.open(hashed) as container:
        opened = [frame.to_ndarray() for frame in container.decode(video=0)]
    with av.open(hashed) as source:
        keyframes = ffhybrid.KeyframeFilter(source)
        packets = [ready for packet in (*source.demux(), None) for ready in keyframes.process(packet)]
        video = [packet for packet in packets if packet.stream.index == keyframes.stream.index]
        frames = [frame for packet in (*video, None) for frame in keyframes.stream.codec_context.decode(packet)]
    assert sum(packet.is_keyframe for packet in video) == 2 * (1 + len(PLACES))
    for shown in (opened, [frame.to_ndarray() for frame in frames]):
        assert [(a == b).all() for a, b in zip(shown, wanted, strict=True)] == [True] * 2 * PICTURES


def damaged_base(path: Path, place: int, target: Path) -> Path:
    """Change the slice of a base picture of the second GOP."""

    def change(packets: list[av.Packet]) -> list[av.Packet]:
        video = [index for index, packet in enumerate(packets) if packet.stream.type == "video" and packet.size > 8]
        pictures = [index for index in video if packets[index].stream.index == packets[video[0]].stream.index]
        index = pictures[PICTURES + place]
        data = bytearray(bytes(packets[index]))
        data[-3] ^= 0x55
        wrong = av.Packet(bytes(data))
        for name in ("pts", "dts", "duration", "time_base", "stream", "is_keyframe"):
            setattr(wrong, name, getattr(packets[index], name))
        packets[index] = wrong
        return packets

    return pyav_copy(path, target, change)


@pytest.mark.parametrize("place", PLACES)
def test_a_damaged_base_is_named_and_what_lies_before_it_is_kept(plain: Path, tmp_path: Path, place: int) -> None:
    broken, output = damaged_base(plain, place, tmp_path / "broken.mkv"), tmp_path / "restored.mkv"
    report = ffhybrid.restore(broken, output)
    (damage,) = report.damaged
    assert (damage.index, damage.pictures) == (1, place)
    assert f"anchor at picture {place}: its base picture is damaged" in damage.reason
    assert len(decode(output)) == report.pictures == PICTURES + place
    with pytest.raises(VerificationError, match=rf"broken\.mkv: GOP 1 at 0\.\d+ s: anchor at picture {place}: "):
        ffhybrid.verify(broken)


def test_leniency_restores_what_follows_without_enhancement(plain: Path, tmp_path: Path) -> None:
    broken, output = damaged_base(plain, PLACES[0], tmp_path / "broken.mkv"), tmp_path / "restored.mkv"
    said = ffhybrid_command("restore", "-i", broken, "-strict", "experimental", output)
    assert said.returncode == 0
    assert "going on with the base picture as it is" in said.stderr
    assert len(decode(output)) == 2 * PICTURES


@pytest.mark.parametrize("pictures", [PLACES[0], PLACES[0] + 1, PLACES[1]])
def test_a_cut_before_an_anchor_is_no_damage(gop: HybridGop, pictures: int) -> None:
    whole = restore_gop(gop)
    cut = restore_gop(replace(gop, inter=gop.inter[: pictures - 1]))
    assert cut.access_units == whole.access_units[:pictures]


def test_no_damage_of_a_base_goes_unseen(gop: HybridGop) -> None:
    """A bit flipped in any part of a base's slice, without hashes: either pictures are the same or it is named."""
    whole, (place, _) = without_hashes(gop), PLACES
    unit = whole.inter[place - 1]
    (slice_data,) = (nal for nal in unit.nal_units if hevc.is_slice(nal))
    reported = 0
    for at in range(3, len(slice_data), len(slice_data) // SWEPT):
        wrong = slice_data[:at] + bytes([slice_data[at] ^ 1 << at % 8]) + slice_data[at + 1 :]
        units = list(whole.inter)
        units[place - 1] = replace(unit, nal_units=tuple(wrong if nal is slice_data else nal for nal in unit.nal_units))
        try:
            restored = restore_gop(replace(whole, inter=tuple(units)))
        except FFHybridError as error:
            reported += f"anchor at picture {place}: " in str(error)
        else:
            assert restored.access_units == restore_gop(whole).access_units
    assert reported >= SWEPT // 2


def test_auto_keeps_what_is_better_at_the_same_bytes(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """The log tells the costs by which it is decided, and the file what was."""
    path = tmp_path / "auto.mkv"
    options = replace(OPTIONS, anchors=AUTO_ANCHORS, limits=replace(OPTIONS.limits, length=36), frames=72)
    with caplog.at_level(logging.INFO):
        ffhybrid.encode(clip("carphone_pristine.mp4"), path, options=options, engine="local:1")
    told = [COSTS.search(message) for message in caplog.messages if "anchors" in message]
    costs = [(float(found[1]), float(found[2])) for found in told if found]
    assert len(costs) == 2
    assert [bool(gop.anchors) for gop in ffhybrid.probe(path).gops] == [tried < usual for tried, usual in costs]
    assert ffhybrid.verify(path).pictures == 72


def test_refining_and_anchors_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="-anchors or -kf:refine"):
        replace(OPTIONS, refinements=1)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("-anchors", "4"), "-anchors 4: it takes auto, none, or 8 pictures or more"),
        (("-anchors", "30", "-kf", "thumbnail"), "-anchors: generator thumbnail enhances no P pictures"),
        (("-anchors", "some"), "'some' is no whole number"),
    ],
)
def test_what_cannot_be_is_refused(options: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    said = ffhybrid_command("encode", "-i", clip("carphone_pristine.mp4"), "-frames:v", "4", *options, output)
    assert said.returncode == 2
    assert sentence in said.stderr
    assert not output.exists()


def test_motion_vectors_from_an_anchor_are_refused_but_in_the_first_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gop = first_gop("carphone_pristine.mp4", 8, tmp_path)
    pocs = iter(range(-1, -8, -1))
    monkeypatch.setattr(encoding.hevc, "collocated_distance", lambda *_: next(pocs) - 1)
    in_order = ffhybrid.X265Options(crf=38, params={"bframes": "0"})
    with pytest.raises(EncoderError, match="motion vectors from an anchor in more than one picture"):
        encode_gop(gop, in_order, params={}, segment=Segment(begins_with_anchor=True))


COMBINATIONS = range(30)


@pytest.mark.slow
@pytest.mark.parametrize("seed", COMBINATIONS)
def test_every_structure_restores_exactly(seed: int, tmp_path: Path) -> None:
    """Intervals, lengths, B pictures, pyramids, references, odd sizes and both depths, drawn at random."""
    draw = random.Random(seed)
    pictures = draw.randint(14, 60)
    step = draw.choice((2, 8))
    depth, width, height = (
        draw.choice((8, 8, 10)),
        step * (draw.randint(66, 176) // step),
        step * (draw.randint(66, 144) // step),
    )
    params = {
        "bframes": str(draw.randint(0, 8)),
        "b-pyramid": str(draw.randint(0, 1)),
        "b-adapt": str(draw.randint(0, 2)),
        "ref": str(draw.randint(1, 5)),
        "weightp": str(draw.randint(0, 1)),
        "weightb": str(draw.randint(0, 1)),
    }
    options = replace(
        OPTIONS,
        anchors=draw.randint(8, 24),
        limits=ffhybrid.GopLimits(length=pictures, scene_threshold=0),
        frames=2 * pictures,
        picture_hashes=True,
        source=ffhybrid.SourceOptions(
            filters=f"scale={width}:{height}", pixel_format="yuv420p" if depth == 8 else "yuv420p10le"
        ),
        x265=ffhybrid.X265Options(crf=draw.uniform(24, 46), preset="veryfast", params=params),
    )
    path = tmp_path / "hybrid.mkv"
    ffhybrid.encode(clip("bikes.mp4"), path, options=options, engine="local:1")
    report = ffhybrid.verify(path)
    assert report.pictures == report.hashes_verified == 2 * pictures
    # Where the coded size is the shown one, bases in the places of anchors are what the whole GOP has there.
    for gop in map(without_hashes, hybrid_gops(path) if step == 8 else ()):
        bases = tuple(replace(anchor, picture_md5=bytes(8)) for anchor in anchors(gop))
        lenient = GeneratorDecode(strict=Strictness.EXPERIMENTAL)
        by_segment = restore_gop(with_payload(gop, anchors=bases), generator_decode=lenient)
        whole = keyframe_alone(gop)
        assert_same(decoded(by_segment), decoded(whole))
