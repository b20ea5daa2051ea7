"""Encoding one GOP, whatever others are: at a CRF, to its share of a bitrate, or at a distance."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from ffhybrid import fixups
from ffhybrid.allocation import Share
from ffhybrid.errors import EncoderError, UsageError
from ffhybrid.filters import Generator
from ffhybrid.filters.base import ModelGenerator
from ffhybrid.gop import HybridGop
from ffhybrid.gop_encoding import CodedGop, check, coded_again, encode_ordinary, without_hashes
from ffhybrid.gop_goals import DistanceGoal, Goal, SizeGoal
from ffhybrid.gop_search import GopSearch, Progress
from ffhybrid.judging import Judge, Quality, lpips_distance
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.stream_map import StreamOptions
from ffhybrid.planner import GopLimits, SourceGop
from ffhybrid.regeneration import Regeneration, Strictness, correction_size
from ffhybrid.source import SourceOptions
from ffhybrid.x265_options import HIGHEST_CRF, X265Options

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
    ``budgets`` sizes of a keyframe are tried at most, and with ``rate`` so many ``tries`` more are made in the end, of
    which the best one stays. ``refinements`` are joint ones, at most so many. ``fallback``
    lets a GOP keep x265's own I-frame where a generated one does not win at the same bytes. ``picture_hashes`` keeps
    x265's MD5 of every picture in the file. ``source`` says what is made of the source's pictures first, ``streams``
    which of its streams are there. ``carriage`` None means ``track`` in Matroska and ``inband`` elsewhere.
    ``format_options`` are options of the output's muxer, by FFmpeg's names.
    """

    codec: VideoCodec = VideoCodec.HYBRID
    generator: str = "overfit"
    generator_options: Mapping[str, object] = field(default_factory=dict)
    keyframe_budget: int | None = None
    rate: Rate | None = None
    target_lpips: float | None = None
    budgets: int = 3
    refinements: int = 0
    tries: int = 3
    fallback: bool = True
    x265: X265Options = field(default_factory=X265Options)
    limits: GopLimits = field(default_factory=GopLimits)
    carriage: Carriage | None = None
    picture_hashes: bool = False
    source: SourceOptions = field(default_factory=SourceOptions)
    streams: StreamOptions = field(default_factory=StreamOptions)
    frames: int | None = None
    container_format: str | None = None
    format_options: Mapping[str, str] = field(default_factory=dict)

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
    """Encodes GOPs of one file, each as if it were the only one: the same GOP gives the same bytes in any order."""

    def __init__(self, generator: Generator, options: EncodeOptions) -> None:
        self._generator = generator
        self._options = options
        self._regeneration = regeneration_of(options)

    def model_digest(self) -> str | None:
        """Return what tells the generator's model from others, None where it needs none.

        Raises:
            UsageError, ModelError: there is no such model.
        """
        return self._generator.model_digest() if isinstance(self._generator, ModelGenerator) else None

    def encode(
        self, gop: SourceGop, *, share: Share | None = None, progress: Progress | None = None
    ) -> tuple[HybridGop, GopReport]:
        """Encode a GOP, and check that it restores exactly; ``share`` is what a bitrate leaves it.

        Raises:
            EncoderError: x265 failed, or the GOP does not restore exactly.
            UsageError: a distance is wanted that cannot be measured here.
        """
        coded, quality = self._coded(gop, share, progress)
        return self._finished(gop, coded, quality)

    def encode_ordinary(self, gop: SourceGop, *, share: Share | None = None) -> tuple[HybridGop, GopReport]:
        """Encode a GOP with x265's own I-frame, for the same goal.

        Raises:
            EncoderError, UsageError: as :meth:`encode`.
        """
        goal = self._goal(gop, share)
        if goal is None:
            return self._finished(gop, encode_ordinary(gop, self._options.x265), None)
        best = self._search.ordinary(goal, first_crf=self._first_crf(share))
        return self._finished(gop, best.gop, best.quality)

    def _finished(self, gop: SourceGop, coded: CodedGop, quality: Quality | None) -> tuple[HybridGop, GopReport]:
        coded = self._checked(gop, coded)
        hybrid = coded.hybrid if self._options.picture_hashes else without_hashes(coded.hybrid)
        return hybrid, report_of(hybrid, gop, coded, quality)

    def _coded(self, gop: SourceGop, share: Share | None, progress: Progress | None) -> tuple[CodedGop, Quality | None]:
        goal = self._goal(gop, share)
        if goal is not None:
            best = self._search.search(goal, first_crf=self._first_crf(share), progress=progress)
            return best.gop, best.quality
        if not self._options.fallback and not self._options.refinements:
            return self._search.unjudged(gop, progress=progress), None
        found = self._search.at_crf(gop, progress=progress)
        return found.gop, found.quality

    def _goal(self, gop: SourceGop, share: Share | None) -> Goal | None:
        """Say what a GOP is encoded for, None where the CRF is given."""
        if share is not None:
            return SizeGoal(gop, self._search.judge, share.size)
        distance = self._options.target_lpips
        if distance is None:
            return None
        judge = self._search.judge
        if not judge.sees:
            raise UsageError("-target-lpips takes the weights of LPIPS, which are not on this machine")
        return DistanceGoal(gop, judge, distance)

    def _first_crf(self, share: Share | None) -> float:
        return share.crf if share else self._options.x265.crf

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
            tries=options.tries,
            fallback=options.fallback,
            lpips=weights,
        )


def regeneration_of(options: EncodeOptions) -> Regeneration:
    """Check keyframes with the model that they were made with, as it would be without a correction."""
    model, device = options.generator_options.get("model"), options.generator_options.get("device")
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
