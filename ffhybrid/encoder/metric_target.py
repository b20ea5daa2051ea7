"""The rate target of ``-target``: a GOP that has a value of a metric, in as few bytes as that takes or a cap leaves."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import CodedGop
from ffhybrid.encoder.crf_search import (
    EXACT,
    SIZE,
    TOLERANCE,
    Precision,
    crf_at_size,
    crf_control,
    meet_size,
    search_crf,
)
from ffhybrid.encoder.quality import Judge
from ffhybrid.encoder.quality_target import QualityTarget
from ffhybrid.encoder.rate_targets import MISS, OUT_OF_REACH, Encode, Judged, RateTarget
from ffhybrid.encoder.secant_search import Probe
from ffhybrid.panel import look_at_gop

logger = logging.getLogger(__name__)

ACCEPTED = 2.0
"""Tolerances by which a GOP may be worse and still compete by its size: where values waver, searches may end before."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A GOP, and the value that it has of a target's metric."""

    gop: CodedGop
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTarget:
    """A GOP that has a value of a metric, in at most ``most`` bytes (:attr:`CodedGop.size`) where that is not None.

    ``lpips`` is AlexNet's file where the user names one, ``device`` where networks work.
    """

    source: SourceGop
    judge: Judge
    wanted: QualityTarget
    lpips: Path | None
    device: str
    most: int | None
    precision: Precision = EXACT

    @property
    def likely_size(self) -> None:
        """Nothing: no metric tells."""
        return None

    def within(self, precision: Precision) -> MetricTarget:
        """Give the same target, met with another precision."""
        return replace(self, precision=precision)

    def meet(self, encode: Encode, *, first_crf: float) -> Judged:
        """Search the CRF; the cost is what the size would be at exactly that value."""
        found = self._search(encode, first_crf)
        if self.most is not None and self._is_beyond_cap(found.gop, TOLERANCE):
            crf = crf_at_size(found.gop, self.most)
            found = self._read(meet_size(encode, self.most, first_crf=crf, precision=self.precision))
        quality = self.judge.of(found.gop, self.source)
        return Judged(found.gop, quality, self._cost(found), found.value)

    def crf_with_keyframe(self, size: int, known: CodedGop) -> float:  # noqa: ARG002 - no size tells a value
        """Stay where it was."""
        return known.crf

    def crf_after_trial(self, trial: Judged) -> float:
        """Stay where the quick encode had the value."""
        return trial.gop.crf

    def vary(self, encode: Encode, met: Judged, *, candidates: int) -> Judged:  # noqa: ARG002 - sizes waver less
        """Change nothing."""
        return met

    def size(self, native: CodedGop) -> int:
        """Take x265's."""
        return native.size

    def within_reach(self, native: Judged) -> tuple[RateTarget, Judged]:
        """Take x265's size for the cap where even that is beyond it."""
        if not self.must_shrink(native.gop):
            return self, native
        raised = replace(self, most=native.gop.size)
        return raised, replace(native, cost=native.cost / OUT_OF_REACH**2)

    def must_shrink(self, gop: CodedGop) -> bool:
        """Whether it is beyond the cap, though the CRF was searched."""
        return self._is_beyond_cap(gop, MISS)

    def _search(self, encode: Encode, first_crf: float) -> Reading:
        def probe(crf: float) -> Probe[Reading]:
            found = self._read(encode(crf))
            ratio = self.wanted.ratio(found.value)
            return Probe(ratio, 1, ratio, found)

        control = crf_control(self.wanted.scale.slope)
        tolerance = self.wanted.log_tolerance * self.precision.tolerances
        return search_crf(
            probe, control, first_crf=first_crf, tolerance=tolerance, most_probes=self.precision.most_probes
        )

    def _read(self, gop: CodedGop) -> Reading:
        metric = self.wanted.metric
        values = look_at_gop(metric, gop.pictures(), self.source, lpips=self.lpips, device=self.device)
        value = self.wanted.pooled(values)
        name, latent = gop.payload.generator, len(gop.payload.latent)
        reached = self.wanted.text(value)
        logger.debug(
            "GOP %d, %s, latent %d, CRF %.2f: %d bytes, %s", self.source.index, name, latent, gop.crf, gop.size, reached
        )
        return Reading(gop, value)

    def _is_beyond_cap(self, gop: CodedGop, miss: float) -> bool:
        return self.most is not None and gop.size > self.most * (1 + miss)

    def _cost(self, found: Reading) -> float:
        """Bytes; a GOP that misses the value loses to one that has it, and one that is beyond the cap to both."""
        size = found.gop.size
        excess, ratio = self.wanted.excess(found.value), self.wanted.ratio(found.value)
        if excess > ACCEPTED:
            cost = OUT_OF_REACH * size * ratio
        elif excess > -ACCEPTED:
            cost = size * ratio ** (-SIZE.slope / self.wanted.scale.slope)
        else:  # Even the highest CRF is better than what was asked for, and no size goes with that.
            cost = size
        return cost * OUT_OF_REACH**2 if self.must_shrink(found.gop) else cost


def log_reached(gop: SourceGop, wanted: QualityTarget, reached: float, size: int, most: int | None) -> None:
    """Say which value a GOP has; warn where it is worse than the one asked for, and say whether the cap is why."""
    has = f"GOP {gop.index} has {wanted.text(reached)}"
    if wanted.excess(reached) <= 1:
        logger.info(has)
    elif most is not None and size > most * (1 - MISS):
        logger.warning("%s, not %s: -maxrate leaves it %d bytes", has, wanted, most)
    else:
        logger.warning("%s, not %s", has, wanted)
