"""Planning: from a source and its options to jobs, in one pass over the source, which nobody repeats."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ffhybrid.core.ordered_pool import in_order
from ffhybrid.core.resources import usable_cores
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.bit_allocation import Complexity, Share, first_pass, shares
from ffhybrid.encoder.modes import encoder_for
from ffhybrid.encoder.options import Rate
from ffhybrid.errors import UsageError
from ffhybrid.farm.frame_digest import FrameDigest
from ffhybrid.farm.jobs import VERSION, GopRange, Job, options_of_gops
from ffhybrid.farm.state import State, plan_key
from ffhybrid.muxer.output import MATROSKA
from ffhybrid.muxer.overhead import overhead_of
from ffhybrid.options import EncodeOptions
from ffhybrid.source.gop_planning import grouped, spool
from ffhybrid.source.video import SourceFrame, VideoSource

MOST_FIRST_PASSES = 4
"""The most first passes at a time: each holds the raw frames of a GOP at half of their size, 93 MB of 1080p."""
LEAST_HALVED = 64
"""Rows and columns of what is seen at half of its size; of less x265 would see too little."""

T = TypeVar("T")


def plan(path: Path, options: EncodeOptions) -> Iterator[Job]:
    """Open a file and yield its jobs, as :func:`jobs_of` does."""
    with open_source(path, options) as source:
        yield from jobs_of(source, options)


def kept_plan(path: Path, options: EncodeOptions, state: State, *, container: str = MATROSKA) -> Iterator[Job]:
    """Open a file and yield its jobs, as :func:`kept_jobs_of` does."""
    with open_source(path, options) as source:
        yield from kept_jobs_of(source, options, state, container=container)


def open_source(path: Path, options: EncodeOptions) -> VideoSource:
    """Open the video that the options choose of a file, for planning.

    Raises:
        UsageError, CorruptDataError, UnsupportedError: see :class:`~ffhybrid.source.video.VideoSource`.
    """
    return VideoSource(path, streams=options.streams, options=options.source)


def jobs_of(
    source: VideoSource, options: EncodeOptions, *, container: str = MATROSKA, scratch: Path | None = None
) -> Iterator[Job]:
    """Yield the jobs of a source in the order of its GOPs, each as soon as its last frame is decoded.

    With a rate x265's first pass codes all GOPs, some at a time and with raw frames in ``scratch``, before the first
    job comes; ``container`` is FFmpeg's name of what they are shared for (:attr:`Output.container`).

    Raises:
        UsageError: options that the generator does not take, too few bits, or no frames.
        ModelError: the model, or weights that GOPs are judged by, are not on this machine.
        CorruptDataError, UnsupportedError: a source that cannot be encoded.
    """
    encoder = encoder_for(options)
    model, weights = encoder.model_digest(), encoder.metric_weights(source.info.spec)
    name, of_gops = str(source.path.resolve()), options_of_gops(options)
    is_empty = True
    for found, share in _ranges(source, options, container, scratch):
        is_empty = False
        yield Job(version=VERSION, path=name, range=found, options=of_gops, share=share, model=model, weights=weights)
    if is_empty:
        raise UsageError(f"{source.path}: there are no frames to encode")


def kept_jobs_of(source: VideoSource, options: EncodeOptions, state: State, *, container: str) -> Iterator[Job]:
    """Yield the jobs of a source from its state if that has them, else plan, and keep the plan when it is complete.

    Raises:
        UsageError, CorruptDataError, UnsupportedError: as :func:`jobs_of`.
    """
    key = plan_key(source.path, options, container)
    kept = state.plan(key)
    if kept is not None:
        yield from kept
        return
    jobs = []
    for job in jobs_of(source, options, container=container, scratch=state.work):
        jobs.append(job)
        yield job
    state.keep_plan(key, jobs)


def _ranges(
    source: VideoSource, options: EncodeOptions, container: str, scratch: Path | None
) -> Iterator[tuple[GopRange, Share | None]]:
    """Cut the source; with a rate give each GOP its share."""
    if options.rate is None:
        yield from _cut(source, options, _pass_over)
        return
    with (
        tempfile.TemporaryDirectory(prefix="ffhybrid-", dir=scratch) as directory,
        closing(_measured(source, options, Path(directory))) as measured,
    ):
        gops = list(measured)
    if gops:
        complexities = [complexity for _, complexity in gops]
        found = _shares(complexities, options, options.rate, container)
        yield from zip((cut for cut, _ in gops), found, strict=True)


def _shares(complexities: Sequence[Complexity], options: EncodeOptions, rate: Rate, container: str) -> list[Share]:
    """Share the bitrate; without one what ``-maxrate`` allows, which holds then whatever GOPs need of their shares."""
    overhead = overhead_of(container)
    return shares(
        complexities,
        bitrate=rate.average,
        maxrate=rate.maxrate,
        bufsize=rate.bufsize,
        of_file=overhead.file,
        of_gops=[overhead.of_gop(gop.pictures, hashes=options.picture_hashes) for gop in complexities],
        precision=options.effort.precision,
    )


def _measured(
    source: VideoSource, options: EncodeOptions, directory: Path
) -> Generator[tuple[GopRange, Complexity], None, None]:
    """Yield the GOPs of a source, and how complex they are."""
    info, spec = source.info, source.info.spec
    is_halved = min(spec.width, spec.height) >= LEAST_HALVED
    if is_halved:
        info = replace(info, spec=spec.halved())

    def spooled(index: int, frames: Iterator[SourceFrame]) -> SourceGop:
        return spool(index, map(_halved, frames) if is_halved else frames, info, directory)

    def measure(cut: tuple[GopRange, SourceGop]) -> tuple[GopRange, Complexity]:
        found, gop = cut
        complexity = first_pass(gop)
        gop.discard()
        return found, complexity

    return in_order(_cut(source, options, spooled), measure, threads=min(usable_cores(), MOST_FIRST_PASSES))


def _halved(frame: SourceFrame) -> SourceFrame:
    return replace(frame, picture=frame.picture.halved())


def _cut(
    source: VideoSource, options: EncodeOptions, take: Callable[[int, Iterator[SourceFrame]], T]
) -> Iterator[tuple[GopRange, T]]:
    """Yield the GOPs of a source, and what ``take`` makes of their numbers and frames."""
    first_frame = 0
    for index, members in grouped(source.frames(limit=options.frames), source.info, limits=options.limits):
        digest = FrameDigest()
        taken = take(index, digest.passing(members))
        found = digest.range(index=index, first_frame=first_frame, time_base=source.info.time_base)
        first_frame += len(found.pts)
        yield found, taken


def _pass_over(_: int, frames: Iterator[SourceFrame]) -> None:
    deque(frames, maxlen=0)
