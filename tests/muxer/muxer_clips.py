"""Making hybrid GOPs out of a real x265 stream, with payloads that need emulation prevention."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec.context import Flags

from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.core.picture import Colour
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.matroska.tracks import VideoTrack
from ffhybrid.muxer.matroska.writer import MatroskaWriter
from ffhybrid.muxer.streams.values import Track, track_of

WIDTH, HEIGHT, RATE, GOP_LENGTH, GOPS = 176, 144, 25, 12, 4
TIME_BASE = Fraction(1, RATE)


class Pipe(io.BytesIO):
    """What is written to a file that cannot seek."""

    def seekable(self) -> bool:
        return False

    def seek(self, *args: int) -> int:
        raise OSError("a pipe does not seek")

    tell = seek


def random_payload(seed: int) -> bytes:
    """Noise full of 00 00 0x, as start codes and emulation prevention bytes are."""
    rng = random.Random(seed)
    return b"".join(bytes([0, 0, rng.randrange(4)]) + rng.randbytes(rng.randrange(40)) for _ in range(60)) + b"\0\0\0"


def encode(params: str, pictures: int) -> tuple[ParameterSets, list[av.Packet]]:
    """Code moving noise with x265, parameter sets in the header."""
    encoder = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(RATE), TIME_BASE
    encoder.flags |= Flags.global_header
    fixed = f"log-level=error:info=0:open-gop=0:scenecut=0:hash=1:keyint={GOP_LENGTH}:min-keyint={GOP_LENGTH}"
    encoder.options = {"preset": "ultrafast", "x265-params": f"{fixed}:{params}"}
    texture = np.random.default_rng(1).integers(0, 256, (HEIGHT * 3 // 2, WIDTH), np.uint8)
    packets: list[av.Packet] = []
    for index in range(pictures):
        frame = av.VideoFrame.from_ndarray(np.roll(texture, index, axis=1), format="yuv420p")
        frame.pts = index
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return hevc.find_parameter_sets(hevc.split_annexb(bytes(encoder.extradata or b""))), packets


def as_gops(sets: ParameterSets, packets: Iterable[av.Packet]) -> list[HybridGop]:
    """Put a placeholder and a payload in place of each IDR picture."""
    gops: list[HybridGop] = []
    for packet in packets:
        nal_units = tuple(hevc.split_annexb(bytes(packet)))
        idr = next((nal for nal in nal_units if hevc.is_idr(nal)), None)
        pts = int(packet.pts or 0)
        if idr is None:
            gop = gops.pop()
            unit = AccessUnit(nal_units, pts, 1)
            gops.append(HybridGop(gop.payload, sets, gop.placeholder, (*gop.inter, unit), TIME_BASE))
            continue
        grey = hevc.placeholder_idr(sets, hevc.nal_type(idr))
        gops.append(HybridGop(random_payload(pts), sets, AccessUnit((grey,), pts, 1), (), TIME_BASE))
    return gops


def video_track(sets: ParameterSets) -> VideoTrack:
    return VideoTrack(
        parameter_sets=sets,
        width=WIDTH,
        height=HEIGHT,
        sample_aspect_ratio=Fraction(1),
        frame_rate=Fraction(RATE),
        colour=Colour(),
    )


def pcm_track() -> Track:
    """A track of plain samples, two channels."""
    with av.open(io.BytesIO(), "w", format="wav") as container:
        return track_of(container.add_stream("pcm_s16le", rate=48000, layout="stereo"))


def write_matroska(path: Path, gops: Iterable[HybridGop], carriage: Carriage) -> Path:
    gops = list(gops)
    with (
        path.open("wb") as file,
        MatroskaWriter(file, video=video_track(gops[0].parameter_sets), carriage=carriage) as writer,
    ):
        for gop in gops:
            writer.write_gop(gop)
    return path
