"""Encoding: plan GOPs, fit a latent to each keyframe, code P and B against it, check the splice, write."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from os import PathLike
from pathlib import Path

from ffhybrid import hevc
from ffhybrid.audio import AudioSource
from ffhybrid.decoding import check_decodes
from ffhybrid.errors import EncoderError, UsageError, VerificationError
from ffhybrid.filters import FitProgress, Generator, Likeness, create
from ffhybrid.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.keyframe import restore_gop
from ffhybrid.lock import LockedEncode, encode_locked
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.libav import LibavHybridWriter, PlainWriter
from ffhybrid.muxer.matroska import MatroskaWriter
from ffhybrid.muxer.tracks import VideoTrack
from ffhybrid.outputs import PIPE, pending_output, standard_output
from ffhybrid.payload import Payload, parameter_set_digest, picture_md5
from ffhybrid.planner import GopLimits, SourceGop, plan_gops
from ffhybrid.source import VideoSource
from ffhybrid.x265_options import X265Options

logger = logging.getLogger(__name__)

MATROSKA_SUFFIXES = (".mkv", ".mka", ".mk3d")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeOptions:
    """What ``ffhybrid encode`` takes; ``keyframe_budget`` is in bytes, ``frames`` limits the pictures read.

    ``picture_hashes`` keeps x265's MD5 of every picture in the file. ``carriage`` None means ``track`` in Matroska
    and ``inband`` elsewhere.
    """

    generator: str = "overfit"
    generator_options: Mapping[str, object] = field(default_factory=dict)
    keyframe_budget: int | None = None
    x265: X265Options = field(default_factory=X265Options)
    limits: GopLimits = field(default_factory=GopLimits)
    carriage: Carriage | None = None
    picture_hashes: bool = False
    audio: bool = True
    frames: int | None = None
    container_format: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GopReport:
    """What one GOP cost, in bytes; ``fixups`` counts samples, ``windows`` the lambda windows tried."""

    index: int
    start: float
    pictures: int
    latent: int
    payload: int
    fixups: int
    fixup_bytes: int
    placeholder: int
    inter: int
    windows: int


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
    latent: bytes | None = None
    reports: list[GopReport] = []
    writer: MatroskaWriter | LibavHybridWriter | None = None
    with ExitStack() as stack:
        source = stack.enter_context(VideoSource(path))
        audio = stack.enter_context(AudioSource.open(path, wanted=options.audio))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ffhybrid-")))
        frames = source.frames(limit=options.frames)
        end = Fraction(0)
        for planned in plan_gops(frames, source.info, directory, limits=options.limits):
            gop, report = encode_gop(planned, generator, options, warm_start=latent, progress=on_fit)
            latent = Payload.from_bytes(gop.payload).latent
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


def encode_gop(
    gop: SourceGop,
    generator: Generator,
    options: EncodeOptions,
    *,
    warm_start: bytes | None = None,
    progress: Callable[[FitProgress], None] | None = None,
) -> tuple[HybridGop, GopReport]:
    """Encode one GOP: inversion, locked encode, self-check (HybridPrompt section 3.2, steps I and II).

    ``warm_start`` is the latent of a keyframe before, which the generator may begin from.
    """
    source = gop.picture(0)
    latent = generator.fit(
        Likeness(source), gop.spec, budget=options.keyframe_budget, warm_start=warm_start, progress=progress
    )
    locked = encode_locked(gop, generator.generate(latent, gop.spec), options.x265)
    payload = Payload(
        generator=generator.name,
        spec=gop.spec,
        coded_width=locked.keyframe.width,
        coded_height=locked.keyframe.height,
        pictures=len(gop),
        parameter_sets=parameter_set_digest(locked.parameter_sets),
        seed=0,
        latent=latent,
        fixups=locked.fixups,
        picture_md5=picture_md5(hevc.picture_md5s(locked.keyframe)),
    )
    hybrid = HybridGop(
        payload=payload.to_bytes(),
        parameter_sets=locked.parameter_sets,
        placeholder=AccessUnit(
            (hevc.placeholder_idr(locked.parameter_sets, locked.nal_unit_type),), gop.pts[0], gop.durations[0]
        ),
        inter=locked.inter,
        time_base=gop.time_base,
    )
    _check(hybrid, gop)
    if not options.picture_hashes:
        hybrid = _without_hashes(hybrid)
    return hybrid, _report(hybrid, gop, payload, locked)


def _check(hybrid: HybridGop, gop: SourceGop) -> None:
    """Restore the GOP as a reader would and hold every picture against x265's own hash."""
    try:
        restored = restore_gop(hybrid)
        decoded = check_decodes(restored.access_units, restored.parameter_sets)
    except VerificationError as error:
        raise EncoderError(f"GOP {gop.index} does not restore exactly, it is not written: {error}") from error
    if decoded != len(gop):
        raise EncoderError(f"GOP {gop.index} restores to {decoded} pictures instead of {len(gop)}")


def _without_hashes(gop: HybridGop) -> HybridGop:
    inter = tuple(
        AccessUnit(tuple(nal for nal in unit.nal_units if not hevc.is_picture_hash(nal)), unit.pts, unit.duration)
        for unit in gop.inter
    )
    return HybridGop(gop.payload, gop.parameter_sets, gop.placeholder, inter, gop.time_base)


def _report(hybrid: HybridGop, gop: SourceGop, payload: Payload, locked: LockedEncode) -> GopReport:
    return GopReport(
        index=gop.index,
        start=gop.start_seconds,
        pictures=len(gop),
        latent=len(payload.latent),
        payload=len(hybrid.payload),
        fixups=locked.fixup_count,
        fixup_bytes=len(locked.fixups),
        placeholder=sum(map(len, hybrid.placeholder.nal_units)),
        inter=sum(len(nal) for unit in hybrid.inter for nal in unit.nal_units),
        windows=len(locked.windows),
    )


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
