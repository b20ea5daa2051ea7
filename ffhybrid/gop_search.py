"""One GOP at a wanted size: how many bytes the keyframe takes, and whether a generated one pays at all.

HybridPrompt leaves adaptive allocation to the future (section 5). Here x265 codes the GOP alone first, which is the
result to beat and says what its I-frame is worth; then generated keyframes of about that size are tried, each with P
and B pictures that fill the rest, and the GOP with the least loss over all pictures is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from ffhybrid.filters import FitProgress, Generator, Likeness
from ffhybrid.gop_encoding import CodedGop, encode_generated, encode_ordinary
from ffhybrid.judging import Judge, Quality
from ffhybrid.planner import SourceGop
from ffhybrid.rate_search import meet_size
from ffhybrid.x265_options import X265Options

logger = logging.getLogger(__name__)

STEP = 1.5
"""Factor between budgets that are tried."""
LARGEST_SHARE, LEAST_BUDGET = 0.7, 200
"""Of the GOP that a keyframe may take, and the fewest bytes of one."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A GOP, the budget of its keyframe, and what it looks like."""

    gop: CodedGop
    budget: int
    quality: Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class GopSearch:
    """What stays the same from GOP to GOP.

    Args:
        generator: of keyframes.
        judge: decides between encodes.
        x265: options, of which the CRF is a first guess.
        keyframe_budget: bytes of latents where the user sets them.
        budgets: budgets that are tried at most, where he does not.
    """

    generator: Generator
    judge: Judge
    x265: X265Options
    keyframe_budget: int | None
    budgets: int

    def encode(
        self,
        gop: SourceGop,
        wanted: int,
        *,
        first_crf: float,
        warm_start: bytes | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> Judged:
        """Encode a GOP in about ``wanted`` bytes (:attr:`CodedGop.size`)."""
        plain = meet_size(lambda crf: encode_ordinary(gop, self._at(crf)), wanted, first_crf=first_crf)
        ordinary = self._judged(gop, plain, 0)
        intra = plain.hybrid.placeholder.size

        def generated(budget: int) -> Judged:
            latent = self.generator.fit(
                Likeness(gop.picture(0)), gop.spec, budget=budget, warm_start=warm_start, progress=progress
            )
            coded = meet_size(
                lambda crf: encode_generated(gop, self.generator, latent, self._at(crf)), wanted, first_crf=plain.crf
            )
            return self._judged(gop, coded, budget)

        most = int(LARGEST_SHARE * wanted)
        if self.keyframe_budget is not None:
            best = generated(self.keyframe_budget)
        else:
            best = climb(generated, min(max(intra, LEAST_BUDGET), most), most, budgets=self.budgets)
        if best.quality.loss < ordinary.quality.loss:
            return best
        logger.info("GOP %d keeps an ordinary I-frame", gop.index)
        return ordinary

    def _at(self, crf: float) -> X265Options:
        return replace(self.x265, crf=crf)

    def _judged(self, gop: SourceGop, coded: CodedGop, budget: int) -> Judged:
        judged = Judged(coded, budget, self.judge.quality(coded.pictures(), gop))
        logger.debug(
            "GOP %d, %s, keyframe %d: %d bytes, %s",
            gop.index,
            coded.payload.generator,
            budget,
            coded.size,
            judged.quality,
        )
        return judged


def climb(generated: Callable[[int], Judged], first: int, most: int, *, budgets: int) -> Judged:
    """Try budgets from ``first`` on, larger ones while they help, else smaller ones; at most ``budgets`` of them."""
    best = generated(first)
    tried = 1
    for factor in (STEP, 1 / STEP):
        while tried < budgets:
            budget = min(round(best.budget * factor), most)
            if budget == best.budget or budget < LEAST_BUDGET:
                break
            candidate = generated(budget)
            tried += 1
            if candidate.quality.loss >= best.quality.loss:
                break
            best = candidate
        if best.budget != first:
            break
    return best
