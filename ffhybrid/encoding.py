"""Encoding a file: plan GOPs, encode each of them, write."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path

from ffhybrid.audio import AudioSource
from ffhybrid.errors import EncoderError, UsageError
from ffhybrid.filters import FitProgress, Generator, create
from ffhybrid.gop import ParameterSets
from ffhybrid.gop_encoder import EncodeOptions, GopEncoder, GopReport
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.libav import LibavHybridWriter, PlainWriter
from ffhybrid.muxer.matroska import MatroskaWriter
from ffhybrid.muxer.tracks import VideoTrack
from ffhybrid.outputs import PIPE, pending_output, standard_output
from ffhybrid.planner import SourceGop, plan_gops
from ffhybrid.source import VideoSource

MATROSKA_SUFFIXES = (".mkv", ".mka", ".mk3d")


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
    if options.carriage is Carriage.TRACK and not _is_matroska(output, options.container_format):
        raise UsageError(f"{output}: the carriage 'track' is for Matroska, use -carriage inband")
    generator = create(options.generator, **options.generator_options)
    if output == PIPE:
        return _encode_to(source, PIPE, output, generator, options, on_gop, on_fit)
    with pending_output(output, overwrite=overwrite) as pending:
        return _encode_to(source, pending, output, generator, options, on_gop, on_fit)


def _encode_to(
    path: Path,
    target: Path,
    output: Path,
    generator: Generator,
    options: EncodeOptions,
    on_gop: Callable[[GopReport], None] | None,
    on_fit: Callable[[FitProgress], None] | None,
) -> EncodeReport:
    encoder = GopEncoder.create(path, generator, options)
    reports: list[GopReport] = []
    writer: MatroskaWriter | LibavHybridWriter | None = None
    with ExitStack() as stack:
        source = stack.enter_context(VideoSource(path))
        audio = stack.enter_context(AudioSource.open(path, wanted=options.audio))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ffhybrid-")))
        frames = source.frames(limit=options.frames)
        end = Fraction(0)
        for planned in plan_gops(frames, source.info, directory, limits=options.limits):
            gop, report = encoder.encode(planned, on_fit)
            planned.discard()
            if writer is None:
                video = _video_track(gop.parameter_sets, planned)
                writer = stack.enter_context(_open_writer(target, output, video, audio, gop.time_base, options))
                sets = gop.parameter_sets
            if gop.parameter_sets != sets:
                raise EncoderError(f"GOP {planned.index}: x265 changed the parameter sets between GOPs")
            end = (gop.placeholder.pts + gop.duration) * gop.time_base
            for packet in audio.before(end):
                writer.write_audio(packet)
            writer.write_gop(gop)
            reports.append(report)
            if on_gop:
                on_gop(report)
        if writer is None:
            raise UsageError(f"{path}: there are no frames to encode")
        if options.frames is None:
            for packet in audio.rest():
                writer.write_audio(packet)
    size = target.stat().st_size if target != PIPE else 0
    return EncodeReport(gops=tuple(reports), file_bytes=size, seconds=float(end))


def _video_track(sets: ParameterSets, gop: SourceGop) -> VideoTrack:
    return VideoTrack(
        parameter_sets=sets,
        width=gop.spec.width,
        height=gop.spec.height,
        sample_aspect_ratio=gop.sample_aspect_ratio,
        frame_rate=gop.frame_rate if len(set(gop.durations)) <= 2 else None,
        colour=gop.spec.colour,
    )


def _is_matroska(output: Path, container_format: str | None) -> bool:
    if container_format:
        return container_format == "matroska"
    return output == PIPE or output.suffix.lower() in MATROSKA_SUFFIXES


@contextmanager
def _open_writer(
    target: Path,
    output: Path,
    video: VideoTrack,
    audio: AudioSource,
    time_base: Fraction,
    options: EncodeOptions,
) -> Iterator[MatroskaWriter | LibavHybridWriter]:
    file = standard_output() if target == PIPE else None
    if not _is_matroska(output, options.container_format):
        plain = PlainWriter(
            file or target,
            video=video,
            time_base=time_base,
            audio=audio.stream,
            container_format=options.container_format,
        )
        with LibavHybridWriter(plain) as libav_writer:
            yield libav_writer
        return
    with file or target.open("wb") as opened:
        carriage = options.carriage or Carriage.TRACK
        with MatroskaWriter(
            opened, video=video, audio=audio.track, carriage=carriage, tags={"ENCODER": "ffhybrid"}
        ) as writer:
            yield writer
