"""Speed of encodes, ``-speed``: how much is tried for every GOP, from most to least.

Nearly all of an encode is x265's: what a step saves are encodes of whole GOPs, and thoroughness of those that only
decide between keyframes. What each step costs and gives away: ``benchmarks/speed/encode.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from ffhybrid.encoder.crf_search import Precision
from ffhybrid.errors import UsageError
from ffhybrid.x265.options import Thoroughness

TRIAL = {
    "rd": "3",
    "rskip": "1",
    "early-skip": "1",
    "subme": "1",
    "ref": "1",
    "bframes": "4",
    "b-adapt": "0",
    "rc-lookahead": "20",
}
"""Options of x265 for encodes that only tell keyframes apart. None changes what keyframes are coded under."""
TRIAL_PRECISION = Precision(tolerances=8, most_probes=2)


class Comparing(StrEnum):
    """How keyframes are compared."""

    AS_ASKED = "as asked"
    """By encodes as the last one."""
    TRIALS = "trials"
    """By quick encodes."""
    NOT = "not"
    """There is one, a generated one of the share of bytes that the first pass suggests, where its generator refines a
    base picture: hardly ever is that much worse than x265's own. Others are compared by quick encodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What is tried for a GOP.

    Attributes:
        comparing: how generated keyframes of several sizes and x265's own are compared.
        budgets: sizes of a generated keyframe that are tried at most.
        candidates: encodes of the same size that are looked at in the end.
        precision: with which sizes are met; values of a metric are met exactly.
        fit: preset of the generator where the user names none, in x265's words.
        thoroughness: how far ``-tune hybrid`` goes beyond x265's preset.
    """

    comparing: Comparing
    budgets: int
    candidates: int
    precision: Precision
    fit: str
    thoroughness: Thoroughness = Thoroughness.BY_PRESET

    def comparing_anyway(self) -> Effort:
        """Give the same effort, but for keyframes that have to be compared: by quick encodes at least."""
        return self if self.comparing is not Comparing.NOT else replace(self, comparing=Comparing.TRIALS)


EFFORTS = (
    Effort(
        comparing=Comparing.AS_ASKED,
        budgets=3,
        candidates=3,
        precision=Precision(),
        fit="medium",
        thoroughness=Thoroughness.MOST,
    ),
    Effort(comparing=Comparing.TRIALS, budgets=3, candidates=0, precision=Precision(tolerances=2), fit="fast"),
    Effort(comparing=Comparing.NOT, budgets=1, candidates=0, precision=Precision(tolerances=3), fit="fast"),
    Effort(
        comparing=Comparing.NOT,
        budgets=1,
        candidates=0,
        precision=Precision(tolerances=3),
        fit="veryfast",
        thoroughness=Thoroughness.LEAST,
    ),
)
"""By speed, from 0 on."""
DEFAULT_SPEED = 2


def effort_of(speed: int) -> Effort:
    """Look up a speed.

    Raises:
        UsageError: there is no such speed.
    """
    if not 0 <= speed < len(EFFORTS):
        raise UsageError(f"-speed {speed}: it takes 0, the most thorough, to {len(EFFORTS) - 1}")
    return EFFORTS[speed]


def with_fit(options: Mapping[str, object], effort: Effort, *, has_presets: bool) -> dict[str, object]:
    """Give options of a generator with the preset of an effort, where it has presets and the user names none."""
    return {"preset": effort.fit, **options} if has_presets else dict(options)
