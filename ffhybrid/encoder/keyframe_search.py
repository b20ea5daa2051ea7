"""Keyframe search of one GOP: how many bytes the keyframe takes, whether a generated one pays, and its refinement.

HybridPrompt leaves adaptive allocation to the future (section 5). Here x265 codes the GOP alone first, which is the
result to beat; then generated keyframes of several shares of its size are candidates, each with P and B pictures that
meet the target, and the GOP that costs least over all pictures is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import (
    CodedGop,
    Keyframe,
    encode_generated,
    encode_native_idr,
    intra_size,
    without_hashes,
)
from ffhybrid.encoder.crf_search import MOST_PROBES
from ffhybrid.encoder.keyframes import BaseCoder, fit_keyframe
from ffhybrid.encoder.options import Placeholder
from ffhybrid.encoder.progress import GopWatch, Stage
from ffhybrid.encoder.quality import Judge
from ffhybrid.encoder.rate_targets import Encode, Judged, RateTarget, SizeTarget
from ffhybrid.filters import FitProgress, Likeness, Objective
from ffhybrid.filters.base import KeyframeGenerator
from ffhybrid.refinement.objective import GopObjective
from ffhybrid.x265.options import KEYFRAME_FACTOR, X265Options

logger = logging.getLogger(__name__)

STEP, MOST_SHRUNK = 1.5, 2
"""The factor between candidate budgets; how often a budget shrinks that leaves P and B pictures no room."""
FIRST_SHARE, LARGEST_SHARE, LEAST_BUDGET = 0.4, 0.7, 200
"""The part of the GOP's bytes that a keyframe takes at first, and that it takes at most; the fewest bytes of one.

At 0.0096 bits a pixel two fifths looks best on most clips, and three fifths where hardly anything moves
(``benchmarks/quality/tuning.py``).
"""
RICHER, MOST_WON = 1.5, 0.07
"""The factor of bits that x265's own keyframe is a candidate with too, and what that lowers the cost by at most
(``benchmarks/quality/keyframe_bits.py``): it is none where a generated one wins by more."""


@dataclass(frozen=True, slots=True)
class KeyframeCandidate:
    """A GOP with a generated keyframe of a budget, or with x265's own, and how it is coded at other CRFs."""

    judged: Judged
    encode: Encode
    budget: int = 0

    @property
    def cost(self) -> float:
        """In the unit of the target."""
        return self.judged.cost


