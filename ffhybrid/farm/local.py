"""Jobs on this machine: in this process, or in some of its own.

A ``ProcessPoolExecutor`` will not do: one worker that dies breaks it with all its jobs, and it imports the caller's
script anew. Here a thread holds each process, starts another where one died, and knows which job it died of.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ffhybrid.core.resources import CORES, share_cores
from ffhybrid.encoder.progress import OnProgress
from ffhybrid.errors import CorruptDataError, EncoderError
from ffhybrid.farm.jobs import Job
from ffhybrid.farm.records import ERROR, JOB, LEVEL, PROGRESS, RESULT, progress_of, raised, read_record
from ffhybrid.farm.running import run_job
from ffhybrid.muxer.reading.gop_assembly import MAX_GOP_BYTES
from ffhybrid.x265.worker import write_record

MAX_ANSWER = MAX_GOP_BYTES + (64 << 20)


class InProcessEngine:
    """Runs each job when it is submitted."""

    slots = 1

    def __init__(self, scratch: Path, on_progress: OnProgress | None) -> None:
        self._scratch = scratch
        self._on_progress = on_progress

    def submit(self, job: Job) -> Future[bytes]:
        """Run a job; the future is done."""
        future: Future[bytes] = Future()
        try:
            future.set_result(run_job(job, scratch=self._scratch, on_progress=self._on_progress).to_bytes())
        except Exception as error:  # the future tells, as a process would
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Do nothing."""


class LocalEngine:
    """Processes that stay from job to job, each with its part of the cores."""

    def __init__(self, workers: int, scratch: Path, on_progress: OnProgress | None) -> None:
        self.slots = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="ffhybrid-farm")
        cores = share_cores(workers)
        self._workers = [_Worker(scratch, on_progress, cores=cores) for _ in range(workers)]
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)

    def submit(self, job: Job) -> Future[bytes]:
        """Run a job as soon as a process is free."""
        return self._threads.submit(self._run, job)

    def close(self) -> None:
        """End the processes, whatever they do."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.kill()
        self._threads.shutdown(wait=True)

    def _run(self, job: Job) -> bytes:
        worker = self._idle.get()
        try:
            return worker.run(job)
        finally:
            self._idle.put(worker)


class _Worker:
    """One process, started with its first job, and again after it died."""

    def __init__(self, scratch: Path, on_progress: OnProgress | None, *, cores: int) -> None:
        self._on_progress = on_progress
        level = logging.getLogger().getEffectiveLevel()
        self._environment = {
            **os.environ,
            CORES: str(cores),
            "TMPDIR": str(scratch.resolve()),
            LEVEL: str(level),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ended = False

    def run(self, job: Job) -> bytes:
        """Run a job.

        Raises:
            EncoderError: the process died.
            FFHybridError: whatever the job raised.
        """
        process = self._started()
        try:
            write_record(process.stdin, JOB, job.to_json())  # type: ignore[arg-type]
            process.stdin.flush()  # type: ignore[union-attr]
            answer = self._answer(process)
        except (BrokenPipeError, CorruptDataError):
            answer = None
        if answer is None:
            process.kill()
            raise EncoderError(f"{job}: its process died with exit code {process.wait()}")
        kind, data = answer
        if kind == ERROR:
            raise raised(data)
        if kind != RESULT:
            raise EncoderError(f"{job}: its process answers nonsense")
        return data

    def _answer(self, process: subprocess.Popen[bytes]) -> tuple[int, bytes] | None:
        """Read on to a result or an error, and hand on how far the job is meanwhile."""
        while True:
            record = read_record(process.stdout, most=MAX_ANSWER)  # type: ignore[arg-type]
            if record is None or record[0] != PROGRESS:
                return record
            if self._on_progress:
                self._on_progress(progress_of(record[1]))

    def kill(self) -> None:
        """End the process for good, and x265 with it."""
        self._is_ended = True
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._is_ended:
            raise EncoderError("the engine is closed")
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ffhybrid.farm.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=self._environment,
                start_new_session=True,
            )
        return self._process
