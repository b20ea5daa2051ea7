"""One libx265 encode, for a process of its own: a job that is a JSON object, and records that are the answer.

Records are the extradata and then the packets in decoding order, each with its frame index (see
:func:`write_record`). x265's log goes to standard error.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, cast

import av
import av.logging
import numpy as np
from av.codec.context import Flags
from av.video.frame import PictureType

RECORD = struct.Struct("<iI")
"""Frame index (-1 for the extradata) and size in bytes of what follows."""

EXTRADATA = -1

NOT_TAKEN = ("Unknown option", "Invalid value")
"""How FFmpeg's wrapper begins to say of a parameter that x265 does not take it."""

EXIT_CODE = struct.Struct("<i")
"""Exit code of the process, apart from the records; negative where a signal ended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class X265Job:
    """Raw 4:2:0 frames to encode, ``keyframe``, if any, taking the place of the first one.

    ``skipped`` frames of the file come before them; ``predicted`` are numbers of those that become P pictures.

    Files hold tightly packed planes; ``frame_rate`` and ``sample_aspect_ratio`` are "num/den"; colour values are
    code points of ITU-T H.273 (range: 1 limited, 2 full). The lambda table is a file beside the working directory.
    """

    frames: str
    keyframe: str | None
    count: int
    width: int
    height: int
    pix_fmt: str
    frame_rate: str
    sample_aspect_ratio: str
    colour: tuple[int, int, int, int]
    options: dict[str, str]
    skipped: int = 0
    predicted: tuple[int, ...] = ()

    def to_json(self) -> str:
        """Serialise."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> X265Job:
        """Parse what :meth:`to_json` gives."""
        fields: dict[str, Any] = json.loads(text)
        return cls(**{**fields, **{name: tuple(fields[name]) for name in ("colour", "predicted")}})


def write_record(file: BinaryIO, index: int, data: bytes) -> None:
    """Write one record of the answer."""
    file.write(RECORD.pack(index, len(data)))
    file.write(data)


def read_records(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Read the records of an answer as they come; raises ``ValueError`` where it is cut short."""
    while head := file.read(RECORD.size):
        if len(head) < RECORD.size:
            raise ValueError("the answer ends inside a record header")
        index, size = RECORD.unpack(head)
        data = file.read(size)
        if len(data) < size:
            raise ValueError("the answer ends inside a record")
        yield index, data


def open_encoder(job: X265Job) -> av.VideoCodecContext:
    """Open libx265 with parameter sets in the extradata and frame indices as timestamps.

    Raises:
        ValueError: it does not take a parameter.
    """
    context = av.CodecContext.create("libx265", "w")
    context.width = job.width
    context.height = job.height
    context.pix_fmt = job.pix_fmt
    context.framerate = Fraction(job.frame_rate)
    context.time_base = 1 / Fraction(job.frame_rate)
    context.sample_aspect_ratio = Fraction(job.sample_aspect_ratio)
    context.color_primaries, context.color_trc, context.colorspace, context.color_range = job.colour
    context.flags |= Flags.global_header
    context.options = job.options
    # FFmpeg's wrapper warns of parameters that x265 does not know, and goes on without them.
    av.logging.set_level(av.logging.WARNING)
    with av.logging.Capture() as said:
        context.open()
    for _, name, message in said:
        if name == "libx265" and message.startswith(NOT_TAKEN):
            raise ValueError(message.strip())
    return context


def read_frames(job: X265Job) -> Iterator[av.VideoFrame]:
    """Read the frames one by one, so that a GOP never lies in memory as a whole."""
    dtype: Any = np.uint8 if job.pix_fmt == "yuv420p" else np.uint16
    samples = job.width * job.height * 3 // 2
    with Path(job.frames).open("rb") as frames:
        frames.seek(job.skipped * samples * np.dtype(dtype).itemsize)
        for index in range(job.count):
            raw = np.fromfile(frames, dtype, count=samples)
            if index == 0 and job.keyframe is not None:
                raw = np.fromfile(job.keyframe, dtype, count=samples)
            frame = av.VideoFrame.from_ndarray(raw.reshape(job.height * 3 // 2, job.width), format=job.pix_fmt)
            frame.pts = index
            if index in job.predicted:
                frame.pict_type = PictureType.P
            yield frame


def encode(job: X265Job, answer: BinaryIO) -> None:
    """Encode all frames of a job and write the answer."""
    context = open_encoder(job)
    write_record(answer, EXTRADATA, bytes(context.extradata or b""))
    for frame in _with_flush(read_frames(job)):
        for packet in context.encode(frame):
            write_record(answer, cast(int, packet.pts), bytes(packet))


def _with_flush(frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame | None]:
    yield from frames
    yield None
