"""Keyframe search of one GOP: how many bytes the keyframe takes, whether a generated one pays, and its refinement.

HybridPrompt leaves adaptive allocation to the future (section 5). Here x265 codes the GOP alone first, which is the
result to beat; then generated keyframes of several shares of its size are candidates, each with P and B pictures that
meet the target, and the GOP that costs least over all pictures is kept. Quick encodes are enough to tell keyframes
apart: then only the best one's GOP is coded as asked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.anchors import Anchoring
from ffhybrid.encoder.coded_gop import (
    CodedGop,
    Keyframe,
    intra_size,
    without_hashes,
)
from ffhybrid.encoder.keyframe_budgets import (
    LARGEST_SHARE,
    LEAST_BUDGET,
    KeyframeCandidate,
    KeyframeChoice,
    first_that_fits,
    hill_climb,
)
from ffhybrid.encoder.keyframes import BaseCoder, fit_keyframe
from ffhybrid.encoder.options import Placeholder
from ffhybrid.encoder.progress import GopWatch, Stage
from ffhybrid.encoder.quality import Judge
from ffhybrid.encoder.rate_targets import Judged, RateTarget, SizeTarget
from ffhybrid.encoder.speed import TRIAL, TRIAL_PRECISION, Comparing, Effort
from ffhybrid.filters import FitProgress, Likeness, Objective
from ffhybrid.filters.base import KeyframeGenerator
from ffhybrid.refinement.objective import GopObjective
from ffhybrid.x265.options import KEYFRAME_FACTOR, Thoroughness, X265Options

logger = logging.getLogger(__name__)

RICHER, MOST_WON = 1.5, 0.07
"""The factor of bits that x265's own keyframe is a candidate with too, and what that lowers the cost by at most
(``benchmarks/quality/keyframe_bits.py``): it is none where a generated one wins by more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GopSearch:
    """What stays the same from GOP to GOP.

    Args:
        generator: of keyframes.
        judge: decides between encodes.
        x265: options, of which the CRF is used where it is the target.
        effort: how much is tried.
        keyframe_budget: bytes of latents where the user sets them.
        refinements: joint refinements at most; they end when one does not pay.
        anchoring: anchors that go with generated keyframes, if any.
        anchors_must_win: only GOPs that are better with anchors have them.
        fallback: whether a GOP may keep x265's own keyframe.
        placeholder: what stands in the stream where the generator refines no base picture.
        lpips: AlexNet's weights where the user names them.
        is_trial: encodes only tell keyframes apart, and need not be restored.
    """

    generator: KeyframeGenerator
    judge: Judge
    x265: X265Options
    effort: Effort
    keyframe_budget: int | None
    refinements: int
    anchoring: Anchoring | None
    anchors_must_win: bool
    fallback: bool
    placeholder: Placeholder
    lpips: Path | None
    is_trial: bool = False

    def at_crf(self, gop: SourceGop, watch: GopWatch) -> Judged:
        """Encode a GOP at the CRF of the options; what is compared with it has its size."""
        choice = self._of_x265s_size(gop, watch)
        first = watch.counted(partial(self._coded, gop, choice), Stage.ENCODE, of=1)(self.x265.crf)
        target = SizeTarget(gop, self.judge, first.size)
        candidate = KeyframeCandidate(choice, watch.judged(target.judged(first)))
        candidate = self._refined(target, candidate, self._bases(gop), watch)
        best = self._with_anchors_if_better(target, candidate, watch).judged
        if not self.fallback:
            return best
        native = watch.counted(partial(self._coded, gop, KeyframeChoice()), Stage.NATIVE, of=1)(self.x265.crf)
        if best.cost < self._met(target, KeyframeChoice(), self.x265.crf, watch, known=native).judged.cost:
            return best
        logger.info("GOP %d keeps a native IDR picture", gop.index)
        return target.judged(native)

    def unjudged(self, gop: SourceGop, watch: GopWatch) -> CodedGop:
        """Encode with a generated keyframe at the CRF of the options (HybridPrompt section 3.2, steps I and II)."""
        encode = partial(self._coded, gop, self._of_x265s_size(gop, watch))
        return watch.counted(encode, Stage.ENCODE, of=1)(self.x265.crf)

    def search(self, target: RateTarget, watch: GopWatch, *, first_crf: float, keyframe_share: float) -> Judged:
        """Encode the GOP of a target, at the least cost; ``first_crf`` and ``keyframe_share`` are guesses."""
        bases = self._bases(target.source, first_crf)
        candidate = self._settled(target, watch, bases, first_crf, keyframe_share)
        if candidate is None:
            target, candidate = self.compared(target, watch, bases, first_crf=first_crf, keyframe_share=keyframe_share)
        candidate = self._with_anchors_if_better(target, candidate, watch)
        encode = partial(self._coded, target.source, candidate.choice)
        count = self.effort.candidates
        return target.vary(watch.counted(encode, Stage.VARY, of=count), candidate.judged, candidates=count)

    def native(self, target: RateTarget, watch: GopWatch, *, first_crf: float) -> Judged:
        """Meet a target with x265's own keyframe; ``first_crf`` is a guess."""
        return self._met(target, KeyframeChoice(), first_crf, watch).judged

    def _settled(
        self, target: RateTarget, watch: GopWatch, bases: BaseCoder, first_crf: float, keyframe_share: float
    ) -> KeyframeCandidate | None:
        """Settle the keyframe by less than encodes as asked, and code the GOP with it.

        None where all has to be compared: as asked for, or since the target is out of this keyframe's reach.
        """
        if self.effort.comparing is Comparing.AS_ASKED:
            return None
        size = target.likely_size
        if self.effort.comparing is Comparing.NOT and size is not None:
            crf = first_crf
            choice = self._fitted(bases, self._budget(keyframe_share, size), watch)
        else:
            trials = replace(
                self,
                x265=replace(self.x265, params={**(self.x265.params or {}), **TRIAL}, thoroughness=Thoroughness.LEAST),
                judge=self.judge.coarse(),
                is_trial=True,
                refinements=0,
            )
            tried = target.within(TRIAL_PRECISION)
            _, best = trials.compared(tried, watch, bases, first_crf=first_crf, keyframe_share=keyframe_share)
            choice, crf = best.choice, target.crf_after_trial(best.judged)
        candidate = self._met(target, choice, crf, watch)
        if target.must_shrink(candidate.judged.gop):
            return None
        return self._refined(target, candidate, bases, watch)

    def compared(
        self, target: RateTarget, watch: GopWatch, bases: BaseCoder, *, first_crf: float, keyframe_share: float
    ) -> tuple[RateTarget, KeyframeCandidate]:
        """Compare generated keyframes of several budgets, and x265's own; the target is what x265 itself comes to."""
        target, native = target.within_reach(self.native(target, watch, first_crf=first_crf))
        size = target.size(native.gop)
        first, most = (self._budget(share, size) for share in (keyframe_share, LARGEST_SHARE))

        nearest = native.gop

        def generated(budget: int) -> KeyframeCandidate:
            nonlocal nearest
            crf = target.crf_with_keyframe(budget, nearest)
            found = self._met(target, self._fitted(bases, budget, watch), crf, watch)
            nearest = found.judged.gop
            return found

        if self.keyframe_budget is not None:
            candidate = generated(self.keyframe_budget)
        else:
            fitting = first_that_fits(generated, first, must_shrink=target.must_shrink)
            is_shrunk = fitting.budget < first
            most = fitting.budget if is_shrunk else most
            candidate = hill_climb(generated, fitting, most, budgets=self.effort.budgets)
        best = self._refined(target, candidate, bases, watch)
        if self.fallback and best.cost >= (1 - MOST_WON) * native.cost:
            kept = self._best_native(target, native, watch)
            if kept.cost <= best.cost:
                logger.info("GOP %d keeps a native IDR picture", target.source.index)
                best = kept
        return target, best

    def _best_native(self, target: RateTarget, native: Judged, watch: GopWatch) -> KeyframeCandidate:
        """Try x265's own keyframe with more bits too."""
        usual = KeyframeCandidate(KeyframeChoice(), native)
        if self.is_trial:
            return usual
        richer = self._met(target, KeyframeChoice(factor=KEYFRAME_FACTOR * RICHER), native.gop.crf, watch)
        return min(richer, usual, key=lambda candidate: candidate.cost)

    def _refined(
        self, target: RateTarget, candidate: KeyframeCandidate, bases: BaseCoder, watch: GopWatch
    ) -> KeyframeCandidate:
        """Fit the keyframe to the whole GOP for as long as that pays (HybridPrompt section 3.2, step III)."""
        best = candidate
        for _ in range(self.refinements if candidate.budget else 0):
            before = best.judged.gop.keyframe
            objective = joint_objective(target.source, best.judged.gop, perceptual=self.judge.sees, lpips=self.lpips)
            keyframe = self._fit(objective, bases, candidate.budget, before, watch.fitting(Stage.REFIT))
            if before is not None and keyframe.latent == before.latent:
                break
            refined = self._met(target, KeyframeChoice(keyframe, candidate.budget), best.judged.gop.crf, watch)
            if refined.cost >= best.cost:
                break
            best = refined
        return best

    def _with_anchors_if_better(
        self, target: RateTarget, candidate: KeyframeCandidate, watch: GopWatch
    ) -> KeyframeCandidate:
        """Try anchors where they have to win."""
        if not self.anchors_must_win or self.anchoring is None or candidate.choice.keyframe is None:
            return candidate
        if not self.anchoring.places(len(target.source)):
            return candidate
        choice = replace(candidate.choice, anchoring=self.anchoring)
        tried = self._met(target, choice, candidate.judged.gop.crf, watch)
        logger.info("GOP %d costs %.4f with anchors, %.4f without", target.source.index, tried.cost, candidate.cost)
        return min(candidate, tried, key=lambda each: each.cost)

    def _met(
        self,
        target: RateTarget,
        choice: KeyframeChoice,
        first_crf: float,
        watch: GopWatch,
        known: CodedGop | None = None,
    ) -> KeyframeCandidate:
        """Meet a target, and tell of the encodes that this takes; one may be known already."""

        def encode(crf: float) -> CodedGop:
            return known if known and known.crf == crf else self._coded(target.source, choice, crf)

        stage = Stage.NATIVE if choice.keyframe is None else Stage.ENCODE
        counted = watch.counted(encode, stage, of=target.precision.most_probes)
        return KeyframeCandidate(choice, watch.judged(target.meet(counted, first_crf=first_crf)))

    def _coded(self, gop: SourceGop, choice: KeyframeChoice, crf: float) -> CodedGop:
        return choice.coded(gop, replace(self.x265, crf=crf), is_trial=self.is_trial)

    def _bases(self, gop: SourceGop, crf: float | None = None) -> BaseCoder:
        return BaseCoder(gop, self.x265 if crf is None else replace(self.x265, crf=crf))

    def _budget(self, share: float, size: int) -> int:
        return self.keyframe_budget or max(round(share * size), LEAST_BUDGET)

    def _of_x265s_size(self, gop: SourceGop, watch: GopWatch) -> KeyframeChoice:
        """Fit a keyframe; where the options leave its bytes open, it takes what x265's own I-frame would."""
        return self._fitted(self._bases(gop), self.keyframe_budget or intra_size(gop, self.x265), watch)

    def _fitted(self, bases: BaseCoder, budget: int, watch: GopWatch) -> KeyframeChoice:
        likeness = Likeness(bases.gop.picture(0))
        keyframe = self._fit(likeness, bases, budget, None, watch.fitting(Stage.FIT))
        return KeyframeChoice(keyframe, budget, anchoring=None if self.anchors_must_win else self.anchoring)

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
