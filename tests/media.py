"""Sources with streams beside the video, made by ffmpeg's command line, and what stock tools say of files."""

from __future__ import annotations

import io
import json
import struct
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest

import ffhybrid
from ffhybrid import hevc
from ffhybrid.muxer.statement import STATEMENT_UUID
from support import ffmpegs, run, tool

PICTURES = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=1,format=yuv420p")
SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=1")
VIDEO = ("-c:v", "libx264", "-preset", "ultrafast")
OPTIONS = ffhybrid.EncodeOptions(
    generator="thumbnail",
    fallback=False,
    limits=ffhybrid.GopLimits(length=25, scene_threshold=0),
    x265=ffhybrid.X265Options(crf=35, preset="ultrafast"),
)
SUBRIP = """1
00:00:00,100 --> 00:00:00,500
Hello <i>you</i>

2
00:00:00,600 --> 00:00:00,900
Two
lines
"""
WEBVTT = """WEBVTT

first
00:00:00.100 --> 00:00:00.500 align:start position:10%
Hello

00:00:00.600 --> 00:00:00.900
World
"""
ASS = r"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Alignment
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,2

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.20,0:00:00.70,Default,,0,0,0,,Hi {\b1}there
"""


def presentation_graphics() -> bytes:
    """Draw two subtitles as a .sup file (HDMV PGS): a box from 0.1 to 0.5 s, and again from 0.6 to 0.9 s."""

    def segment(kind: int, seconds: float, data: bytes) -> bytes:
        return b"PG" + struct.pack(">IIBH", int(seconds * 90000), 0, kind, len(data)) + data

    def composition(number: int, objects: int) -> bytes:
        state = 0x80 if objects else 0
        head = struct.pack(">HHBHBBBB", 64, 64, 0x10, number, state, 0, 0, objects)
        return head + struct.pack(">HBBHH", 0, 0, 0, 8, 40) * objects

    window = struct.pack(">BBHHHH", 1, 0, 8, 40, 16, 8)
    palette = bytes([0, 0, 1, 200, 128, 128, 255])
    lines = bytes([0, 0x80 | 16, 1, 0, 0]) * 8
    picture = struct.pack(">HBB", 0, 0, 0xC0) + (len(lines) + 4).to_bytes(3, "big") + struct.pack(">HH", 16, 8) + lines
    found = b""
    for number, (begin, end) in enumerate([(0.1, 0.5), (0.6, 0.9)]):
        shown = ((0x16, composition(2 * number, 1)), (0x17, window), (0x14, palette), (0x15, picture), (0x80, b""))
        gone = ((0x16, composition(2 * number + 1, 0)), (0x17, window), (0x80, b""))
        found += b"".join(segment(kind, begin, data) for kind, data in shown)
        found += b"".join(segment(kind, end, data) for kind, data in gone)
    return found


class Packet(NamedTuple):
    """A packet as a demuxer gives it; times in milliseconds, rounded."""

    data: bytes
    pts: int


def ffmpeg(*arguments: str | Path) -> None:
    """Run the newest stock ffmpeg quietly."""
    run(ffmpegs()["imageio-ffmpeg"], "-v", "error", "-y", *arguments)


@cache
def encoders() -> frozenset[str]:
    """Names of its encoders."""
    listing = run(ffmpegs()["imageio-ffmpeg"], "-hide_banner", "-encoders").stdout
    return frozenset(words[1] for line in listing.splitlines() if len(words := line.split()) > 1)


def need_encoder(name: str) -> None:
    """Skip where ffmpeg lacks an encoder."""
    if name not in encoders():
        pytest.skip(f"the ffmpeg at hand has no encoder {name}")


def milliseconds(pts: int, base: Fraction) -> int:
    """Round to milliseconds as FFmpeg does, halves away from zero."""
    exact = pts * base * 1000
    rounded = int(abs(exact) + Fraction(1, 2))
    return rounded if exact >= 0 else -rounded


def packets(path: Path, kind: str, index: int = 0) -> list[Packet]:
    """Packets of one stream of a kind."""
    with av.open(path) as container:
        stream = [stream for stream in container.streams if stream.type == kind][index]
        base = Fraction(stream.time_base or 1)
        return [Packet(bytes(p), milliseconds(p.pts, base)) for p in container.demux(stream) if p.size]


def audio_samples(source: Path | io.BytesIO) -> np.ndarray:
    """Decode the first audio track, (channels or 1, samples)."""
    with av.open(source) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def ffprobe(path: Path) -> dict[str, Any]:
    """What ffprobe says of streams, chapters and tags."""
    shown = ("-show_streams", "-show_chapters", "-show_format")
    found: dict[str, Any] = json.loads(run(tool("ffprobe"), "-v", "error", *shown, "-of", "json", path).stdout)
    return found


def mkvmerge(path: Path) -> dict[str, Any]:
    """What mkvmerge says of a file; it has no warnings."""
    found: dict[str, Any] = json.loads(run(tool("mkvmerge"), "-J", path).stdout)
    assert found["errors"] == found["warnings"] == []
    return found


def stock_copy(source: Path, target: Path) -> Path:
    """Copy everything with stock ffmpeg."""
    ffmpeg("-copyts", "-i", source, "-map", "0", "-c", "copy", target)
    return target


def unstated_video(path: Path) -> list[Packet]:
    """Packets of the pictures, without the words that the first one of a restored file has before it."""

    def unstated(data: bytes) -> bytes:
        nal_units = hevc.split_length_prefixed(data)
        return hevc.join_length_prefixed(nal for nal in nal_units if STATEMENT_UUID not in nal)

    return [packet._replace(data=unstated(packet.data)) for packet in packets(path, "video")]
