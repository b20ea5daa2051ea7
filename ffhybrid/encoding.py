"""Encoding a file: plan GOPs, encode each of them, write."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from os import PathLike
from pathlib import Path

from ffhybrid.errors import EncoderError, UsageError
from ffhybrid.filters import FitProgress, Generator, create
from ffhybrid.gop import ParameterSets
from ffhybrid.gop_encoder import EncodeOptions, GopEncoder, GopReport
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.streams import Labels
from ffhybrid.muxer.tracks import VideoTrack
from ffhybrid.outputs import PIPE
from ffhybrid.planner import SourceGop, plan_gops
from ffhybrid.source import VideoSource
from ffhybrid.streams import CompanionSource
from ffhybrid.targets import PendingTarget, Target, Writer

ENCODER_TAG = {"ENCODER": "ffhybrid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeReport:
    """All GOPs of a file, and the bytes of the file itself (0 on a pipe)."""

    gops: tuple[GopReport, ...]
    file_bytes: int
    seconds: float


def encode(
    source: str | PathLike[str],
    output: str | PathLike[str],
    *,
    options: EncodeOptions | None = None,
    overwrite: bool = False,
    on_gop: Callable[[GopReport], None] | None = None,
    on_fit: Callable[[FitProgress], None] | None = None,
) -> EncodeReport:
    """Encode a video into a hybrid file; ``output`` may be ``-`` for a live Matroska stream on standard output.

    ``on_gop`` is called with every finished GOP, ``on_fit`` while a keyframe is being fitted.

    Raises:
        UsageError, UnsupportedError, CorruptDataError, EncoderError: see their docstrings; no output appears then.
    """
    options = options or EncodeOptions()
    source = Path(source)
    if source == PIPE:
        raise UsageError("encode reads its input more than once: give a file, not standard input")
    target = Target(
        output=Path(output), container_format=options.container_format, format_options=options.format_options
    )
    carriage = target.carriage(options.carriage)
    generator = create(options.generator, **options.generator_options)
    with target.pending(overwrite=overwrite) as pending:
        return _encode_to(source, pending, carriage, generator, options, on_gop, on_fit)


def _encode_to(
    path: Path,
    pending: PendingTarget,
    carriage: Carriage,
    generator: Generator,
    options: EncodeOptions,
    on_gop: Callable[[GopReport], None] | None,
    on_fit: Callable[[FitProgress], None] | None,
) -> EncodeReport:
    reports: list[GopReport] = []
    writer: Writer | None = None
    target = pending.target
    with ExitStack() as stack:
        beside = stack.enter_context(CompanionSource.open(path, options.streams, for_matroska=target.is_matroska))
        companions = replace(beside.companions, tags={**beside.companions.tags, **ENCODER_TAG})
        target.check(companions)
        source = stack.enter_context(VideoSource(path, streams=options.streams, options=options.source))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ffhybrid-")))
        encoder = GopEncoder.create(path, generator, options)
        frames = source.frames(limit=options.frames)
        end = Fraction(0)
        for planned in plan_gops(frames, source.info, directory, limits=options.limits):
            gop, report = encoder.encode(planned, on_fit)
            planned.discard()
            if writer is None:
                sets = gop.parameter_sets
                writer = stack.enter_context(
                    pending.open(
                        video=video_track(sets, planned, beside.video),
                        companions=companions,
                        time_base=gop.time_base,
                        carriage=carriage,
                    )
                )
            if gop.parameter_sets != sets:
                raise EncoderError(f"GOP {planned.index}: x265 changed the parameter sets between GOPs")
            end = (gop.placeholder.pts + gop.duration) * gop.time_base
            for packet in beside.before(end):
                writer.write_packet(packet)
            writer.write_gop(gop)
            reports.append(report)
            if on_gop:
                on_gop(report)
        if writer is None:
            raise UsageError(f"{path}: there are no frames to encode")
        if options.frames is None:
            for packet in beside.rest():
                writer.write_packet(packet)
    return EncodeReport(gops=tuple(reports), file_bytes=pending.size(), seconds=float(end))


def video_track(sets: ParameterSets, gop: SourceGop, labels: Labels) -> VideoTrack:
    """Describe the track that GOPs like this one make."""
    return VideoTrack(
        parameter_sets=sets,
        width=gop.spec.width,
        height=gop.spec.height,
        sample_aspect_ratio=gop.sample_aspect_ratio,
        frame_rate=gop.frame_rate if len(set(gop.durations)) <= 2 else None,
        colour=gop.spec.colour,
        presentation=gop.presentation,
        labels=labels,
    )
