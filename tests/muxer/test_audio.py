"""Copied audio decodes to the same samples, at the same times, from what the Matroska writer wrote."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ffhybrid.core.gop import HybridGop
from ffhybrid.errors import UnsupportedError
from ffhybrid.muxer.matroska.writer import MatroskaWriter
from ffhybrid.muxer.streams.values import OtherStreams, StreamPacket, Track, packet_of, track_of
from media import audio_samples
from muxer_clips import pcm_track, video_track
from support import run, tool

CODECS = {
    "aac": ("aac", "m4a"),
    "ac3": ("ac3", "ac3"),
    "alac": ("alac", "m4a"),
    "eac3": ("eac3", "eac3"),
    "flac": ("flac", "flac"),
    "mp2": ("mp2", "mp2"),
    "mp3": ("libmp3lame", "mp3"),
    "opus": ("libopus", "opus"),
    "pcm_s16le": ("pcm_s16le", "wav"),
    "pcm_s24le": ("pcm_s24le", "wav"),
    "vorbis": ("vorbis", "ogg"),
}


def sound(folder: Path, codec: str) -> Path:
    """A second and a half of sound in two channels."""
    encoder, suffix = CODECS[codec]
    path = folder / f"sound.{suffix}"
    with av.open(path, "w") as container:
        stream = container.add_stream(encoder, rate=48000, layout="stereo", options={"strict": "experimental"})
        time = np.arange(72000) / 48000
        samples = (8000 * np.sin(2 * np.pi * np.array([[440.0], [660.0]]) * time)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples.T.reshape(1, -1).copy(), format="s16", layout="stereo")
        frame.sample_rate = 48000
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="stereo", rate=48000)
        fifo = av.AudioFifo()
        for converted in resampler.resample(frame):
            fifo.write(converted)
        for chunk in fifo.read_many(stream.codec_context.frame_size or 1024, partial=True):
            container.mux(stream.encode(chunk))
        container.mux(stream.encode(None))
    return path


def written(gops: list[HybridGop], track: Track, packets: list[StreamPacket]) -> bytes:
    file = io.BytesIO()
    video = video_track(gops[0].parameter_sets)
    with MatroskaWriter(file, video=video, other_streams=OtherStreams(tracks=(track,))) as writer:
        for packet in packets:
            writer.write_packet(packet)
        for gop in gops:
            writer.write_gop(gop)
    return file.getvalue()


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_decodes_to_the_same_samples_at_the_same_times(
    codec: str, gops: list[HybridGop], tmp_path: Path
) -> None:
    source = sound(tmp_path, codec)
    with av.open(source) as container:
        stream = container.streams.audio[0]
        track = track_of(stream)
        packets = [packet_of(packet, 0) for packet in container.demux(stream) if packet.size]
    data = written(gops, replace(track, delay=max(Fraction(0), -packets[0].pts)), packets)
    with av.open(io.BytesIO(data)) as container:
        read = [packet for packet in container.demux(audio=0) if packet.size]
    assert [bytes(packet) for packet in read] == [packet.data for packet in packets]
    late = [float(ours.pts * ours.time_base - theirs.pts) for ours, theirs in zip(read, packets, strict=True)]
    assert max(map(abs, late)) <= 0.0005
    # An MP3 file tells its encoder's delay in a tag of its own, which no other container has.
    if codec != "mp3":
        assert np.array_equal(audio_samples(io.BytesIO(data)), audio_samples(source))


@pytest.mark.parametrize("codec", ["alac", "flac", "opus", "vorbis"])
def test_stock_tools_take_the_codec_headers(codec: str, gops: list[HybridGop], tmp_path: Path) -> None:
    with av.open(sound(tmp_path, codec)) as container:
        stream = container.streams.audio[0]
        track = track_of(stream)
        packets = [packet_of(packet, 0) for packet in container.demux(stream) if packet.size]
        track = replace(track, delay=max(Fraction(0), -packets[0].pts))
    path = tmp_path / "file.mkv"
    path.write_bytes(written(gops, track, packets))
    assert run(tool("ffmpeg"), "-v", "warning", "-i", path, "-map", "0:a", "-f", "null", "-").stderr == ""
    info = json.loads(run(tool("mkvmerge"), "-J", path).stdout)
    assert info["errors"] == info["warnings"] == []


@pytest.mark.parametrize("codec", ["alac", "flac", "opus", "vorbis"])
def test_codecs_without_their_header_are_refused(codec: str, gops: list[HybridGop]) -> None:
    track = replace(pcm_track(), codec=codec)
    with pytest.raises(UnsupportedError):
        written(gops, track, [])


@pytest.mark.parametrize("start", [0, 100])
def test_audio_far_outside_the_video_is_kept(start: int, gops: list[HybridGop]) -> None:
    """A tail, or a beginning, of 100 s is more than one cluster can hold."""
    packets = [StreamPacket(0, bytes([i] * 20), Fraction(i), Fraction(1)) for i in range(100)]
    file = io.BytesIO()
    gop = gops[0]
    video = video_track(gop.parameter_sets)
    with MatroskaWriter(file, video=video, other_streams=OtherStreams(tracks=(pcm_track(),))) as writer:
        for packet in packets:
            writer.write_packet(packet)
        late = HybridGop(gop.payload, gop.parameter_sets, gop.placeholder, (), Fraction(1, 25))
        moved = type(late.placeholder)(late.placeholder.nal_units, start * 25, 1)
        writer.write_gop(HybridGop(gop.payload, gop.parameter_sets, moved, (), Fraction(1, 25)))
    with av.open(io.BytesIO(file.getvalue())) as container:
        read = [(bytes(p)[0], float(p.pts * p.time_base)) for p in container.demux(audio=0) if p.size]
    assert read == [(i, float(i)) for i in range(100)]


def test_audio_before_zero_is_an_error_at_once(gops: list[HybridGop]) -> None:
    with pytest.raises(UnsupportedError, match="negative"):
        written(gops, pcm_track(), [StreamPacket(0, b"x", Fraction(-1, 10), Fraction(1))])


def test_audio_that_runs_too_far_ahead_is_refused(gops: list[HybridGop]) -> None:
    packets = [StreamPacket(0, bytes(1 << 20), Fraction(i), Fraction(1)) for i in range(65)]
    with pytest.raises(UnsupportedError, match="too far ahead"):
        written(gops, pcm_track(), packets)
