"""Encoding one GOP, whatever others are: at a CRF, to its share of a bitrate, or to a value of a metric."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ffhybrid.core import fixups
from ffhybrid.core.extras import naming_extra
from ffhybrid.core.gop import HybridGop
from ffhybrid.core.picture import PictureSpec
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.anchors import ANCHOR_STRENGTH, USUAL_INTERVAL, Anchoring
from ffhybrid.encoder.bit_allocation import Share
from ffhybrid.encoder.coded_gop import CodedGop, check, coded_again, encode_native_idr, without_hashes
from ffhybrid.encoder.keyframe_budgets import first_share
from ffhybrid.encoder.keyframe_search import GopSearch
from ffhybrid.encoder.metric_target import MetricTarget, log_reached
from ffhybrid.encoder.options import GopOptions
from ffhybrid.encoder.progress import GopWatch, OnProgress, Stage
from ffhybrid.encoder.quality import Judge, visual_distance
from ffhybrid.encoder.rate_targets import Judged, RateTarget, SizeTarget
from ffhybrid.encoder.speed import Comparing, Effort
from ffhybrid.errors import EncoderError, UsageError
from ffhybrid.filters.base import (
    METRICS_WITH_WEIGHTS,
    AnchorGenerator,
    KeyframeGenerator,
    ModelGenerator,
    PerceptualGenerator,
    RefiningGenerator,
    lpips_can_see,
)
from ffhybrid.panel import check_metric, check_size
from ffhybrid.restorer.generator_decode import GeneratorDecode, Strictness, correction_size
from ffhybrid.x265.options import HIGHEST_CRF, X265Options

logger = logging.getLogger(__name__)

RETRY_STEPS = (0.04, -0.04, 0.1, -0.1, 0.3)
"""By how much the CRF changes where a GOP is coded anew that x265 got wrong. Of 18 such GOPs at 64x64 none was wrong at
all of them; smaller steps often change nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GopReport:
    """What one GOP cost, in bytes; ``fixups`` counts samples, ``windows`` the lambda windows tried.

    ``correction`` is part of ``latent``, which is part of ``payload``. ``generator`` is ``hevc`` where the
    GOP keeps a native IDR picture, whose bytes are then in ``placeholder``. ``psnr`` and ``lpips`` are means over the
    GOP, None where nobody looked; ``reached`` is the value of the metric that the options have a target of.
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
    reached: float | None


class GopEncoder:
    """Encodes GOPs of one file, each as if it were the only one: the same GOP gives the same bytes in any order.

    Raises:
        UsageError: a target whose metric cannot be measured here; the message says what it takes.
    """

    def __init__(self, generator: KeyframeGenerator, options: GopOptions) -> None:
        self._generator = generator
        self._options = options
        self._generator_decode = generator_decode_of(options)
        self._anchoring = anchoring_of(generator, options)
        if options.target is not None:
            check_metric(options.target.metric, what=f"-target {options.target}", lpips=options.lpips_file)

    def model_digest(self) -> str | None:
        """Return what tells the generator's model from others, None where it needs none.

        Raises:
            UsageError, ModelError: there is no such model.
        """
        return self._generator.model_digest() if isinstance(self._generator, ModelGenerator) else None

    def metric_weights(self, spec: PictureSpec) -> dict[str, str]:
        """Give the digests of the weights that GOPs of such pictures are fitted and judged by.

        Raises:
            ModelError: some are not on this machine; the message says the command that brings them.
        """
        options = self._options
        is_fitted = isinstance(self._generator, PerceptualGenerator) and self._generator.looks_at_lpips
        is_seen = options.is_perceptual and (options.is_judged or is_fitted) and lpips_can_see(spec)
        metrics = {"lpips"} if is_seen else set()
        return weight_digests(metrics | {options.target.metric} if options.target else metrics, options.lpips_file)

    def encode(
        self, gop: SourceGop, *, share: Share | None = None, on_progress: OnProgress | None = None
    ) -> tuple[HybridGop, GopReport]:
        """Encode a GOP, and check that it restores exactly; ``share`` is what a bitrate leaves it, or ``-maxrate``.

        Raises:
            EncoderError: x265 failed, or the GOP does not restore exactly.
            UsageError: the target's metric cannot look at pictures as small as these.
        """
        watch = GopWatch(gop.index, on_progress, frames=len(gop))
        target = self._target(gop, share)
        if target is not None:
            keyframe_share = first_share(share.intra if share else None)
            best = self._search.search(target, watch, first_crf=self._first_crf(share), keyframe_share=keyframe_share)
            return self._met(gop, best, target, share, watch)
        if not (self._options.fallback or self._options.refinements or self._options.anchors_must_win):
            return self._finished(gop, self._exact(gop, self._search.unjudged(gop, watch), watch), None)
        return self._met(gop, self._search.at_crf(gop, watch), None, share, watch)

    def encode_native_idr(
        self, gop: SourceGop, *, share: Share | None = None, on_progress: OnProgress | None = None
    ) -> tuple[HybridGop, GopReport]:
        """Encode a GOP with x265's own I-frame, for the same target.

        Raises:
            EncoderError, UsageError: as :meth:`encode`.
        """
        watch = GopWatch(gop.index, on_progress, frames=len(gop))
        target = self._target(gop, share)
        if target is None:
            encode = watch.counted(lambda _: encode_native_idr(gop, self._x265), Stage.NATIVE, of=1)
            return self._finished(gop, self._exact(gop, encode(self._x265.crf), watch), None)
        best = self._search.native(target, watch, first_crf=self._first_crf(share))
        return self._met(gop, best, target, share, watch)

    def _met(
        self, gop: SourceGop, best: Judged, target: RateTarget | None, share: Share | None, watch: GopWatch
    ) -> tuple[HybridGop, GopReport]:
        best, wanted = self._exactly_met(gop, best, target, watch), self._options.target
        if wanted is not None and best.reached is not None:
            log_reached(gop, wanted, best.reached, best.gop.size, share.size if share else None)
        return self._finished(gop, best.gop, best)

    def _finished(self, gop: SourceGop, coded: CodedGop, judged: Judged | None) -> tuple[HybridGop, GopReport]:
        hybrid = coded.hybrid if self._options.picture_hashes else without_hashes(coded.hybrid)
        return hybrid, report_of(hybrid, gop, coded, judged)

    def _target(self, gop: SourceGop, share: Share | None) -> RateTarget | None:
        """Say what a GOP is encoded for, None where the CRF is given."""
        wanted, judge = self._options.target, self._search.judge
        if wanted is not None:
            check_size(wanted.metric, gop.spec, what=f"-target {wanted}")
            most = share.size if share else None
            options = self._options
            return MetricTarget(
                source=gop, judge=judge, wanted=wanted, lpips=options.lpips_file, device=options.device, most=most
            )
        return SizeTarget(gop, judge, share.size, self._options.effort.precision) if share else None

    def _first_crf(self, share: Share | None) -> float:
        return share.crf if share and self._options.target is None else self._options.x265.crf

    def _exactly_met(self, gop: SourceGop, best: Judged, target: RateTarget | None, watch: GopWatch) -> Judged:
        """Give a GOP that restores exactly, judged, and as large or as good as the target asks."""
        exact = self._exact(gop, best.gop, watch)
        if exact is best.gop:
            return best
        if target is None:
            return replace(best, gop=exact, quality=self._search.judge.of(exact, gop))

        def encode(crf: float) -> CodedGop:
            return self._exact(gop, coded_again(gop, exact, replace(self._x265, crf=crf)), watch)

        reachable, _ = target.within_reach(best)
        return reachable.meet(encode, first_crf=exact.crf)

    def _exact(self, gop: SourceGop, coded: CodedGop, watch: GopWatch) -> CodedGop:
        """Give a GOP that restores exactly: this one, or one of a CRF near by.

        x265 4.2 now and then writes a picture that differs from its own hash (seen at 64x64); at another CRF it decides
        otherwise.
        """
        watch.at(Stage.CHECK, 0, 1)
        first = coded.crf
        for step in RETRY_STEPS:
            try:
                check(coded, gop, self._generator_decode)
            except EncoderError as error:
                crf = min(max(first + step, 0), HIGHEST_CRF)
                logger.warning("%s; it is coded anew at CRF %.2f", error, crf)
                coded = coded_again(gop, coded, replace(self._x265, crf=crf))
            else:
                return coded
        check(coded, gop, self._generator_decode)
        return coded

    @cached_property
    def _effort(self) -> Effort:
        """That of the options; a keyframe that refines no base picture is never taken without a comparison."""
        effort = self._options.effort
        return effort if isinstance(self._generator, RefiningGenerator) else effort.comparing_anyway()

    @property
    def _x265(self) -> X265Options:
        return replace(self._options.x265, thoroughness=self._options.effort.thoroughness)

    @cached_property
    def _search(self) -> GopSearch:
        options = self._options
        is_rated = options.target or (options.rate and self._effort.comparing is not Comparing.NOT)
        is_judged = (
            options.refinements or options.anchors_must_win or is_rated or (options.fallback and not options.rate)
        )
        sees = is_judged and options.is_perceptual
        distance = visual_distance(options.lpips_file, device=options.device) if sees else None
        return GopSearch(
            generator=self._generator,
            judge=Judge(distance, stock_weight=options.stock_weight),
            x265=self._x265,
            effort=self._effort,
            keyframe_budget=options.keyframe_budget,
            refinements=options.refinements,
            anchoring=self._anchoring,
            anchors_must_win=options.anchors_must_win,
            fallback=options.fallback,
            placeholder=options.placeholder,
            lpips=options.lpips_file,
        )


def anchoring_of(generator: KeyframeGenerator, options: GopOptions) -> Anchoring | None:
    """Say where anchors are, and how strongly they are enhanced.

    Raises:
        UsageError: the generator has no anchors.
    """
    if options.anchors is None:
        return None
    if not isinstance(generator, AnchorGenerator):
        raise UsageError(f"-anchors: generator {generator.name} enhances no P pictures")
    interval = USUAL_INTERVAL if options.anchors_must_win else options.anchors
    return Anchoring(generator, interval, ANCHOR_STRENGTH)


def weight_digests(metrics: Iterable[str], lpips: Path | None) -> dict[str, str]:
    """Give the digests of those metrics that have weights; ``lpips`` is AlexNet's file where the user names one.

    Raises:
        UsageError: torch is missing.
        ModelError: weights are not on this machine.
    """
    if not set(metrics) & set(METRICS_WITH_WEIGHTS):
        return {}
    with naming_extra("judging GOPs", "encode"):
        from ffhybrid.filters.perceptual_weights import weights_digest
    return {name: weights_digest(name, lpips) for name in METRICS_WITH_WEIGHTS if name in metrics}


def generator_decode_of(options: GopOptions) -> GeneratorDecode:
    """Check keyframes with the model that they were made with, as it would be without a correction."""
    model = options.generator_options.get("model")
    return GeneratorDecode(
        model=str(model) if model else None,
        device=options.device,
        strict=Strictness.STRICT,
    )


def report_of(hybrid: HybridGop, gop: SourceGop, coded: CodedGop, judged: Judged | None) -> GopReport:
    """Say what a GOP has cost as it is written."""
    quality = judged.quality if judged else None
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
        reached=judged.reached if judged else None,
    )
