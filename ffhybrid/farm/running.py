"""Running one job: its frames from the source, its GOP from the encoder, its result checked and packed."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.modes import Encoder, encoder_for, fixed_arithmetic
from ffhybrid.encoder.progress import OnProgress
from ffhybrid.errors import CorruptDataError, ModelError, UnsupportedError
from ffhybrid.farm.environment import environment_of
from ffhybrid.farm.frame_digest import FrameDigest
from ffhybrid.farm.jobs import VERSION, Job
from ffhybrid.farm.results import Result
from ffhybrid.source.gop_planning import spool
from ffhybrid.source.video import VideoSource

logger = logging.getLogger(__name__)

LEADS = (0, 10)
"""Seconds before a GOP that are sought, one after the other; then the source is decoded from its beginning."""


def run_job(job: Job, *, scratch: Path | None = None, on_progress: OnProgress | None = None) -> Result:
    """Run a job; raw frames lie in ``scratch`` meanwhile (the system's folder for temporary files by default).

    Raises:
        UnsupportedError: the job was made by another version.
        CorruptDataError: the source is not what it was when the job was made.
        EncoderError, ModelError, UsageError: see :class:`~ffhybrid.encoder.gop_encoder.GopEncoder`.
    """
    if job.version != VERSION:
        raise UnsupportedError(f"{job}: the job is for version {job.version}, this is {VERSION}")
    start = time.monotonic()
    encoder = _encoder(_Recipe(job))
    with (
        tempfile.TemporaryDirectory(prefix="ffhybrid-", dir=scratch) as name,
        fixed_arithmetic(job.options),
    ):
        gop = _spooled(job, Path(name))
        _check_weights(job, encoder.metric_weights(gop.spec))
        encode = encoder.encode_native_idr if job.is_native_idr else encoder.encode
        hybrid, report = encode(gop, share=job.share, on_progress=on_progress)
    return Result.of(job, hybrid, report, environment_of(job.options), seconds=time.monotonic() - start)


class _Recipe:
    """What jobs of one file have in common: their encoder, with its model in memory, serves all of them."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._identity = (job.model, repr(job.options))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Recipe) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)


def _check_weights(job: Job, found: Mapping[str, str]) -> None:
    """See that GOPs are judged by what the job was made for."""
    for metric, digest in job.weights.items():
        if found.get(metric) != digest:
            raise ModelError(
                f"{job}: the job is for weights of {metric} with the SHA-256 {digest}, here it is {found.get(metric)}"
            )


@lru_cache(maxsize=1)
def _encoder(recipe: _Recipe) -> Encoder:
    job = recipe.job
    given = dict(job.options.generator_options)
    if "lpips" in given:
        given["lpips"] = Path(str(given["lpips"]))
    encoder = encoder_for(replace(job.options, generator_options=given))
    found = encoder.model_digest()
    if found != job.model:
        raise ModelError(f"{job}: the job is for a model whose SHA-256 begins with {job.model}, here it is {found}")
    return encoder


def _spooled(job: Job, directory: Path) -> SourceGop:
    """Spool the frames of a job: sought where that finds the right ones, else decoded from the beginning."""
    for lead in LEADS:
        try:
            gop = _decoded(job, directory, lead)
        except (CorruptDataError, UnsupportedError) as error:
            logger.debug("%s: seeking: %s", job, error)
            continue
        if gop is not None:
            return gop
    logger.info("%s: its frames cannot be sought; the source is decoded from its beginning", job)
    gop = _decoded(job, directory, None)
    if gop is None:
        raise CorruptDataError(f"{job}: the source has other frames than when the job was made")
    return gop


def _decoded(job: Job, directory: Path, lead: int | None) -> SourceGop | None:
    """Decode the frames of a job from a keyframe ``lead`` seconds before it; None where they are not those planned."""
    wanted = job.range
    digest = FrameDigest()
    options = job.options
    # What cannot be kept of the source was said when it was planned.
    with VideoSource(Path(job.path), streams=options.streams, options=options.source, level=logging.DEBUG) as source:
        if lead is not None:
            source.seek(wanted.pts[0] - round(lead / source.info.time_base))
        frames = source.frames_between(wanted.pts[0], wanted.pts[-1])
        gop = spool(wanted.index, digest.passing(frames), source.info, directory)
    found = digest.range(index=wanted.index, first_frame=wanted.first_frame, time_base=gop.time_base)
    return gop if found == wanted else None
