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
from ffhybrid.filters import FitProgress, create, create_sequence
from ffhybrid.gop import ParameterSets
from ffhybrid.gop_encoder import EncodeOptions, GopEncoder, GopReport, VideoCodec
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.libav import LibavWriter
from ffhybrid.muxer.matroska import MatroskaWriter
from ffhybrid.muxer.streams import Labels
from ffhybrid.muxer.tracks import VideoTrack
from ffhybrid.outputs import PIPE, pending_output
from ffhybrid.planner import SourceGop, plan_gops
from ffhybrid.sequence_encoder import SequenceEncoder
from ffhybrid.source import VideoSource
from ffhybrid.streams import CompanionSource
from ffhybrid.targets import check_target, is_matroska_target, open_writer

PROMPTUS, PROMPTUS_VIDEO = "promptus", "promptus-video"
"""Generators of keyframes and of whole GOPs that ``-codec promptus`` goes with."""
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
    source, output = Path(source), Path(output)
    if options.carriage is Carriage.TRACK and not is_matroska_target(output, options.container_format):
        raise UsageError(f"{output}: the carriage 'track' is for Matroska, use -carriage inband")
    encoder_of = _encoder_of(options)
    if output == PIPE:
        return _encode_to(source, PIPE, output, encoder_of, options, on_gop, on_fit)
    with pending_output(output, overwrite=overwrite) as pending:
        return _encode_to(source, pending, output, encoder_of, options, on_gop, on_fit)


def _encoder_of(options: EncodeOptions) -> Callable[[Path], GopEncoder | SequenceEncoder]:
    """Check the options of the generator; what encodes a file is made when the file is there."""
    if options.codec is VideoCodec.PROMPTUS:
        if options.generator not in (EncodeOptions().generator, PROMPTUS):
            raise UsageError(f"-codec {options.codec} generates by prompts, not by -kf {options.generator}")
        encoder = SequenceEncoder(create_sequence(PROMPTUS_VIDEO, **options.generator_options), options)
        return lambda _: encoder
    generator = create(options.generator, **options.generator_options)
    return lambda path: GopEncoder.create(path, generator, options)


def _encode_to(
    path: Path,
    target: Path,
    output: Path,
    encoder_of: Callable[[Path], GopEncoder | SequenceEncoder],
    options: EncodeOptions,
    on_gop: Callable[[GopReport], None] | None,
    on_fit: Callable[[FitProgress], None] | None,
) -> EncodeReport:
    reports: list[GopReport] = []
    writer: MatroskaWriter | LibavWriter | None = None
    for_matroska = is_matroska_target(output, options.container_format)
    with ExitStack() as stack:
        beside = stack.enter_context(CompanionSource.open(path, options.streams, for_matroska=for_matroska))
        companions = replace(beside.companions, tags={**beside.companions.tags, **ENCODER_TAG})
        check_target(output, options.container_format, companions)
        source = stack.enter_context(VideoSource(path, streams=options.streams))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ffhybrid-")))
        encoder = encoder_of(path)
        frames = source.frames(limit=options.frames)
        end = Fraction(0)
        for planned in plan_gops(frames, source.info, directory, limits=options.limits):
            gop, report = encoder.encode(planned, on_fit)
            planned.discard()
            if writer is None:
                sets = gop.parameter_sets
                writer = stack.enter_context(
                    open_writer(
                        target,
                        output,
                        video=_video_track(sets, planned, beside.video),
                        companions=companions,
                        time_base=gop.time_base,
                        carriage=options.carriage or Carriage.TRACK,
                        container_format=options.container_format,
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
    size = target.stat().st_size if target != PIPE else 0
    return EncodeReport(gops=tuple(reports), file_bytes=size, seconds=float(end))


def _video_track(sets: ParameterSets, gop: SourceGop, labels: Labels) -> VideoTrack:
    return VideoTrack(
        parameter_sets=sets,
        width=gop.spec.width,
        height=gop.spec.height,
        sample_aspect_ratio=gop.sample_aspect_ratio,
        frame_rate=gop.frame_rate if len(set(gop.durations)) <= 2 else None,
        colour=gop.spec.colour,
        labels=labels,
    )
