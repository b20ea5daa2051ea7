"""Engines: where jobs run, by the name that ``-engine`` gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from ffhybrid.core.picture import PictureSpec
from ffhybrid.core.resources import available_memory, usable_cores
from ffhybrid.encoder.progress import OnProgress
from ffhybrid.errors import UsageError
from ffhybrid.farm.jobs import Job
from ffhybrid.farm.local import InProcessEngine, LocalEngine
from ffhybrid.options import EncodeOptions

LOCAL, IN_PROCESS = "local", "local:1"
DASK = re.compile(r"dask://(?P<address>[^/\s]+:\d+)")
BASE_BYTES = 700 << 20
"""Memory of a worker with torch, beside what grows with the picture. With ``overfit`` one was seen to take 470 MiB in
all for 352x288 and 824 MiB for 960x540."""
FRAMES_HELD = 100
"""Pictures that x265 holds at a time: its look-ahead, and references."""
FIT_BYTES_PER_SAMPLE = 1500
"""Memory of a fit for each luma sample."""
WITHOUT_FIT = "thumbnail"


class Engine(Protocol):
    """Runs jobs; ``slots`` of them at a time."""

    @property
    def slots(self) -> int:
        """How many jobs are worth submitting before the first of them is done."""

    def submit(self, job: Job) -> Future[bytes]:
        """Have a job run; the future gives :meth:`ffhybrid.farm.results.Result.to_bytes`, or the job's error."""

    def close(self) -> None:
        """Abandon what is under way."""


def check_engine(name: str) -> None:
    """See that an engine has a name that :func:`open_engine` knows.

    Raises:
        UsageError: it has not.
    """
    kind, _, count = name.partition(":")
    if DASK.fullmatch(name) or name == LOCAL or (kind == LOCAL and count.isdigit() and int(count)):
        return
    raise UsageError(f"-engine {name}: there are local, local:N and dask://HOST:PORT")


@contextmanager
def open_engine(
    name: str, scratch: Path, options: EncodeOptions, spec: PictureSpec, *, on_progress: OnProgress | None
) -> Iterator[Engine]:
    """Start an engine: ``local[:N]``, or ``dask://HOST:PORT``.

    Args:
        name: of the engine.
        scratch: folder for raw frames of jobs on this machine.
        options: of the jobs.
        spec: of their pictures.
        on_progress: hears how far GOPs are, from several threads; clusters do not tell.

    Raises:
        UsageError: there is no such engine, or what it takes is not installed.
    """
    check_engine(name)
    with closing(_engine(name, scratch, options, spec, on_progress)) as engine:
        yield engine


def _engine(
    name: str, scratch: Path, options: EncodeOptions, spec: PictureSpec, on_progress: OnProgress | None
) -> Engine:
    remote = DASK.fullmatch(name)
    if remote:
        from ffhybrid.farm.cluster import DaskEngine

        return DaskEngine(remote["address"], on_gpu=_is_on_gpu(options))
    _, _, count = name.partition(":")
    workers = int(count) if count else default_workers(spec, options)
    return LocalEngine(workers, scratch, on_progress) if workers > 1 else InProcessEngine(scratch, on_progress)


def default_workers(spec: PictureSpec, options: EncodeOptions) -> int:
    """Count the processes that there are cores and memory for; one has the GPU for itself.

    Raises:
        UsageError: nothing says how much memory there is.
    """
    if _is_on_gpu(options):
        return 1
    memory = available_memory()
    if memory is None:
        raise UsageError("nothing says how much memory is available here: give -engine local:N")
    samples = spec.width * spec.height
    needed = BASE_BYTES + FRAMES_HELD * samples * 3 // 2 * (1 if spec.bit_depth == 8 else 2)
    if options.generator != WITHOUT_FIT:
        needed += FIT_BYTES_PER_SAMPLE * samples
    return max(1, min(usable_cores() // options.fit_threads, memory // needed))


def _is_on_gpu(options: EncodeOptions) -> bool:
    return options.generator_options.get("device") == "cuda"
