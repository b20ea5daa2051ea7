"""Frames in, packets of a hybrid stream out: an encoder for loops of PyAV."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av

from ffhybrid.core.closing import Closing
from ffhybrid.core.frames import SAME_SAMPLES, colour_of, frame_picture
from ffhybrid.core.picture import PictureSpec
from ffhybrid.core.presentation import Presentation
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.modes import encoder_for, fixed_arithmetic, settled
from ffhybrid.errors import EncoderError, UnsupportedError, UsageError
from ffhybrid.muxer.carriage import Carriage, GopCarrier
from ffhybrid.muxer.libav.gop_packets import GopPackets
from ffhybrid.muxer.libav.templates import template_of
from ffhybrid.muxer.streams.values import Labels
from ffhybrid.options import EncodeOptions
from ffhybrid.source import hdr
from ffhybrid.source.gop_planning import GopPlanner
from ffhybrid.source.scene_cuts import SceneMeter
from ffhybrid.source.video import SourceFrame, SourceInfo
from ffhybrid.source.video_track import video_track


class KeyframeEncoder(Closing):
    """Encodes frames GOP by GOP into packets with their payloads in band; a context manager.

    ``frame_rate`` and ``sample_aspect_ratio`` are what headers say, and so is ``presentation``: by default the HDR10
    metadata of the first frame. Timestamps are those of the frames, which count the time base of the first. Of
    ``options``, streams, frames and everything about the output do not matter here.

    Raises:
        UsageError: the carriage ``track``, or a bitrate, which takes a first pass.
    """

    def __init__(
        self,
        frame_rate: Fraction,
        *,
        sample_aspect_ratio: Fraction | None = None,
        presentation: Presentation | None = None,
        options: EncodeOptions | None = None,
    ) -> None:
        self._options = settled(options or EncodeOptions())
        if self._options.carriage is Carriage.TRACK:
            raise UsageError("packets have their payloads in band: a track of payloads is for files")
        if self._options.rate is not None:
            raise UsageError("a bitrate takes a first pass over a file: give a CRF, or encode a file")
        self._encoder = encoder_for(self._options)
        self._frame_rate = frame_rate
        self._sample_aspect_ratio = sample_aspect_ratio or Fraction(1)
        self._presentation = presentation
        self._scenes: SceneMeter | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="ffhybrid-")
        self._info: SourceInfo | None = None
        self._latest: int | None = None
        self._planner: GopPlanner | None = None
        self._carrier = GopCarrier(Carriage.INBAND)
        self._packets: GopPackets | None = None
        self._template: av.VideoStream | None = None

    def close(self) -> None:
        """Remove the frames that wait for the end of their GOP."""
        self._last()
        self._folder.cleanup()

    @property
    def template(self) -> av.VideoStream:
        """Describe the stream, for ``add_stream_from_template``; known as soon as there are packets.

        Raises:
            UsageError: there are none yet.
        """
        if self._template is None:
            raise UsageError("the stream is described once its first packets are there")
        return self._template

    def encode(self, frame: av.VideoFrame | None) -> list[av.Packet[Any]]:
        """Take a frame, in order of presentation; give the packets of the GOP that ends before it, if one does.

        None ends the stream and gives the rest. Packets have a time base of their own.

        Raises:
            UsageError: another pixel format than yuv420p and yuv420p10le, or another size than before; timestamps that
                are missing or do not increase.
            UnsupportedError: an interlaced frame.
            EncoderError: x265 failed, or a GOP does not restore exactly.
        """
        closed = self._plan(frame) if frame else self._last()
        return self._encoded(closed) if closed else []

    def _last(self) -> SourceGop | None:
        return self._planner.finish() if self._planner else None

    def _plan(self, frame: av.VideoFrame) -> SourceGop | None:
        self._presentation = self._presentation or _presentation(frame)
        info = self._described(frame, self._presentation)
        if self._planner is None or self._scenes is None:
            self._planner = GopPlanner(info, Path(self._folder.name), limits=self._options.limits)
            self._scenes = SceneMeter(frame)
        if self._info is not None and info != self._info:
            raise UsageError(f"the frame at {frame.time:.3f} s has another size, format, colour or time base")
        pts = cast(int, frame.pts)
        if self._latest is not None and pts <= self._latest:
            raise UsageError(f"timestamps do not increase at {frame.time:.3f} s")
        self._info, self._latest = info, pts
        duration = frame.duration or max(1, round(1 / (self._frame_rate * info.time_base)))
        picture = frame_picture(frame, info.spec)
        return self._planner.add(SourceFrame(picture, pts, duration, self._scenes.score(frame), ()))

    def _described(self, frame: av.VideoFrame, presentation: Presentation) -> SourceInfo:
        if frame.format.name not in SAME_SAMPLES:
            raise UsageError(
                f"frames are {frame.format.name}, and {', '.join(SAME_SAMPLES)} are taken: frame.reformat converts them"
            )
        if frame.pts is None or frame.time_base is None:
            raise UsageError("a frame has no timestamp")
        if frame.interlaced_frame:
            raise UnsupportedError(f"the frame at {frame.time:.3f} s is interlaced, and only whole pictures are taken")
        return SourceInfo(
            spec=_spec(frame),
            frame_rate=self._frame_rate,
            time_base=frame.time_base,
            sample_aspect_ratio=self._sample_aspect_ratio,
            presentation=presentation,
        )

    def _encoded(self, planned: SourceGop) -> list[av.Packet[Any]]:
        with fixed_arithmetic(self._options):
            gop, _ = self._encoder.encode(planned)
        planned.discard()
        if self._packets is None:
            self._sets = gop.parameter_sets
            self._packets = GopPackets(gop.parameter_sets, time_base=gop.time_base)
            self._template = template_of(video_track(gop, cast(SourceInfo, self._info), Labels()))
        if gop.parameter_sets != self._sets:
            raise EncoderError(f"GOP {planned.index}: x265 changed the parameter sets between GOPs")
        return self._packets.of(self._carrier.access_units(gop), gop.parameter_sets.nal_units, gop.time_base)


def _spec(frame: av.VideoFrame) -> PictureSpec:
    width, height = frame.width + frame.width % 2, frame.height + frame.height % 2
    return PictureSpec(width, height, SAME_SAMPLES[frame.format.name], colour_of(frame))


def _presentation(first: av.VideoFrame) -> Presentation:
    """Take what frames know; later ones need not repeat it."""
    return Presentation(mastering_display=hdr.mastering_display(first), content_light=hdr.content_light(first))
