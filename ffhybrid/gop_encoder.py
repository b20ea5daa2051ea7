"""Encoding GOP after GOP: at a CRF, to a bitrate, or at a distance."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from ffhybrid import fixups
from ffhybrid.allocation import Allocation, first_pass
from ffhybrid.errors import EncoderError, UsageError
from ffhybrid.filters import Generator
from ffhybrid.gop import HybridGop
from ffhybrid.gop_encoding import CodedGop, check, coded_again, without_hashes
from ffhybrid.gop_goals import DistanceGoal, SizeGoal
from ffhybrid.gop_search import GopSearch, Progress
from ffhybrid.judging import Judge, Quality, lpips_distance
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.stream_map import StreamOptions
from ffhybrid.planner import GopLimits, SourceGop
from ffhybrid.rate_search import HIGHEST_CRF
from ffhybrid.regeneration import Regeneration, Strictness, correction_size
from ffhybrid.x265_options import X265Options

logger = logging.getLogger(__name__)

RETRIES, RETRY_STEP = 4, 0.3
"""How often a GOP is coded anew that x265 got wrong, and by how much the CRF changes."""


class VideoCodec(StrEnum):
    """What pictures between keyframes are."""

    HYBRID = "hybrid"
    """P and B pictures of HEVC, coded against a generated keyframe."""
    PROMPTUS = "promptus"
    """Generated, as keyframes are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A wanted rate in bits a second, container included.

    ``maxrate`` holds over any time in which a buffer of ``bufsize`` bits (a second of it by default) fills; GOPs are
    the smallest unit that it is kept by.
    """

    bitrate: int
    maxrate: int | None = None
    bufsize: int | None = None

    def __post_init__(self) -> None:
        if self.maxrate is not None and self.maxrate < self.bitrate:
            raise UsageError(f"-maxrate {self.maxrate} is below -b:v {self.bitrate}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeOptions:
    """What ``ffhybrid encode`` takes; ``keyframe_budget`` is in bytes, ``frames`` limits the pictures read.

    ``generator`` is for the codec ``hybrid``, ``generator_options`` are for that of any codec.

    Without ``rate`` and ``target_lpips`` the quality is that of ``x265.crf``, which otherwise is a first guess; then
    ``budgets`` sizes of a keyframe are tried at most. ``refinements`` are joint ones, at most so many. ``fallback``
    lets a GOP keep x265's own I-frame where a generated one does not win at the same bytes. ``picture_hashes`` keeps
    x265's MD5 of every picture in the file. ``carriage`` None means ``track`` in Matroska and ``inband`` elsewhere.
    """

    codec: VideoCodec = VideoCodec.HYBRID
    generator: str = "overfit"
    generator_options: Mapping[str, object] = field(default_factory=dict)
    keyframe_budget: int | None = None
    rate: Rate | None = None
    target_lpips: float | None = None
    budgets: int = 3
    refinements: int = 0
    fallback: bool = True
    x265: X265Options = field(default_factory=X265Options)
    limits: GopLimits = field(default_factory=GopLimits)
    carriage: Carriage | None = None
    picture_hashes: bool = False
    streams: StreamOptions = field(default_factory=StreamOptions)
    frames: int | None = None
    container_format: str | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and self.target_lpips is not None:
            raise UsageError("give -b:v or -target-lpips, not both")
        if self.target_lpips is not None and not 0 < self.target_lpips < 1:
            raise UsageError(f"-target-lpips {self.target_lpips:g}: LPIPS lies between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class GopReport:
    """What one GOP cost, in bytes; ``fixups`` counts samples, ``windows`` the lambda windows tried.

    ``correction`` is part of ``latent``, which is part of ``payload``. ``generator`` is ``hevc`` where the
    GOP keeps an ordinary I-frame, whose bytes are then in ``placeholder``. ``psnr`` and ``lpips`` are means over the
    GOP, None where nobody looked.
    """

    index: int
    start: float
    pictures: int
    generator: str
    crf: float
    latent: int
    correction: int
    payload: int
    fixups: int
    fixup_bytes: int
    placeholder: int
    inter: int
    windows: int
    psnr: float | None
    lpips: float | None


class GopEncoder:
    """Encodes the GOPs of one file in their order, at a CRF; keyframes begin where the one before ended."""

    def __init__(self, generator: Generator, options: EncodeOptions) -> None:
        self._generator = generator
        self._options = options
        self._regeneration = regeneration_for(options.generator_options)
        self._latent: bytes | None = None
        self._crf = options.x265.crf

    @classmethod
    def create(cls, path: Path, generator: Generator, options: EncodeOptions) -> GopEncoder:
        """Make the encoder that the options ask for; with a bitrate it looks through the whole file first."""
        if options.rate is not None:
            return RateControl(path, generator, options, options.rate)
        if options.target_lpips is not None:
            return DistanceControl(generator, options, options.target_lpips)
        return cls(generator, options)

    def encode(self, gop: SourceGop, progress: Progress | None = None) -> tuple[HybridGop, GopReport]:
        """Encode the next GOP, and check that it restores exactly.

        Raises:
            EncoderError: x265 failed, or the GOP does not restore exactly.
        """
        coded, quality = self._coded(gop, progress)
        coded = self._checked(gop, coded)
        if coded.payload.generator == self._generator.name:
            self._latent = coded.payload.latent
        self._crf = coded.crf
        hybrid = coded.hybrid if self._options.picture_hashes else without_hashes(coded.hybrid)
        return hybrid, report_of(hybrid, gop, coded, quality)

    def _coded(self, gop: SourceGop, progress: Progress | None) -> tuple[CodedGop, Quality | None]:
        options = self._options
        if not options.fallback and not options.refinements:
            return self._search.unjudged(gop, warm_start=self._latent, progress=progress), None
        found = self._search.at_crf(gop, warm_start=self._latent, progress=progress)
        return found.gop, found.quality

    def _checked(self, gop: SourceGop, coded: CodedGop) -> CodedGop:
        """Give a GOP that restores exactly.

        x265 4.2 now and then writes a picture that differs from its own hash (seen at 64x64); at another CRF it decides
        otherwise.
        """
        for _ in range(RETRIES):
            try:
                check(coded, gop, self._regeneration)
            except EncoderError as error:
                crf = coded.crf + RETRY_STEP
                logger.warning("%s; it is coded anew at CRF %.2f", error, crf)
                options = replace(self._options.x265, crf=min(crf, HIGHEST_CRF))
                coded = coded_again(gop, coded, self._generator, options)
            else:
                return coded
        check(coded, gop, self._regeneration)
        return coded

    @cached_property
    def _search(self) -> GopSearch:
        options = self._options
        lpips = options.generator_options.get("lpips")
        weights = lpips if isinstance(lpips, Path) else None
        is_perceptual = options.target_lpips or options.generator_options.get("tune") in (None, "perceptual")
        is_judged = options.fallback or options.refinements or options.rate or options.target_lpips
        return GopSearch(
            generator=self._generator,
            judge=Judge(lpips_distance(weights) if is_judged and is_perceptual else None),
            x265=options.x265,
            keyframe_budget=options.keyframe_budget,
            budgets=options.budgets,
            refinements=options.refinements,
            fallback=options.fallback,
            lpips=weights,
        )


class RateControl(GopEncoder):
    """Meets a bitrate: shares bytes by complexity, then searches each GOP's keyframe budget and CRF."""

    def __init__(self, path: Path, generator: Generator, options: EncodeOptions, rate: Rate) -> None:
        super().__init__(generator, options)
        self._allocation = Allocation(
            first_pass(path, limits=options.limits, frames=options.frames, streams=options.streams),
            bitrate=rate.bitrate,
            maxrate=rate.maxrate,
            bufsize=rate.bufsize,
            hashes=options.picture_hashes,
        )

    def _coded(self, gop: SourceGop, progress: Progress | None) -> tuple[CodedGop, Quality | None]:
        goal = SizeGoal(gop, self._search.judge, self._allocation.target())
        best = self._search.search(goal, first_crf=self._crf, warm_start=self._latent, progress=progress)
        self._allocation.spend(best.gop.size)
        return best.gop, best.quality


