"""Judging GOPs: which pictures are looked at, and what a worse GOP costs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from ffhybrid.core.picture import Picture, Plane
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.quality import LEAST_SAMPLES, SAMPLING_INTERVAL, Judge, samples, visual_distance
from ffhybrid.panel import INTERVAL
from support import first_gop

PICTURES = 12


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceGop:
    return first_gop("bikes.mp4", PICTURES, tmp_path_factory.mktemp("frames"))


def torn(picture: Picture) -> Picture:
    """Move a square of luma to the right, as a block whose vector is wrong shows it."""
    y = picture.y.copy()
    y[64:192, 128:256] = np.roll(y[64:192, 128:256], 40, axis=1)
    return Picture(y, picture.cb, picture.cr, picture.bit_depth)


def lighter(picture: Picture) -> Picture:
    def lighter_plane(plane: Plane) -> Plane:
        return (plane.astype(int) + 14).clip(0, 255).astype(plane.dtype)

    return Picture(lighter_plane(picture.y), picture.cb, picture.cr, picture.bit_depth)


def pictures(source: SourceGop, chosen: frozenset[int]) -> Iterator[Picture]:
    """The source, with those chosen torn."""
    for index in range(len(source)):
        picture = source.picture(index)
        yield torn(picture) if index in chosen else picture


@pytest.mark.parametrize("count", [1, 2, 3, 5, 12, 64, 96, 120, 250])
def test_the_judge_looks_at_other_pictures_than_reports(count: int) -> None:
    chosen = samples(count)
    assert chosen <= set(range(count))
    assert not any(index % INTERVAL == 0 for index in chosen if index < count - 1)
    assert min(LEAST_SAMPLES, count) / 2 <= len(chosen) <= max(LEAST_SAMPLES, count / SAMPLING_INTERVAL + 1)


def test_torn_pictures_cost_more_the_more_there_are(source: SourceGop) -> None:
    judge = Judge(visual_distance(None, device="auto"))
    seen = sorted(samples(PICTURES))
    assert len(seen) == LEAST_SAMPLES
    qualities = [judge.quality(pictures(source, frozenset(seen[:count])), source) for count in (0, 1, 4)]
    losses = [quality.loss for quality in qualities]
    assert losses == sorted(losses)
    assert losses[0] < losses[1] / 10
    assert losses[1] < losses[2]
    assert 0 <= qualities[0].lpips < qualities[2].lpips


def test_squared_errors_decide_alone_where_nothing_else_is_asked_for(source: SourceGop) -> None:
    """They prefer a torn square in four pictures to a picture that is a little lighter everywhere; eyes do not."""
    lit = [lighter(source.picture(index)) for index in range(PICTURES)]
    broken = list(pictures(source, samples(PICTURES)))
    for judge, prefers_lit in ((Judge(visual_distance(None, device="auto")), True), (Judge(None), False)):
        of_lit, of_broken = (judge.quality(shown, source) for shown in (lit, broken))
        assert (of_lit.loss < of_broken.loss) is prefers_lit
    assert of_lit.loss == of_lit.mse
