"""Meeting sizes and bitrates: CRF is searched, keyframes get the bytes that help GOPs, files are as large as asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

import ffhybrid
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.bit_allocation import FIRST_PASS, Complexity, Share, shares
from ffhybrid.encoder.coded_gop import CodedGop
from ffhybrid.encoder.crf_search import EXACT, MOST_PROBES, SIZE, TOLERANCE, meet_size, neighbours
from ffhybrid.encoder.keyframe_budgets import (
    MOST_FIRST_SHARE,
    KeyframeCandidate,
    KeyframeChoice,
    first_share,
    first_that_fits,
    hill_climb,
)
from ffhybrid.encoder.quality import GopQuality, Judge
from ffhybrid.encoder.rate_targets import MISS, Judged, SizeTarget, cost_of
from ffhybrid.errors import UsageError
from ffhybrid.muxer.output import MATROSKA
from ffhybrid.muxer.overhead import overhead_of
from ffhybrid.x265.options import HIGHEST_CRF
from support import clip

FIXED = 700
OVERHEAD = overhead_of(MATROSKA)


@dataclass(frozen=True)
class Sized:
    """Stands for an encode."""

    size: int
    governed_size: int
    crf: float = 30.0
    payload: object = field(default_factory=lambda: SimpleNamespace(generator="hevc", latent=b""))

    def pictures(self) -> Iterator[float]:
        yield self.crf


def encoder(scale: float, slope: float, asked: list[float]) -> object:
    def encode(crf: float) -> CodedGop:
        asked.append(crf)
        inter = round(scale * math.exp(slope * crf + 0.0008 * (crf - 30) ** 2))
        return cast(CodedGop, Sized(inter + FIXED, inter))

    return encode


@pytest.mark.parametrize("slope", [-0.07, -0.115, -0.2])
@pytest.mark.parametrize("wanted", [3_000, 20_000, 200_000])
@pytest.mark.parametrize("first_crf", [20.0, 45.0])
def test_a_size_is_met_in_a_few_encodes(slope: float, wanted: int, first_crf: float) -> None:
    asked: list[float] = []
    scale = wanted * math.exp(-slope * 32)
    found = meet_size(encoder(scale, slope, asked), wanted, first_crf=first_crf)
    assert found.size == pytest.approx(wanted, rel=0.01)
    assert len(asked) <= MOST_PROBES - 1


def test_a_size_beyond_reach_gives_the_nearest() -> None:
    asked: list[float] = []
    found = meet_size(encoder(1e9, -0.1, asked), 1000, first_crf=30)
    assert max(asked) == HIGHEST_CRF
    assert found.size == min(encoder(1e9, -0.1, [])(crf).size for crf in asked)


def overhead(pictures: int) -> int:
    return OVERHEAD.of_gop(pictures, hashes=False)


def shared(gops: Sequence[Complexity], *, hashes: bool = False, **rate: int) -> list[Share]:
    """Share a bitrate in Matroska."""
    of_gops = [OVERHEAD.of_gop(gop.pictures, hashes=hashes) for gop in gops]
    return shares(gops, of_file=OVERHEAD.file, of_gops=of_gops, precision=EXACT, **rate)


GOPS = [
    Complexity(10_000, 1_000, 100, 4.0),
    Complexity(30_000, 6_000, 100, 4.0),
    Complexity(20_000, 1_000, 50, 2.0),
]


def test_bytes_are_shared_by_complexity() -> None:
    total = 100_000 * 10 / 8 - OVERHEAD.file
    for gop, part, share in zip(GOPS, (1 / 6, 1 / 2, 1 / 3), shared(GOPS, bitrate=100_000), strict=True):
        assert share.size + overhead(gop.pictures) == pytest.approx(total * part, abs=1)


def test_a_share_that_is_smaller_than_the_first_pass_begins_at_a_higher_crf() -> None:
    poor, rich = (shared(GOPS, bitrate=bitrate)[0] for bitrate in (30_000, 300_000))
    assert poor.size < GOPS[0].size < rich.size
    assert poor.crf > FIRST_PASS.crf > rich.crf


def test_all_bytes_are_given_out() -> None:
    given = sum(share.size for share in shared(GOPS, bitrate=80_000)) + sum(overhead(gop.pictures) for gop in GOPS)
    assert given == pytest.approx(80_000 * 10 / 8 - OVERHEAD.file, abs=3)


def test_no_gop_overdraws_the_buffer() -> None:
    full = 40_000.0
    for gop, share in zip(GOPS, shared(GOPS, bitrate=100_000, maxrate=110_000, bufsize=40_000), strict=True):
        bits = 8 * (share.size * (1 + TOLERANCE) + overhead(gop.pictures))
        assert bits <= full + 110_000 * gop.seconds + 8
        full = min(full + 110_000 * gop.seconds - bits, 40_000)


def test_what_the_buffer_denies_a_gop_goes_to_those_behind_it() -> None:
    gops = [GOPS[1], GOPS[0]]
    free = shared(gops, bitrate=100_000)
    bound = shared(gops, bitrate=100_000, maxrate=110_000, bufsize=40_000)
    assert bound[0].size < free[0].size
    assert bound[1].size > free[1].size


def test_picture_hashes_are_part_of_the_rate() -> None:
    with_hashes, without = (shared(GOPS, bitrate=200_000, hashes=hashes)[0].size for hashes in (True, False))
    assert without - with_hashes == 74 * GOPS[0].pictures


def test_a_hopeless_bitrate_is_refused_with_the_least_one() -> None:
    with pytest.raises(UsageError, match="at least"):
        shared(GOPS, bitrate=2_000)


def test_keyframes_take_more_where_the_first_pass_gave_them_more() -> None:
    still = max(shared(GOPS, bitrate=100_000), key=lambda share: share.intra)
    assert still.intra == 0.2
    assert first_share(0.05) < first_share(still.intra) < first_share(1.0) == MOST_FIRST_SHARE


def judged_by(losses: dict[int, float], tried: list[int]) -> Callable[[int], KeyframeCandidate]:
    def generated(budget: int) -> KeyframeCandidate:
        tried.append(budget)
        nearest = min(losses, key=lambda known: abs(known - budget))
        judged = Judged(cast(CodedGop, None), GopQuality(losses[nearest]), losses[nearest])
        return KeyframeCandidate(KeyframeChoice(budget=budget), judged)

    return generated


@pytest.mark.parametrize(
    ("losses", "best", "count"),
    [
        ({1000: 0.3, 1500: 0.2, 2250: 0.25}, 1500, 3),
        ({1000: 0.2, 1500: 0.3, 667: 0.1}, 667, 3),
        ({1000: 0.1, 1500: 0.3, 667: 0.3}, 1000, 3),
        ({1000: 0.4, 1500: 0.3, 2250: 0.2, 3375: 0.1}, 2250, 3),
    ],
)
def test_budgets_are_tried_where_they_help(losses: dict[int, float], best: int, count: int) -> None:
    tried: list[int] = []
    generated = judged_by(losses, tried)
    assert hill_climb(generated, generated(1000), 10_000, budgets=3).budget == best
    assert len(tried) == count


def test_one_budget_is_one_fit() -> None:
    tried: list[int] = []
    generated = judged_by({1000: 0.3, 1500: 0.2}, tried)
    assert hill_climb(generated, generated(1000), 10_000, budgets=1).budget == 1000
    assert tried == [1000]


@pytest.mark.parametrize(("size", "wanted"), [(1_000, 1_000), (1_025, 1_000), (1_400, 1_400)])
def test_where_x265_is_too_large_at_any_crf_a_generated_keyframe_has_its_bytes(size: int, wanted: int) -> None:
    coded = cast(CodedGop, Sized(size, size))
    target = SizeTarget(cast(SourceGop, None), Judge(None), 1_000)
    reached, native = target.within_reach(Judged(coded, GopQuality(0.5), 100.4))
    assert reached.size(coded) == wanted
    assert (native.cost == native.quality.loss) == (wanted == size > 1_000)


def test_of_two_gops_that_look_the_same_the_smaller_one_wins_and_one_that_is_too_large_never() -> None:
    assert cost_of(0.2, -0.01) < cost_of(0.2, 0.0) == 0.2 < cost_of(0.2, 0.01) < cost_of(0.21, 0.0)
    assert cost_of(0.01, 2 * MISS) > cost_of(1.0, MISS)


def test_neighbours_lie_around_the_crf_of_the_size_and_are_not_what_was_tried() -> None:
    at_size, too_large = (cast(CodedGop, Sized(size, size)) for size in (1_000, 1_010))
    assert neighbours(at_size, 1_000, count=4) == [29.98, 30.02, 29.96, 30.04]
    assert sum(neighbours(too_large, 1_000, count=4)) / 4 == pytest.approx(30 + 0.01 / -SIZE.slope, abs=0.03)
    assert neighbours(at_size, 1_000, count=0) == []


class Seen(Judge):
    """Knows how encodes look, by their CRF."""

    def __init__(self, losses: dict[float, float]) -> None:
        super().__init__(None)
        self._losses = losses

    def quality(self, pictures: Iterable[object], source: object) -> GopQuality:
        (crf,) = pictures
        return GopQuality(self._losses[cast(float, crf)])


def test_of_encodes_of_the_same_size_the_one_that_looks_best_is_kept() -> None:
    sizes = {30.0: 1_000, 29.98: 1_004, 30.02: 995, 29.96: 1_030, 30.04: 991}
    losses = {30.0: 0.20, 29.98: 0.21, 30.02: 0.18, 29.96: 0.10, 30.04: 0.19}
    target = SizeTarget(cast(SourceGop, SimpleNamespace(index=0)), Seen(losses), 1_000)
    asked: list[float] = []

    def encode(crf: float) -> CodedGop:
        asked.append(crf)
        return cast(CodedGop, Sized(sizes[crf], sizes[crf], crf))

    met = target.judged(encode(30.0))
    assert target.vary(encode, met, candidates=0) is met
    assert target.vary(encode, met, candidates=4).gop.crf == 30.02
    assert sorted(asked) == sorted(sizes)


@pytest.mark.parametrize(("room", "found"), [(1000, 1000), (700, 667), (450, 445), (100, 445)])
def test_keyframes_shrink_until_the_rest_has_room(room: int, found: int) -> None:
    tried: list[int] = []
    generated = judged_by({1000: 0.3}, tried)
    assert first_that_fits(generated, 1000, must_shrink=lambda gop: tried[-1] > room).budget == found


QUARTER = ffhybrid.SourceOptions(filters="scale=320:136")
"""Of the clip's samples."""
WHOLE = ffhybrid.SourceOptions()


