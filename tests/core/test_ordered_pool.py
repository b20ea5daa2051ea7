"""Several items at a time: order, bounds, errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from ffhybrid.core.ordered_pool import in_order


def test_results_come_in_order_however_long_each_takes() -> None:
    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item * item

    assert list(in_order(range(40), work, threads=4)) == [item * item for item in range(40)]


def test_few_items_are_held() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(100):
            taken += 1
            yield item

    for given, _ in enumerate(in_order(items(), lambda item: item, threads=2), start=1):
        assert taken - given <= 3


def test_items_are_worked_on_at_once() -> None:
    both = threading.Barrier(2, timeout=10)
    assert len(list(in_order(range(2), lambda _: both.wait(), threads=2))) == 2


def test_the_first_error_ends_it() -> None:
    started: list[int] = []

    def work(item: int) -> int:
        started.append(item)
        if item == 3:
            raise ValueError("three")
        return item

    results = in_order(range(1000), work, threads=2)
    with pytest.raises(ValueError, match="three"):
        list(results)
    assert len(started) < 10


def test_closing_waits_for_what_is_under_way() -> None:
    under_way = threading.Event()
    finished: list[int] = []

    def work(item: int) -> int:
        if item == 0:
            assert under_way.wait(10)
        if item == 1:
            under_way.set()
            time.sleep(0.05)
        finished.append(item)
        return item

    results = in_order(iter(range(1000)), work, threads=2)
    assert next(results) == 0
    results.close()
    assert 1 in finished
    assert len(finished) < 10
