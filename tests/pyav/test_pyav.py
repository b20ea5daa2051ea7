"""Hybrid files in PyAV's own loops, and the examples of docs/PYAV.md."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import ffhybrid
from ffhybrid import hevc
from ffhybrid.errors import CorruptDataError, GeometryError, NotHybridError, UsageError
from ffhybrid.muxer.carriage import shown_hash
from ffhybrid.muxer.statement import HYBRID_STATEMENT, restored_statement
from ffhybrid.options import EncodeOptions
from ffhybrid.source.video import VideoSource
from media import OPTIONS, ffmpeg
from support import EXACT, TINY_GOP, assert_same_gops, ffmpegs, hybrid_gops, pyav_copy, run, statements, tool

DOCS = Path(__file__).parents[2] / "docs" / "PYAV.md"
PARTS = {"part.mkv": 24, "restored-part.mkv": 12}
"""Pictures of the files that examples make of a part of another."""
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)

Frames = list[np.ndarray]


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_examples_of_the_documentation(
    tiny_file: Path, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "import ffmpeg" in EXAMPLES[number]:
        tool("ffmpeg")
    monkeypatch.chdir(tmp_path)
    Path("hybrid.mkv").symlink_to(tiny_file)
    Path("in.mp4").symlink_to(tiny_file.with_name("source.mp4"))
    exec(compile(EXAMPLES[number], f"{DOCS.name}, example {number}", "exec"), {})
    for made in (path for path in tmp_path.iterdir() if not path.is_symlink()):
        with ffhybrid.open(made) as container:
            assert sum(1 for _ in container.decode(video=0)) == PARTS.get(made.name, 48)


def filtered(path: Path) -> Iterator[av.Packet[Any]]:
    with av.open(path) as source:
        keyframes = ffhybrid.KeyframeFilter(source)
        for packet in (*source.demux(), None):
            yield from keyframes.process(packet)


def shown(path: Path) -> Frames:
    with ffhybrid.open(path) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


def remuxed(source: Path, target: Path) -> Path:
    """Write what comes out of the filter into a file."""
    with av.open(source) as container, av.open(target, "w") as sink:
        keyframes = ffhybrid.KeyframeFilter(container)
        outputs = {stream.index: sink.add_stream_from_template(stream) for stream in container.streams.audio}
        outputs[keyframes.stream.index] = sink.add_stream_from_template(keyframes.template)
        for packet in (*container.demux(), None):
            for ready in keyframes.process(packet):
                ready.stream = outputs[ready.stream.index]
                sink.mux(ready)
    return target


@pytest.mark.parametrize("name", ["there.mkv", "there.mp4", "there.ts"])
@pytest.mark.parametrize("fixture", ["tiny_file", "tiny_inband_file"])
def test_filtered_packets_are_standard_hevc(
    request: pytest.FixtureRequest, fixture: str, name: str, tmp_path: Path
) -> None:
    source = request.getfixturevalue(fixture)
    target = remuxed(source, tmp_path / name)
    said = run(ffmpegs()["imageio-ffmpeg"], "-v", "error", *EXACT, "-i", target, "-map", "0:v", "-f", "null", "-")
    assert said.stderr == ""
    assert statements(target) == [restored_statement(["thumbnail"]), None, None, None]
    frames, wanted = shown(target), shown(source)
    assert len(frames) == len(wanted) == 48
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(frames, wanted, strict=True))


@pytest.mark.parametrize("name", ["there.mp4", "there.ts"])
def test_packets_of_other_containers_are_filtered_too(tiny_file: Path, name: str, tmp_path: Path) -> None:
    ffhybrid.remux(tiny_file, tmp_path / name)
    frames = shown(remuxed(tmp_path / name, tmp_path / "restored.mkv"))
    assert all(np.array_equal(a, b) for a, b in zip(frames, shown(tiny_file), strict=True))


def test_packets_keep_their_times_and_pictures_pass_untouched_but_for_their_hashes(tiny_inband_file: Path) -> None:
    with av.open(tiny_inband_file) as container:
        before = [packet for packet in container.demux(video=0) if packet.size]
    after = [packet for packet in filtered(tiny_inband_file) if packet.stream.type == "video"]
    assert [(p.pts, p.dts, p.duration, p.is_keyframe) for p in after] == [
        (p.pts, p.dts, p.duration, p.is_keyframe) for p in before
    ]
    split = [[hevc.split_length_prefixed(bytes(packet)) for packet in packets] for packets in (after, before)]
    for index, (ours, theirs) in enumerate(zip(*split, strict=True)):
        assert ours != theirs
        assert (ours == [shown_hash(nal) for nal in theirs]) == bool(index % TINY_GOP)


def test_in_band_a_keyframe_waits_for_one_packet(tiny_inband_file: Path) -> None:
    with av.open(tiny_inband_file) as container:
        keyframes = ffhybrid.KeyframeFilter(container)
        given = [len(keyframes.process(packet)) for packet in container.demux(video=0) if packet.size]
    assert given == [0, 2, *[1] * (TINY_GOP - 2)] * 4
    assert keyframes.process(None) == []


def test_what_is_not_hybrid_passes(tiny_file: Path) -> None:
    source = tiny_file.with_name("restored.mkv")
    ffhybrid.restore(tiny_file, source)
    with av.open(source) as container:
        before = [bytes(packet) for packet in container.demux() if packet.size]
    assert [bytes(packet) for packet in filtered(source)] == before


def without_payload(number: int) -> Callable[[list[av.Packet]], list[av.Packet]]:
    def change(packets: list[av.Packet]) -> list[av.Packet]:
        lost = [packet for packet in packets if packet.stream.index == 1][number]
        return [packet for packet in packets if packet is not lost]

    return change


@pytest.mark.parametrize("number", [0, 2])
def test_a_missing_payload_is_an_error(tiny_file: Path, number: int, tmp_path: Path) -> None:
    path = pyav_copy(tiny_file, tmp_path / "hole.mkv", without_payload(number))
    with pytest.raises(CorruptDataError, match=rf"hole\.mkv: GOP {number} at .* has no payload"):
        list(filtered(path))


def test_what_a_cut_left_of_a_last_gop_is_dropped_with_a_warning(
    tiny_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = pyav_copy(tiny_file, tmp_path / "cut.mkv", without_payload(3))
    with caplog.at_level(logging.WARNING):
        packets = [packet for packet in filtered(path) if packet.stream.type == "video"]
    assert len(packets) == 3 * TINY_GOP
    assert "GOP 3 at 1.502 s has no payload; a cut left only its beginning" in caplog.text


def test_errors_name_the_gop(tiny_inband_file: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.mkv"
    ffmpeg("-i", tiny_inband_file, "-c", "copy", "-bsf:v", "hevc_metadata=colour_primaries=9", damaged)
    with pytest.raises(GeometryError, match=r"damaged\.mkv: GOP 0 at 0\.000 s: .* other parameter sets"):
        list(filtered(damaged))


def test_a_container_without_hevc_has_nothing_to_filter(tiny_file: Path) -> None:
    with av.open(tiny_file.with_name("source.mp4")) as container, pytest.raises(NotHybridError, match="no HEVC"):
        ffhybrid.KeyframeFilter(container)


def test_ordinary_containers_are_decoded_as_they_are(tiny_file: Path) -> None:
    source = tiny_file.with_name("source.mp4")
    with av.open(source) as container:
        wanted = [frame.to_ndarray() for frame in container.decode(video=0)]
    with ffhybrid.open(source) as container:
        assert not container.is_hybrid
        assert (container.streams[0].width, container.streams[0].height) == (96, 64)
        frames = list(container.decode(video=0))
        container.seek(0)
        assert next(container.decode(video=0)).time == frames[0].time
        with pytest.raises(NotHybridError):
            container.gops()
    assert all(np.array_equal(a.to_ndarray(), b) for a, b in zip(frames, wanted, strict=True))


def encoded_packets(source: Path, options: EncodeOptions, target: Path) -> Path:
    """Encode frame by frame into a file, with what frames do not know of how they are shown."""
    with VideoSource(source) as video_source:
        presentation = video_source.info.presentation
    with (
        av.open(source) as container,
        av.open(target, "w") as sink,
        ffhybrid.KeyframeEncoder(Fraction(24000, 1001), presentation=presentation, options=options) as encoder,
    ):
        video = None
        for frame in (*container.decode(video=0), None):
            for packet in encoder.encode(frame):
                video = video or sink.add_stream_from_template(encoder.template)
                packet.stream = video
                sink.mux(packet)
    return target


def test_frames_become_the_gops_that_encode_makes(tiny_file: Path, tmp_path: Path) -> None:
    limits = ffhybrid.GopLimits(length=TINY_GOP, scene_threshold=0)
    options = EncodeOptions(
        generator="thumbnail", limits=limits, x265=OPTIONS.x265, picture_hashes=True, fallback=False
    )
    encoded = encoded_packets(tiny_file.with_name("source.mp4"), options, tmp_path / "encoded.mp4")
    assert_same_gops(hybrid_gops(encoded), hybrid_gops(tiny_file))
    assert statements(encoded) == [HYBRID_STATEMENT, None, None, None]


def test_what_an_encoder_of_frames_cannot_do_is_refused() -> None:
    rate = Fraction(25)
    with pytest.raises(UsageError, match="first pass"):
        ffhybrid.KeyframeEncoder(rate, options=EncodeOptions(rate=ffhybrid.Rate(bitrate=100_000)))
    with pytest.raises(UsageError, match="in band"):
        ffhybrid.KeyframeEncoder(rate, options=EncodeOptions(carriage=ffhybrid.Carriage.TRACK))
    with ffhybrid.KeyframeEncoder(rate, options=EncodeOptions(generator="thumbnail")) as encoder:
        with pytest.raises(UsageError, match="first packets"):
            encoder.template  # noqa: B018 - reading it is the test
        with pytest.raises(UsageError, match="rgb24"):
            encoder.encode(av.VideoFrame(64, 64, "rgb24"))
        assert encoder.encode(timed(1)) == []
        with pytest.raises(UsageError, match="do not increase"):
            encoder.encode(timed(1))
        with pytest.raises(UsageError, match="another size"):
            encoder.encode(timed(2, width=128))
    with ffhybrid.KeyframeEncoder(rate, options=EncodeOptions(generator="thumbnail")) as encoder:
        assert encoder.encode(None) == []


def timed(pts: int, *, width: int = 96) -> av.VideoFrame:
    frame = av.VideoFrame(width, 64, "yuv420p")
    frame.pts, frame.time_base = pts, Fraction(1, 25)
    return frame
