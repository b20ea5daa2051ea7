"""The frames that every codec is given: cut, scaled, and kept without loss."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.video.frame import PictureType

from ffhybrid.core.frames import PIXEL_FORMATS
from ffhybrid.core.picture import Colour, PictureSpec
from ffhybrid.errors import UsageError
from ffhybrid.muxer.matroska.blocks import MAX_GOP_SECONDS
from ffhybrid.panel.values import Reference
from ffhybrid.source.resizing import resized, scaled_spec
from ffhybrid.source.video import SourceOptions, VideoSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip(Reference):
    """Frames in an FFV1 file.

    ``md5`` is that of all samples (planes Y, Cb, Cr of every frame) and of the frame rate: equal clips are equal input.
    """

    name: str
    md5: str

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return float(self.frames / self.frame_rate)

    def video_frames(self) -> Iterator[av.VideoFrame]:
        """Decode all frames; their timestamps count frames."""
        with av.open(self.path) as container:
            for index, frame in enumerate(container.decode(video=0)):
                frame.pts, frame.time_base = index, 1 / self.frame_rate
                frame.pict_type = PictureType.NONE  # FFV1 calls every picture an I picture, which encoders would obey.
                yield frame

    def bytes_at(self, bitrate: int) -> int:
        """Bytes of a file of so many bits a second."""
        return round(bitrate * self.seconds / 8)


def prepare(
    source: Path,
    folder: Path,
    *,
    frames: int | None,
    width: int | None,
    height: int | None,
    options: SourceOptions | None = None,
) -> Clip:
    """Cut, scale (averaging areas) and store the frames of a source in ``folder``, after what ``options`` ask for.

    Raises:
        UsageError: there are no frames.
        UnsupportedError, CorruptDataError: see :class:`ffhybrid.source.video.VideoSource`.
    """
    target = folder / "source.mkv"
    digest = hashlib.md5(usedforsecurity=False)
    with VideoSource(source, options=options) as video:
        spec = scaled_spec(video.info.spec, width=width, height=height)
        rate = video.info.frame_rate.limit_denominator(65535)
        digest.update(f"{rate} {spec}".encode())

        def read() -> Iterator[av.VideoFrame]:
            for taken in video.frames(limit=frames):
                frame = resized(taken.picture, spec)
                digest.update(frame.to_ndarray().tobytes())
                yield frame

        count = write_lossless(target, read(), spec, rate)
    if not count:
        raise UsageError(f"{source}: there are no frames to compare")
    return Clip(name=source.stem, path=target, spec=spec, frame_rate=rate, frames=count, md5=digest.hexdigest())


def check_gop_length(clip: Clip, length: int) -> None:
    """Refuse GOPs that hybrid files cannot have.

    Raises:
        UsageError: they last too long.
    """
    if min(length, clip.frames) / clip.frame_rate > MAX_GOP_SECONDS:
        raise UsageError(f"-g {length}: GOPs of hybrid files last at most {MAX_GOP_SECONDS} seconds")


def tag_colour(context: av.VideoCodecContext, colour: Colour) -> None:
    """Tell an encoder how its samples are to be shown."""
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    context.colorspace = colour.matrix
    context.color_range = colour.range


def write_lossless(target: Path, frames: Iterable[av.VideoFrame], spec: PictureSpec, rate: Fraction) -> int:
    """Write frames as FFV1 at a constant rate, from 0 on; returns how many there were."""
    count = 0
    with av.open(target, "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, PIXEL_FORMATS[spec.bit_depth]
        tag_colour(stream.codec_context, spec.colour)
        for frame in frames:
            frame.pts, frame.time_base = count, 1 / rate
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode(None))
    return count
