"""Working on several items at once, with results in order and few of them held."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def usable_cores() -> int:
    """Count the cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def in_order(items: Iterable[T], work: Callable[[T], R], *, threads: int) -> Generator[R, None, None]:
    """Yield ``work(item)`` for every item, in order, with ``threads`` of them under way and as many waiting.

    Items are taken, and results given, in the caller's thread. The first error ends it, as does closing the iterator:
    what is under way is then waited for, the rest is dropped.
    """
    pending: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ffhybrid")
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            while pending and (len(pending) > threads or pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
