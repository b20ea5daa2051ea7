"""Cores and memory that this process may use: affinity, quotas and limits of its cgroups (v1 and v2), its own share.

A container sees all of its host's processors and memory in ``/proc``; what it may use of them is what its cgroup and
the groups above it leave. The kernel intersects affinity with cpusets by itself.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ffhybrid.errors import UsageError

CORES = "FFHYBRID_CORES"
"""Environment variable with the most cores of this process, where its parent has several such ones."""
ROOT = Path("/")
"""Where ``proc`` and ``sys`` lie."""

_of_thread = threading.local()


def usable_cores() -> int:
    """Count the cores that this thread may keep busy; half a core of a quota is one more, and one is the least.

    Raises:
        UsageError: :data:`CORES` is no number.
    """
    share: int | None = getattr(_of_thread, "share", None)
    return _cores_of_process() if share is None else share


def share_cores(threads: int) -> int:
    """Divide the cores of this thread by a number of threads: what each of them may keep busy, one at least."""
    return max(1, usable_cores() // threads)


def take_share(cores: int) -> None:
    """Let this thread have so many cores from now on, as :func:`usable_cores` will say to whatever runs in it."""
    _of_thread.share = cores


def available_memory() -> int | None:
    """Give the bytes that this process can have without swapping or reaching a limit; None where no system says."""
    free = [_bytes_available(), *_bytes_left()]
    known = [size for size in free if size is not None]
    return max(0, min(known)) if known else None


def _cores_of_process() -> int:
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    given = os.environ.get(CORES)
    if given is not None:
        if not given.isdigit() or not int(given):
            raise UsageError(f"{CORES}={given}: it takes a number of cores")
        cores = min(cores, int(given))
    return max(1, min([cores, *map(math.ceil, _quotas())]))


def _quotas() -> Iterator[float]:
    """Give the cores that groups may keep busy on average."""
    for folder in _groups("cpu"):
        words = _words(folder / "cpu.max")
        if not words:
            words = _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")
        if len(words) == 2 and words[0].isdigit() and int(words[1]):
            yield int(words[0]) / int(words[1])


def _bytes_available() -> int | None:
    return _field(ROOT / "proc/meminfo", "MemAvailable:", unit=1 << 10)


def _bytes_left() -> Iterator[int]:
    """Give what limits of groups leave; the cache of files that nobody uses makes room."""
    for folder in _groups("memory"):
        limits = [_number(folder / name) for name in ("memory.max", "memory.high", "memory.limit_in_bytes")]
        known = [limit for limit in limits if limit is not None]
        used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes") or 0
        stat = folder / "memory.stat"
        cache = _field(stat, "total_inactive_file") or _field(stat, "inactive_file") or 0
        if known:
            yield min(known) - max(0, used - cache)


def _groups(controller: str) -> Iterator[Path]:
    """Give the folders of the groups that this process is in, of one controller, from its own up to the root.

    Inside a container its own group may be mounted as the root of all, while ``/proc/self/cgroup`` has the host's path:
    folders that are not there are passed over.
    """
    mounted = ROOT / "sys/fs/cgroup"
    for line in _lines(ROOT / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        tops = [mounted / controllers, mounted / controller] if controllers else [mounted]
        top = next((folder for folder in tops if folder.is_dir()), None)
        if top is not None:
            own = PurePosixPath(path.lstrip("/")) if ".." not in path else PurePosixPath()
            yield from (top / group for group in (own, *own.parents) if (top / group).is_dir())


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


def _number(path: Path) -> int | None:
    """Read a number; None where there is no file, or no limit ("max")."""
    words = _words(path)
    return int(words[0]) if words and words[0].isdigit() else None


def _field(path: Path, name: str, *, unit: int = 1) -> int | None:
    """Read a field of a file with a name and a number a line."""
    return next((int(line.split()[1]) * unit for line in _lines(path) if line.split()[:1] == [name]), None)
