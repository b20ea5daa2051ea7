"""Files of a wanted size: few encodes, the nearest one kept, nothing left behind."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from ffhybrid.compare.size_search import MOST_PROBES, TOLERANCE, SizeSearch


def crf_search() -> SizeSearch:
    return SizeSearch(low=0, high=51, step=0.01, slope=-0.115)


def encoder(size: Callable[[float], float], asked: list[float]) -> Callable[[float, Path], None]:
    def encode(value: float, path: Path) -> None:
        asked.append(value)
        path.write_bytes(bytes(round(size(value))))

    return encode


@pytest.mark.parametrize("slope", [-0.07, -0.115, -0.2])
@pytest.mark.parametrize("wanted", [3_000, 50_000])
def test_a_size_is_met_in_a_few_encodes(tmp_path: Path, slope: float, wanted: int) -> None:
    asked: list[float] = []
    encode = encoder(lambda crf: 1000 + (wanted - 1000) * math.exp(slope * (crf - 38)), asked)
    met = crf_search().meet(encode, tmp_path / "file", wanted, first=34)
    assert (tmp_path / "file").stat().st_size == pytest.approx(wanted, rel=1.01 * TOLERANCE)
    assert met.encodes == len(asked) <= 6
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_other_sizes_of_the_same_clip_profit(tmp_path: Path) -> None:
    asked: list[float] = []
    search, encode = crf_search(), encoder(lambda crf: 200_000 * math.exp(-0.1 * crf), asked)
    search.meet(encode, tmp_path / "one", 4_000, first=34)
    search.meet(encode, tmp_path / "two", 16_000, first=34)
    assert search.meet(encode, tmp_path / "between", 8_000, first=34).encodes == 1


def test_of_coarse_steps_the_nearest_is_kept(tmp_path: Path) -> None:
    asked: list[float] = []
    search = SizeSearch(low=0, high=63, step=1, slope=-0.1)
    encode = encoder(lambda crf: 100_000 * math.exp(-0.1 * crf), asked)
    met = search.meet(encode, tmp_path / "file", 6_000, first=20)
    assert met.value == round(10 * math.log(100_000 / 6_000))
    assert len(set(asked)) == len(asked)


def test_sizes_that_waver_are_met_nevertheless(tmp_path: Path) -> None:
    """x265's sizes go up and down by a per cent between neighbouring CRFs."""
    asked: list[float] = []
    encode = encoder(lambda crf: 200_000 * math.exp(-0.1 * crf + 0.01 * math.sin(997 * crf)), asked)
    crf_search().meet(encode, tmp_path / "file", 9_000, first=34)
    assert (tmp_path / "file").stat().st_size == pytest.approx(9_000, rel=0.01)
    assert len(asked) <= MOST_PROBES


def test_a_size_beyond_reach_gives_the_nearest(tmp_path: Path) -> None:
    asked: list[float] = []
    met = crf_search().meet(encoder(lambda crf: 1e6 - crf, asked), tmp_path / "file", 500, first=34)
    assert met.value == 51
    assert len(asked) <= 3
