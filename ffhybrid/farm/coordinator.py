"""Having jobs run until every one has a result or has failed for good; what is done is never done again."""

from __future__ import annotations

import errno
import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from ffhybrid.encoder.progress import GopProgress, OnProgress, Stage
from ffhybrid.errors import EncoderError, ModelError, UnsupportedError, UsageError
from ffhybrid.farm.engines import Engine
from ffhybrid.farm.events import EventLog
from ffhybrid.farm.jobs import Job
from ffhybrid.farm.results import Result
from ffhybrid.farm.state import State

logger = logging.getLogger(__name__)

ATTEMPTS = 3
HOPELESS = (ModelError, UnsupportedError, UsageError)
"""Errors that every GOP would meet."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class OnError(StrEnum):
    """What becomes of a GOP that cannot be encoded."""

    STOP = "stop"
    """The others are encoded, then the file fails."""
    KEYFRAME = "keyframe"
    """It keeps x265's own keyframe."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    job: Job
    number: int


class Coordinator:
    """Runs the jobs of one file on an engine; results go through its state.

    ``on_progress`` hears of every job that is given to the engine, before that.
    """

    def __init__(
        self,
        engine: Engine,
        state: State,
        events: EventLog,
        *,
        on_error: OnError,
        on_progress: OnProgress | None = None,
    ) -> None:
        self._engine = engine
        self._state = state
        self._events = events
        self._on_error = on_error
        self._on_progress = on_progress
        self._begun = self._finished = 0
        self._under_way: dict[Future[bytes], _Attempt] = {}
        self._done: dict[int, Job] = {}
        self._failures: dict[int, str] = {}

    def results(self, jobs: Iterable[Job]) -> Iterator[Result]:
        """Yield the results in the order of their jobs, each once it and all before it are there.

        Jobs are taken as the engine has room for them, and one result at a time is in memory.

        Raises:
            EncoderError: GOPs failed, all others are encoded by then; or the scheduler is lost.
            ModelError, UnsupportedError, UsageError: what every GOP would meet.
            OSError: results cannot be kept.
        """
        order: deque[Job] = deque()
        for job in jobs:
            order.append(job)
            self._begin(job)
            while len(self._under_way) >= self._engine.slots:
                self._collect()
            yield from self._due(order)
        while self._under_way:
            self._collect()
            yield from self._due(order)
        if self._failures:
            listed = "; ".join(message for _, message in sorted(self._failures.items()))
            raise EncoderError(f"{len(self._failures)} of the GOPs cannot be encoded: {listed}")

    def _begin(self, job: Job) -> None:
        """Take a result that an earlier run left, or have the job run."""
        self._begun += 1
        candidates = [job]
        if self._on_error is OnError.KEYFRAME:
            candidates.append(_as_native_idr(job))
        for candidate in candidates:
            result = self._state.result(candidate)
            if result is not None:
                self._note(candidate, result, attempt=0)
                return
        self._submit(_Attempt(job, 1))

    def _submit(self, attempt: _Attempt) -> None:
        if self._on_progress:
            index, done = attempt.job.range.index, self._finished
            self._on_progress(GopProgress(gop=index, stage=Stage.QUEUE, done=done, of=self._begun))
        self._under_way[self._engine.submit(attempt.job)] = attempt

    def _due(self, order: deque[Job]) -> Iterator[Result]:
        """Yield results whose turn it is."""
        while order and order[0].range.index in self._done:
            job = self._done.pop(order.popleft().range.index)
            result = self._state.result(job)
            if result is None:
                raise EncoderError(f"{job}: its result was taken out of {self._state.folder}")
            yield result

    def _collect(self) -> None:
        """Wait for a job, keep its result, or see what becomes of it."""
        done, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
        for future in done:
            attempt = self._under_way.pop(future)
            try:
                data = future.result()
                result = Result.from_bytes(data, attempt.job)
            except CancelledError as error:
                raise EncoderError(f"{attempt.job}: the scheduler is lost; start again to go on from here") from error
            except Exception as error:  # an engine hands on whatever a job raised
                self._failed(attempt, error)
            else:
                self._state.keep_result(attempt.job, data)
                self._note(attempt.job, result, attempt=attempt.number)

    def _note(self, job: Job, result: Result, *, attempt: int) -> None:
        """Say that a GOP is done; attempt 0 is an earlier run's."""
        self._done[job.range.index] = job
        self._finished += 1
        gop, seconds = result.report.gop, result.report.seconds
        size = gop.payload + gop.placeholder + gop.inter
        logger.info("%s: %d bytes, %.1f s%s", job, size, seconds, "" if attempt else ", from an earlier run")
        facts = {"bytes": size, "seconds": seconds, "generator": gop.generator, "crf": gop.crf, "reached": gop.reached}
        self._events.gop(job, "gop", **facts, attempt=attempt, environment=asdict(result.report.environment))

    def _failed(self, attempt: _Attempt, error: Exception) -> None:
        """Try a job again, or give it up."""
        job = attempt.job
        if isinstance(error, HOPELESS) or (isinstance(error, OSError) and error.errno in _FULL):
            raise error
        message = str(error) if str(job) in str(error) else f"{job}: {error or type(error).__name__}"
        if attempt.number < ATTEMPTS:
            logger.warning("%s; it is tried again", message)
            self._events.gop(job, "retry", attempt=attempt.number, error=message)
            self._submit(_Attempt(job, attempt.number + 1))
        elif self._on_error is OnError.KEYFRAME and not job.is_native_idr:
            logger.warning("%s; it keeps a native IDR picture", message)
            self._events.gop(job, "retry", attempt=attempt.number, error=message)
            self._submit(_Attempt(_as_native_idr(job), 1))
        else:
            logger.error("%s; given up after %d attempts", message, attempt.number)
            self._events.gop(job, "failed", attempt=attempt.number, error=message)
            self._failures[job.range.index] = message


def _as_native_idr(job: Job) -> Job:
    return replace(job, is_native_idr=True)
