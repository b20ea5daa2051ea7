"""HEVC streams of PyAV: which one is the video, their parameter sets, their packets taken apart."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import av

from ffhybrid import hevc
from ffhybrid.core.gop import ParameterSets
from ffhybrid.core.picture import FULL_RANGE, Colour
from ffhybrid.core.presentation import Presentation
from ffhybrid.hevc.static_metadata import static_metadata
from ffhybrid.muxer.carriage import NEURAL_SIDE, CarriedUnit, split_access_unit
from ffhybrid.muxer.libav.stream_facts import stream_facts
from ffhybrid.muxer.matroska.tracks import VideoTrack
from ffhybrid.muxer.streams.values import codec_name, is_cover, labels_of


def find_hevc(container: av.container.InputContainer) -> tuple[av.VideoStream | None, av.VideoStream | None]:
    """Find the video and the neural keyframes beside it, by their size."""
    streams = [stream for stream in container.streams.video if codec_name(stream) == "hevc" and not is_cover(stream)]
    if not streams:
        return None, None
    main = next((stream for stream in streams if not _is_neural_size(stream)), streams[0])
    return main, next((stream for stream in streams if stream is not main and _is_neural_size(stream)), None)


def _is_neural_size(stream: av.VideoStream) -> bool:
    return stream.width == stream.height == NEURAL_SIDE


def length_size(stream: av.VideoStream) -> int:
    """Bytes of a NAL unit's length, 0 for Annex B.

    Raises:
        CorruptDataError: a damaged hvcC record.
    """
    return hevc.hvcc_length_size(bytes(stream.codec_context.extradata or b""))


def header_sets(stream: av.VideoStream) -> ParameterSets | None:
    """Parameter sets where the header has them, as an hvcC record or as Annex B."""
    extradata = bytes(stream.codec_context.extradata or b"")
    if length_size(stream):
        return hevc.read_hvcc(extradata)
    found = hevc.split_annexb(extradata)
    return hevc.find_parameter_sets(found) if found else None


def unit_sets(unit: CarriedUnit) -> ParameterSets | None:
    """Parameter sets where the access unit has them."""
    return hevc.find_parameter_sets(unit.parameter_sets) if unit.parameter_sets else None


def nal_units(data: bytes, size: int) -> list[bytes]:
    """Split the data of a packet whose NAL units have lengths of ``size`` bytes, or start codes where that is 0."""
    return hevc.split_length_prefixed(data, size) if size else hevc.split_annexb(data)


def split_packet(packet: av.Packet[Any], size: int) -> CarriedUnit:
    """Take a packet apart; ``size`` is :func:`length_size` of its stream."""
    return split_access_unit(nal_units(bytes(packet), size))


def is_keyframe(unit: CarriedUnit) -> bool:
    """Whether an access unit is an IDR picture."""
    return any(hevc.is_idr(nal) for nal in unit.picture)


def describe_video(stream: av.VideoStream, sets: ParameterSets, messages: Iterable[bytes] = ()) -> VideoTrack:
    """Describe the video that has these parameter sets, and these SEI NAL units at its first keyframe."""
    context = stream.codec_context
    sps = hevc.parse_sps(sets.sps)
    colour = Colour(
        int(context.color_primaries),
        int(context.color_trc),
        int(context.colorspace),
        int(context.color_range) == FULL_RANGE,
    )
    display, light = static_metadata(messages)
    return VideoTrack(
        parameter_sets=sets,
        width=sps.width,
        height=sps.height,
        sample_aspect_ratio=stream.sample_aspect_ratio or Fraction(1),
        frame_rate=stream.average_rate or stream.guessed_rate,
        colour=colour,
        presentation=Presentation(
            chroma_location=sps.chroma_location,
            orientation=stream_facts(stream).orientation,
            mastering_display=display,
            content_light=light,
        ),
        labels=labels_of(stream, is_recoded=True),
    )