@dataclass(frozen=True)
class Rated:
    """A file of three GOPs with a bitrate."""

    path: Path
    report: ffhybrid.EncodeReport
    bitrate: int
    pictures: int


@pytest.fixture(scope="module", params=["quarter", pytest.param("whole", marks=pytest.mark.slow)])
def rated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Rated:
    bitrate, pictures, source = {"quarter": (50_000, 75, QUARTER), "whole": (120_000, 150, WHOLE)}[request.param]
    path = tmp_path_factory.mktemp("rated") / "rated.mkv"
    options = ffhybrid.EncodeOptions(
        generator="thumbnail",
        generator_options={},
        rate=ffhybrid.Rate(bitrate=bitrate),
        budgets=1,
        limits=ffhybrid.GopLimits(length=pictures // 3),
        x265=ffhybrid.X265Options(preset="veryfast"),
        source=source,
        frames=pictures,
        picture_hashes=False,
        streams=ffhybrid.StreamOptions(audio=False),
    )
    return Rated(path, ffhybrid.encode(clip("bikes.mp4"), path, options=options, engine="local:1"), bitrate, pictures)


def test_the_file_has_the_asked_bitrate(rated: Rated) -> None:
    assert rated.path.stat().st_size * 8 / rated.report.seconds == pytest.approx(rated.bitrate, rel=0.02)


@pytest.mark.slow
def test_an_mp4_file_has_the_asked_bitrate_too(tmp_path: Path) -> None:
    path = tmp_path / "rated.mp4"
    options = replace(SHORT, rate=ffhybrid.Rate(bitrate=60_000), frames=50, candidates=0)
    report = ffhybrid.encode(clip("bikes.mp4"), path, options=options, engine="local:1")
    assert path.stat().st_size * 8 / report.seconds == pytest.approx(60_000, rel=0.03)


def test_gops_without_a_generated_keyframe_restore_exactly(rated: Rated, tmp_path: Path) -> None:
    assert "hevc" in {gop.generator for gop in rated.report.gops}, "thumbnails never win at this rate"
    assert ffhybrid.verify(rated.path).pictures == rated.pictures
    restored = tmp_path / "restored.mkv"
    ffhybrid.restore(rated.path, restored)
    with ffhybrid.open(rated.path) as hybrid:
        assert sum(1 for _ in hybrid.decode(video=0)) == rated.pictures


SHORT = ffhybrid.EncodeOptions(
    generator="thumbnail", x265=ffhybrid.X265Options(crf=36, preset="veryfast"), frames=16, budgets=1, source=QUARTER
)


def test_at_a_crf_too_a_keyframe_that_does_not_win_is_left_to_x265(tmp_path: Path) -> None:
    path = tmp_path / "crf.mkv"
    report = ffhybrid.encode(clip("bikes.mp4"), path, options=SHORT, engine="local:1")
    assert [(gop.generator, gop.latent, gop.crf) for gop in report.gops] == [("hevc", 0, 36.0)]
    assert ffhybrid.verify(path).pictures == 16
