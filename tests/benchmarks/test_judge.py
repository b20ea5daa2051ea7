"""Agreement of a judge with the panel: majorities, ties, and weights that follow the votes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from quality.judge import PARTS, VOTERS, Pair, agreement, before, fitted, weighted

PARTS_OF_TWO = (
    {"ssimulacra2": 80.0, "lpips": 0.2, "oklab": 0.004, "mse": 0.001},
    {"ssimulacra2": 90.0, "lpips": 0.1, "oklab": 0.004, "mse": 0.001},
)


def pair(*votes: int, names: tuple[str, str] = ("torn-0.4", "whole-0.4"), parts: object = PARTS_OF_TWO) -> Pair:
    return Pair("dog", names, dict(zip(VOTERS, votes, strict=True)), parts)  # type: ignore[arg-type]


def test_the_first_encode_is_preferred_where_its_loss_is_less() -> None:
    one = pair(1, 1, 1, 1, 1, 1)
    assert one.preference(weighted({"ssimulacra2": 1.0})) == 1
    assert one.preference(weighted({"lpips": 1.0})) == -1
    assert one.preference(before) == -1


def test_ties_have_no_majority_and_every_metric_is_counted() -> None:
    pairs = [pair(1, 1, 1, -1, -1, -1), pair(1, 1, 1, 1, -1, -1), pair(-1, -1, -1, -1, 1, -1)]
    majority, both, *each = agreement(pairs, weighted({"ssimulacra2": 1.0}))
    assert majority == "50 %"
    assert both == "33 %"
    assert each[VOTERS.index("lpips")] == "67 %"
    assert agreement([], before)[0] == "-"


@pytest.mark.parametrize(
    ("names", "is_one"),
    [
        (("torn-0.4", "whole-0.2"), True),
        (("x265-torn", "x265-whole"), True),
        (("whole-0.2", "whole-0.4"), False),
        (("torn-0.4", "x265-whole"), False),
    ],
)
def test_torn_is_held_against_whole(names: tuple[str, str], *, is_one: bool) -> None:
    assert pair(1, 1, 1, 1, 1, 1, names=names).is_torn_against_whole is is_one


def test_weights_follow_the_part_that_votes_go_by() -> None:
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(200):
        parts = tuple({name: float(math.exp(rng.normal())) for name in PARTS} for _ in range(2))
        vote = 1 if parts[0]["lpips"] < parts[1]["lpips"] else -1
        pairs.append(pair(*[vote] * len(VOTERS), parts=parts))
    weights = fitted(pairs)
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["lpips"] > 0.8
    assert int(agreement(pairs, weighted(weights))[0].removesuffix(" %")) >= 95
