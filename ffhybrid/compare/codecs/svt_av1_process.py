"""Keeping SVT-AV1 from changing the process that it runs in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_LOG, _QUIET = "SVT_LOG", "1"


@contextmanager
def contained() -> Iterator[None]:
    """Encode by SVT-AV1 within: what the calling thread and its children are is what they were.

    SVT-AV1 writes its settings to standard error unless the environment says otherwise. Where it may, as root, it makes
    the thread that opens it a real-time one, which other processes then wait for.
    """
    os.environ.setdefault(_LOG, _QUIET)
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)
