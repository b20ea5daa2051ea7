"""Memory of processes, seen from a thread while something else goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psutil

INTERVAL = 0.05
"""Seconds between two looks."""


class MemoryMeter:
    """Samples what ``read`` gives, in bytes; a context manager."""

    def __init__(self, read: Callable[[], int]) -> None:
        self.samples: list[int] = []
        self._read = read
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> MemoryMeter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(INTERVAL):
            self.samples.append(self._read())


def own() -> int:
    """Bytes of this process."""
    return _resident(psutil.Process())


def of_children() -> int:
    """Bytes of all processes below this one."""
    return sum(map(_resident, psutil.Process().children(recursive=True)))


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
