"""Which of x265's two is the peer, and what stands between curves."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ffhybrid.compare.curves import at_rate, better_peer, by_codec, deltas, metrics_of
from ffhybrid.compare.results import RatePoint
from ffhybrid.panel import Panel
from ffhybrid.panel.values import Series


def point(codec: str, bitrate: int, lpips: float | None, *, vmaf: float = 50.0, size: int | None = None) -> RatePoint:
    found = {
        "psnr": Series(values=(30.0, 32.0)),
        "ssim": Series(values=(0.9, 0.9)),
        "vmaf": Series(values=(vmaf, vmaf)),
    }
    if lpips is not None:
        found["lpips"] = Series(values=(lpips, lpips))
    return RatePoint(
        key=f"{codec}-{bitrate}",
        codec=codec,
        bitrate=bitrate,
        seconds=8.0,
        stream="",
        size=size or bitrate,
        split={},
        types="IB",
        settings={},
        control="",
        encodes=1,
        encode_seconds=1.0,
        restore_seconds=None,
        panel=Panel.of(found, interval=8),
    )


TWO = [
    point("x265", 100_000, 0.4),
    point("x265-best", 100_000, 0.3),
    point("x265", 200_000, 0.2),
    point("x265-best", 200_000, 0.25),
]


def test_the_peer_is_the_better_one_at_each_rate() -> None:
    assert [peer.codec for peer in better_peer(TWO)] == ["x265-best", "x265"]


def test_without_lpips_vmaf_decides() -> None:
    points = [point("x265", 1000, None, vmaf=40), point("x265-best", 1000, None, vmaf=45)]
    assert metrics_of(points) == ("vmaf", "psnr", "ssim")
    assert [peer.codec for peer in better_peer(points)] == ["x265-best"]


def test_deltas_hold_every_codec_against_the_peer() -> None:
    hybrid = [point("hybrid", 100_000, 0.27), point("hybrid", 200_000, 0.18)]
    rows = {row.codec: row for row in deltas([*hybrid, *TWO])}
    assert list(rows) == ["hybrid", "x265", "x265-best"]
    assert rows["hybrid"].values["lpips"].value == pytest.approx(-0.1 * (0.3 + 0.2) / 2)
    assert deltas(hybrid) == []


def test_points_are_sorted_by_rate_within_codecs_in_their_order() -> None:
    mixed = by_codec([TWO[2], TWO[1], TWO[0]])
    assert list(mixed) == ["x265", "x265-best"]
    assert [chosen.bitrate for chosen in mixed["x265"]] == [100_000, 200_000]


def test_between_points_quality_goes_straight_over_the_logarithm_of_the_rate() -> None:
    values = {100_000: 0.4, 200_000: 0.3}
    assert at_rate(values, 100_000 * math.sqrt(2)) == pytest.approx(0.35)
    assert at_rate(values, 97_000) == pytest.approx(0.4 - 0.1 * math.log2(0.97))


def test_keyframes_are_told_from_other_pictures_as_far_as_a_metric_looked_at_them() -> None:
    found = {"psnr": Series(values=(40.0, 31.0, 33.0, 41.0)), "dists": Series(values=(0.1, 0.2))}
    looked = replace(TWO[0], types="IBPI", panel=Panel.of(found, interval=2))
    assert looked.mean_of("psnr", "I") == pytest.approx(40.5)
    assert looked.mean_of("psnr", "PB") == pytest.approx(32)
    assert looked.mean_of("dists", "PB") == pytest.approx(0.2)
    assert math.isnan(looked.mean_of("dists", "B"))
    assert math.isnan(looked.mean_of("cvvdp", "I"))
