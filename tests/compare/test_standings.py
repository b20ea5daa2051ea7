"""Who is best: winners of every column, ties, and what nobody can say."""

from __future__ import annotations

from dataclasses import replace

from ffhybrid.compare.results import RatePoint
from ffhybrid.compare.standings import NOTHING, standings
from ffhybrid.panel import Panel
from ffhybrid.panel.values import Series

POINT = RatePoint(
    key="",
    codec="",
    bitrate=0,
    seconds=8.0,
    stream="",
    size=1000,
    split={},
    settings={},
    control="",
    encodes=1,
    encode_seconds=1.0,
    restore_seconds=None,
    types="",
    panel=Panel.of({}, interval=1),
)


def point(codec: str, bitrate: int, **series: Series) -> RatePoint:
    return replace(POINT, codec=codec, bitrate=bitrate, panel=Panel.of(series, interval=1))


def lpips(*values: float, places: tuple[float, ...] = (0.5,)) -> Series:
    return Series(values=values, places=places)


def psnr(*values: float) -> Series:
    return Series(values=values)


def test_the_best_of_each_column_goes_by_its_direction_and_by_rate() -> None:
    points = [
        point("hybrid", 200, lpips=lpips(0.1), psnr=psnr(33)),
        point("hybrid", 100, lpips=lpips(0.2), psnr=psnr(30)),
        point("x265", 100, lpips=lpips(0.3), psnr=psnr(31)),
        point("x265", 200, lpips=lpips(0.05), psnr=psnr(32)),
    ]
    mean = standings(points)[0]
    assert [metric.name for metric in mean.metrics] == ["lpips", "psnr"]
    assert [[row.point.codec for row in rows] for rows in mean.rates] == [["hybrid", "x265"]] * 2
    best = [[[cell.is_best for cell in row.cells] for row in rows] for rows in mean.rates]
    assert best == [[[True, False], [False, True]], [[False, True], [True, False]]]


def test_means_and_the_worst_can_have_other_winners_and_only_some_metrics_know_places() -> None:
    even = point("even", 100, lpips=lpips(0.3, 0.3, places=(0.4, 0.4)), psnr=psnr(30, 30))
    torn = point("torn", 100, lpips=lpips(0.1, 0.4, places=(0.1, 0.9)), psnr=psnr(36, 26))
    tables = standings([even, torn])
    assert [table.pooling.name for table in tables] == ["mean", "worst-frames", "worst-places"]
    assert [[metric.name for metric in table.metrics] for table in tables] == [["lpips", "psnr"]] * 2 + [["lpips"]]
    winners = [[row.point.codec for row in table.rates[0] if row.cells[0].is_best] for table in tables]
    assert winners == [["torn"], ["even"], ["even"]]
    assert tables[2].rates[0][1].cells[0].text == "0.9000"


def test_equal_figures_are_both_the_best() -> None:
    table = standings([point("one", 100, psnr=psnr(30.001)), point("other", 100, psnr=psnr(30.002))])[0]
    assert [row.cells[0].is_best for row in table.rates[0]] == [True, True]


def test_nobody_is_best_alone_or_beside_what_is_not_known() -> None:
    alone = standings([point("one", 100, psnr=psnr(30))])[0]
    assert not alone.rates[0][0].cells[0].is_best
    known, unknown = standings([point("one", 100, psnr=psnr(30), vmaf=psnr(80)), point("other", 100, psnr=psnr(29))])[
        0
    ].rates[0]
    assert [cell.text for cell in unknown.cells] == [NOTHING, "29.00"]
    assert [cell.is_best for cell in known.cells] == [False, True]
