"""The video track of an encoded source, for the headers of files."""

from __future__ import annotations

from ffhybrid.core.gop import HybridGop
from ffhybrid.muxer.matroska.tracks import VideoTrack
from ffhybrid.muxer.streams.values import Labels
from ffhybrid.source.video import SourceInfo


def video_track(first: HybridGop, info: SourceInfo, labels: Labels) -> VideoTrack:
    """Describe the track of a source that begins with this GOP."""
    durations = {unit.duration for unit in first.access_units}
    return VideoTrack(
        parameter_sets=first.parameter_sets,
        width=info.spec.width,
        height=info.spec.height,
        sample_aspect_ratio=info.sample_aspect_ratio,
        frame_rate=info.frame_rate if len(durations) <= 2 else None,
        colour=info.spec.colour,
        presentation=info.presentation,
        labels=labels,
    )
