"""Streams that describe HEVC to libavformat, for ``add_stream_from_template``: files of one grey picture, read back."""

from __future__ import annotations

import io
from fractions import Fraction

import av

from ffhybrid import hevc
from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.matroska.tracks import VideoTrack
from ffhybrid.muxer.matroska.writer import MatroskaWriter


def template_of(video: VideoTrack) -> av.VideoStream:
    """Describe a track to libavformat: by a Matroska file of one grey picture of our own, read back."""
    grey = hevc.placeholder_idr(video.parameter_sets, hevc.NalType.IDR_N_LP)
    gop = HybridGop(b"", video.parameter_sets, AccessUnit((grey,), 0, 1), (), Fraction(1))
    file = io.BytesIO()
    with MatroskaWriter(file, video=video, carriage=Carriage.INBAND) as writer:
        writer.write_gop(gop)
    file.seek(0)
    return av.open(file, "r", format="matroska").streams.video[0]


def annexb_template(sets: ParameterSets) -> av.VideoStream:
    """Describe a stream whose packets have start codes: by one grey picture as a byte stream, read back."""
    grey = hevc.placeholder_idr(sets, hevc.NalType.IDR_N_LP)
    file = io.BytesIO(hevc.join_annexb((*sets.nal_units, grey)))
    return av.open(file, "r", format="hevc").streams.video[0]
