"""Keyframes to choose between: what a GOP is coded with, and which budgets of bytes are tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.anchors import Anchoring
from ffhybrid.encoder.coded_gop import CodedGop, Keyframe, encode_generated, encode_native_idr
from ffhybrid.encoder.rate_targets import Judged
from ffhybrid.x265.options import KEYFRAME_FACTOR, X265Options

STEP, MOST_SHRUNK = 1.5, 2
"""The factor between candidate budgets; how often a budget shrinks that leaves P and B pictures no room."""
USUAL_SHARE, LARGEST_SHARE, LEAST_BUDGET = 0.35, 0.7, 200
"""The part of the GOP's bytes that a keyframe takes at first where nothing is known of the GOP, and that it takes at
most; the fewest bytes of one."""
LEAST_SHARE, SHARE_OF_INTRA, MOST_FIRST_SHARE = 0.15, 1.4, 0.45
"""What it takes at first where the first pass has seen the GOP: more where its I picture had more of the bytes, since
hardly anything moves there."""


@dataclass(frozen=True, slots=True)
class KeyframeChoice:
    """A generated keyframe of a budget, or x265's own with ``factor`` times the bits that it would give it.

    ``anchoring`` goes with a generated one.
    """

    keyframe: Keyframe | None = None
    budget: int = 0
    factor: float = KEYFRAME_FACTOR
    anchoring: Anchoring | None = None

    def coded(self, gop: SourceGop, options: X265Options, *, is_trial: bool) -> CodedGop:
        """Code a GOP with it."""
        if self.keyframe is None:
            return encode_native_idr(gop, options, factor=self.factor)
        return encode_generated(gop, self.keyframe, options, anchoring=self.anchoring, is_trial=is_trial)


@dataclass(frozen=True, slots=True)
class KeyframeCandidate:
    """A keyframe, and the GOP that goes with it."""

    choice: KeyframeChoice
    judged: Judged

    @property
    def budget(self) -> int:
        """Bytes that the generated keyframe was to have."""
        return self.choice.budget

    @property
    def cost(self) -> float:
        """In the unit of the target."""
        return self.judged.cost


def first_share(intra: float | None) -> float:
    """Guess a keyframe's part of the bytes from the part that the first pass's I picture had; None is unknown."""
    return USUAL_SHARE if intra is None else min(LEAST_SHARE + SHARE_OF_INTRA * intra, MOST_FIRST_SHARE)


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