@dataclass(frozen=True, slots=True, kw_only=True)
class GopSearch:
    """What stays the same from GOP to GOP.

    Args:
        generator: of keyframes.
        judge: decides between encodes.
        x265: options, of which the CRF is used where it is the target.
        keyframe_budget: bytes of latents where the user sets them.
        budgets: candidate budgets at most, where he does not.
        refinements: joint refinements at most; they end when one does not pay.
        candidates: encodes of the same size that are looked at in the end.
        fallback: whether a GOP may keep x265's own keyframe.
        placeholder: what stands in the stream where the generator refines no base picture.
        lpips: AlexNet's weights where the user names them.
    """

    generator: KeyframeGenerator
    judge: Judge
    x265: X265Options
    keyframe_budget: int | None
    budgets: int
    refinements: int
    candidates: int
    fallback: bool
    placeholder: Placeholder
    lpips: Path | None

    def at_crf(self, gop: SourceGop, watch: GopWatch) -> Judged:
        """Encode a GOP at the CRF of the options; what is compared with it has its size."""
        encode = self._at_x265s_size(gop, watch)
        first = watch.counted(encode, Stage.ENCODE, of=1)(self.x265.crf)
        target = SizeTarget(gop, self.judge, first.size)
        candidate = KeyframeCandidate(watch.judged(target.judged(first)), encode, len(first.payload.latent))
        best = self._refined(target, candidate, self._bases(gop), watch).judged
        if not self.fallback:
            return best
        watch.at(Stage.NATIVE, 0, 1)
        at_crf = encode_native_idr(gop, self.x265)

        def native(crf: float) -> CodedGop:
            return at_crf if crf == at_crf.crf else self._native(gop, KEYFRAME_FACTOR, crf)

        if best.cost < _met(target, native, self.x265.crf, watch, Stage.NATIVE).cost:
            return best
        logger.info("GOP %d keeps a native IDR picture", gop.index)
        return target.judged(at_crf)

    def unjudged(self, gop: SourceGop, watch: GopWatch) -> CodedGop:
        """Encode with a generated keyframe at the CRF of the options (HybridPrompt section 3.2, steps I and II)."""
        return watch.counted(self._at_x265s_size(gop, watch), Stage.ENCODE, of=1)(self.x265.crf)

    def _at_x265s_size(self, gop: SourceGop, watch: GopWatch) -> Encode:
        """Fit a keyframe; where the options leave its bytes open, it takes what x265's own I-frame would."""
        return self._fitted(self._bases(gop), self.keyframe_budget or intra_size(gop, self.x265), watch)

    def _bases(self, gop: SourceGop, crf: float | None = None) -> BaseCoder:
        return BaseCoder(gop, self.x265 if crf is None else replace(self.x265, crf=crf))

    def _fitted(self, bases: BaseCoder, budget: int, watch: GopWatch) -> Encode:
        likeness = Likeness(bases.gop.picture(0))
        keyframe = self._fit(likeness, bases, budget, None, watch.fitting(Stage.FIT))
        return partial(self._generated, bases.gop, keyframe)

    def search(self, target: RateTarget, watch: GopWatch, *, first_crf: float) -> Judged:
        """Encode the GOP of a target, at the least cost; ``first_crf`` is a guess."""
        gop = target.source
        target, native = target.within_reach(self.native(target, watch, first_crf=first_crf))
        crf = native.gop.crf
        size = target.size(native.gop)
        first, most = (max(round(share * size), LEAST_BUDGET) for share in (FIRST_SHARE, LARGEST_SHARE))

        bases = self._bases(gop, crf)

        def generated(budget: int) -> KeyframeCandidate:
            encode = self._fitted(bases, budget, watch)
            return KeyframeCandidate(_met(target, encode, crf, watch, Stage.ENCODE), encode, budget)

        if self.keyframe_budget is not None:
            candidate = generated(self.keyframe_budget)
        else:
            fitting = first_that_fits(generated, first, must_shrink=target.must_shrink)
            is_shrunk = fitting.budget < first
            candidate = hill_climb(generated, fitting, fitting.budget if is_shrunk else most, budgets=self.budgets)
        best = self._refined(target, candidate, bases, watch)
        if self.fallback and best.cost >= (1 - MOST_WON) * native.cost:
            kept = self._best_native(target, native, watch)
            if kept.cost <= best.cost:
                logger.info("GOP %d keeps a native IDR picture", gop.index)
                best = kept
        varied = watch.counted(best.encode, Stage.VARY, of=self.candidates)
        return target.vary(varied, best.judged, candidates=self.candidates)

    def native(self, target: RateTarget, watch: GopWatch, *, first_crf: float) -> Judged:
        """Meet a target with x265's own keyframe; ``first_crf`` is a guess."""
        encode = partial(self._native, target.source, KEYFRAME_FACTOR)
        return _met(target, encode, first_crf, watch, Stage.NATIVE)

    def _best_native(self, target: RateTarget, native: Judged, watch: GopWatch) -> KeyframeCandidate:
        """Try x265's own keyframe with more bits too."""
        usual, richer = (partial(self._native, target.source, KEYFRAME_FACTOR * times) for times in (1, RICHER))
        met = _met(target, richer, native.gop.crf, watch, Stage.NATIVE)
        return KeyframeCandidate(met, richer) if met.cost < native.cost else KeyframeCandidate(native, usual)

    def _refined(
        self, target: RateTarget, candidate: KeyframeCandidate, bases: BaseCoder, watch: GopWatch
    ) -> KeyframeCandidate:
        """Fit the keyframe to the whole GOP for as long as that pays (HybridPrompt section 3.2, step III)."""
        gop, best = target.source, candidate
        for _ in range(self.refinements):
            before = best.judged.gop.keyframe
            objective = joint_objective(gop, best.judged.gop, perceptual=self.judge.sees, lpips=self.lpips)
            keyframe = self._fit(objective, bases, candidate.budget, before, watch.fitting(Stage.REFIT))
            if before is not None and keyframe.latent == before.latent:
                break
            encode = partial(self._generated, gop, keyframe)
            refined = _met(target, encode, best.judged.gop.crf, watch, Stage.ENCODE)
            if refined.cost >= best.cost:
                break
            best = KeyframeCandidate(refined, encode, candidate.budget)
        return best

    def _fit(
        self,
        objective: Objective,
        bases: BaseCoder,
        budget: int,
        before: Keyframe | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> Keyframe:
        return fit_keyframe(
            self.generator,
            objective,
            bases,
            budget=budget,
            before=before,
            placeholder=self.placeholder,
            progress=progress,
        )

    def _native(self, gop: SourceGop, factor: float, crf: float) -> CodedGop:
        return encode_native_idr(gop, replace(self.x265, crf=crf), factor=factor)

    def _generated(self, gop: SourceGop, keyframe: Keyframe, crf: float) -> CodedGop:
        return encode_generated(gop, keyframe, replace(self.x265, crf=crf))


def _met(target: RateTarget, encode: Encode, first_crf: float, watch: GopWatch, stage: Stage) -> Judged:
    """Meet a target, and tell of the encodes that this takes."""
    return watch.judged(target.meet(watch.counted(encode, stage, of=MOST_PROBES), first_crf=first_crf))


def joint_objective(gop: SourceGop, coded: CodedGop, *, perceptual: bool, lpips: Path | None) -> GopObjective:
    """Say what a keyframe is refitted to: all pictures of its GOP, as it was encoded."""
    return GopObjective(
        gop,
        without_hashes(coded.hybrid),
        reference=coded.stream.keyframe(gop.spec.bit_depth),
        decoded=coded.pictures,
        perceptual=perceptual,
        lpips=lpips,
    )


def first_that_fits(
    generated: Callable[[int], KeyframeCandidate], budget: int, *, must_shrink: Callable[[CodedGop], bool]
) -> KeyframeCandidate:
    """Try a budget, and smaller ones while P and B pictures cannot make room for it."""
    candidate = generated(budget)
    for _ in range(MOST_SHRUNK):
        if not must_shrink(candidate.judged.gop):
            break
        candidate = generated(max(round(candidate.budget / STEP), LEAST_BUDGET))
    return candidate


def hill_climb(
    generated: Callable[[int], KeyframeCandidate], first: KeyframeCandidate, most: int, *, budgets: int
) -> KeyframeCandidate:
    """Try larger budgets than the first while they help, else smaller ones; at most ``budgets`` with the first."""
    best = first
    count = 1
    for factor in (STEP, 1 / STEP):
        while count < budgets:
            budget = min(round(best.budget * factor), most)
            if budget == best.budget or budget < LEAST_BUDGET:
                break
            candidate = generated(budget)
            count += 1
            if candidate.cost >= best.cost:
                break
            best = candidate
        if best.budget != first.budget:
            break
    return best