class DistanceControl(GopEncoder):
    """Gives every GOP the same LPIPS."""

    def __init__(self, generator: Generator, options: EncodeOptions, wanted: float) -> None:
        super().__init__(generator, options)
        self._wanted = wanted

    def _coded(self, gop: SourceGop, progress: Progress | None) -> tuple[CodedGop, Quality | None]:
        if not self._search.judge.sees:
            raise UsageError("-target-lpips takes the weights of LPIPS, which are not on this machine")
        goal = DistanceGoal(gop, self._search.judge, self._wanted)
        best = self._search.search(goal, first_crf=self._crf, warm_start=self._latent, progress=progress)
        return best.gop, best.quality


def regeneration_for(options: Mapping[str, object]) -> Regeneration:
    """Check keyframes with the model that they were made with, as it would be without a correction."""
    model, device = options.get("model"), options.get("device")
    return Regeneration(
        model=str(model) if model else None,
        device=str(device) if device else "auto",
        strict=Strictness.STRICT,
    )


def report_of(hybrid: HybridGop, gop: SourceGop, coded: CodedGop, quality: Quality | None) -> GopReport:
    """Say what a GOP has cost as it is written."""
    return GopReport(
        index=gop.index,
        start=gop.start_seconds,
        pictures=len(gop),
        generator=coded.payload.generator,
        crf=coded.crf,
        latent=len(coded.payload.latent),
        correction=correction_size(coded.payload),
        payload=len(hybrid.payload),
        fixups=fixups.count(coded.payload.fixups),
        fixup_bytes=len(coded.payload.fixups),
        placeholder=hybrid.placeholder.size,
        inter=sum(unit.size for unit in hybrid.inter),
        windows=coded.windows,
        psnr=quality.psnr if quality else None,
        lpips=None if quality is None or math.isnan(quality.lpips) else quality.lpips,
    )
