"""Working on several items at once, with results in order and few of them held."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ffhybrid.core.resources import share_cores, take_share

T = TypeVar("T")
R = TypeVar("R")


def in_order(items: Iterable[T], work: Callable[[T], R], *, threads: int) -> Generator[R, None, None]:
    """Yield ``work(item)`` for every item, in order, with ``threads`` of them under way and as many waiting.

    Each thread has its part of the caller's cores (:func:`~ffhybrid.core.resources.usable_cores`), so that threads of
    what it runs are not beyond them. Items are taken, and results given, in the caller's thread. The first error ends
    it, as does closing the iterator: what is under way is then waited for, the rest is dropped.
    """
    pending: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(
        threads, thread_name_prefix="ffhybrid", initializer=take_share, initargs=(share_cores(threads),)
    )
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            while pending and (len(pending) > threads or pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
