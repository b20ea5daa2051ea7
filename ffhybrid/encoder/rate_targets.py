"""Rate targets of one GOP: what they have in common, and the one of ``-b:v``, a size at the least loss."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, Self

from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import CodedGop
from ffhybrid.encoder.crf_search import EXACT, SIZE, TOLERANCE, Precision, crf_at_size, meet_size, neighbours
from ffhybrid.encoder.quality import GopQuality, Judge

logger = logging.getLogger(__name__)

MISS = 0.03
"""The part of a size by which a GOP may be larger and still counts as one that has it."""
OUT_OF_REACH = 100.0
"""A cost beyond any loss, and beyond any ratio of sizes."""
AGAINST_NATIVE = 0.6
"""The part of a difference in the bytes of P and B pictures that shows in the CRF from x265's keyframe to another."""
AFTER_TRIAL = 1.2
"""By how much the CRF of an encode as asked is above that of a quick one of the same size, at presets from ``medium``
on."""
LOSS_OF_BYTES = 0.6
"""The per cent by which the loss falls where a GOP gets one per cent more bytes: 0.54 to 0.65 on cups and bedroom, with
generated keyframes and x265's own."""

Encode = Callable[[float], CodedGop]
"""Codes a GOP at a CRF."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A GOP, what it looks like, and what it costs in the unit of its target; less is better.

    ``reached`` is the value that it has of the metric of its target, where that is a metric's.
    """

    gop: CodedGop
    quality: GopQuality
    cost: float
    reached: float | None = None


class RateTarget(Protocol):
    """Makes encodes of one GOP comparable."""

    @property
    def source(self) -> SourceGop:
        """The GOP."""

    @property
    def precision(self) -> Precision:
        """With which it is met."""

    @property
    def likely_size(self) -> int | None:
        """Bytes that the GOP will have, where that is known before any encode."""

    def within(self, precision: Precision) -> Self:
        """Give the same target, met with another precision."""

    def meet(self, encode: Encode, *, first_crf: float) -> Judged:
        """Search the CRF that meets the target."""

    def crf_with_keyframe(self, size: int, known: CodedGop) -> float:
        """Guess the CRF that meets the target with a generated keyframe of so many bytes, from one with another."""

    def crf_after_trial(self, trial: Judged) -> float:
        """Guess the CRF that meets the target as asked, where a quick encode came near it."""

    def vary(self, encode: Encode, met: Judged, *, candidates: int) -> Judged:
        """Look at so many encodes that meet the target as well, and take what costs least."""

    def size(self, native: CodedGop) -> int:
        """Bytes that the GOP will have, as far as x265's own tells."""

    def within_reach(self, native: Judged) -> tuple[RateTarget, Judged]:
        """Ask for no more than x265's own comes to; it is judged by that as well."""

    def must_shrink(self, gop: CodedGop) -> bool:
        """Whether only a smaller keyframe can help."""


@dataclass(frozen=True, slots=True)
class SizeTarget:
    """A GOP in so many bytes (:attr:`CodedGop.size`)."""

    source: SourceGop
    judge: Judge
    wanted: int
    precision: Precision = EXACT

    @property
    def likely_size(self) -> int:
        """Those wanted."""
        return self.wanted

    def within(self, precision: Precision) -> SizeTarget:
        """Give the same target, met with another precision."""
        return replace(self, precision=precision)

    def meet(self, encode: Encode, *, first_crf: float) -> Judged:
        """Search the CRF; the cost is what the loss would be at exactly those bytes."""
        return self.judged(meet_size(encode, self.wanted, first_crf=first_crf, precision=self.precision))

    def crf_with_keyframe(self, size: int, known: CodedGop) -> float:
        """Give P and B pictures what the keyframe leaves; against x265's own keyframe they make up for more or less."""
        inter = max(self.wanted - size, 1) / known.stream.inter_size
        return SIZE.moved(known.crf, ratio=inter if known.keyframe else inter**AGAINST_NATIVE)

    def crf_after_trial(self, trial: Judged) -> float:
        """Go to where the quick encode would have had the size, and on for what thorough ones take more."""
        return crf_at_size(trial.gop, self.wanted) + AFTER_TRIAL

    def vary(self, encode: Encode, met: Judged, *, candidates: int) -> Judged:
        """Encode at neighbouring CRFs: x265 decides otherwise at each, and LPIPS wavers by one or two per cent."""
        if abs(self._overshoot(met.gop)) > TOLERANCE:
            return met
        coded = map(encode, neighbours(met.gop, self.wanted, count=candidates))
        others = (self.judged(gop) for gop in coded if abs(self._overshoot(gop)) <= TOLERANCE)
        return min([met, *others], key=lambda judged: judged.cost)

    def size(self, native: CodedGop) -> int:  # noqa: ARG002 - it is known
        """Give those wanted."""
        return self.wanted

    def within_reach(self, native: Judged) -> tuple[RateTarget, Judged]:
        """Take x265's size where even that is too large: a generated keyframe has to win at those bytes."""
        if not self.must_shrink(native.gop):
            return self, native
        return replace(self, wanted=native.gop.size), replace(native, cost=native.quality.loss)

    def must_shrink(self, gop: CodedGop) -> bool:
        """Whether it is too large, though the CRF was searched."""
        return self._overshoot(gop) > self._most_over

    def judged(self, gop: CodedGop) -> Judged:
        """Look at a GOP that has the size already; one that is too large at any CRF loses to whatever is not."""
        quality = self.judge.of(gop, self.source)
        _log(self.source, gop, quality)
        overshoot = self._overshoot(gop)
        return Judged(gop, quality, cost_of(quality.loss, overshoot, most_over=self._most_over))

    @property
    def _most_over(self) -> float:
        return max(MISS, self.precision.of_sizes)

    def _overshoot(self, gop: CodedGop) -> float:
        return gop.size / self.wanted - 1


def cost_of(loss: float, overshoot: float, *, most_over: float = MISS) -> float:
    """Take a GOP's loss to what it would be at the wanted size; ``overshoot`` is the part of that which it has more.

    Beyond ``most_over`` it does not count as one of that size.
    """
    return loss * (1 + LOSS_OF_BYTES * overshoot) if overshoot <= most_over else OUT_OF_REACH + overshoot


def _log(source: SourceGop, gop: CodedGop, quality: GopQuality) -> None:
    logger.debug(
        "GOP %d, %s, latent %d, CRF %.2f: %d bytes, %s",
        source.index,
        gop.payload.generator,
        len(gop.payload.latent),
        gop.crf,
        gop.size,
        quality,
    )
