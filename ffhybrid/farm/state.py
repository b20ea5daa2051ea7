"""State of a run that may break off: the plan and the results of a file, in a folder beside it."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ffhybrid.core.atomic_files import durable_write, pending_name
from ffhybrid.errors import CorruptDataError, UsageError
from ffhybrid.farm.jobs import VERSION, Job, canonical_json, options_of_gops
from ffhybrid.farm.results import Result
from ffhybrid.muxer.output import MATROSKA
from ffhybrid.options import EncodeOptions

logger = logging.getLogger(__name__)

PLAN, LOCK, WORK = "ffhybrid-plan.ndjson", ".ffhybrid-lock", ".ffhybrid-work"
"""Names that nobody else gives: users may name a folder that has files of theirs."""
JOB_SUFFIX, RESULT_SUFFIX = ".json", ".gop"

_SUFFIXES = "|".join(map(re.escape, (JOB_SUFFIX, RESULT_SUFFIX)))
_OWN = re.compile(rf"{re.escape(PLAN)}|\d{{5,}}-[0-9a-f]{{16}}({_SUFFIXES})")


def state_folder(output: Path) -> Path:
    """Where the state of an output lies unless another place is named."""
    return output.with_name(f".{output.name}.ffhybrid")


class State:
    """A folder with a plan and a file a result, each written under another name, synchronised and renamed.

    Files are trusted by their content: a plan by the identity of the source and the options in its first line, a
    result by its SHA-256 and the key of its job.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / WORK

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[State]:
        """Make the folder or go on with it, alone; raw frames that an earlier run left are removed.

        Raises:
            UsageError: another process works with it.
        """
        folder.mkdir(exist_ok=True)
        with (folder / LOCK).open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UsageError(f"{folder}: another encode is at work on this output") from error
            state = cls(folder)
            shutil.rmtree(state.work, ignore_errors=True)
            state.remove_pending()
            state.work.mkdir()
            try:
                yield state
            finally:
                shutil.rmtree(state.work, ignore_errors=True)
                state.remove_if_empty()

    @classmethod
    @contextmanager
    def temporary(cls) -> Iterator[State]:
        """Make a folder for what nobody resumes, a pipe."""
        with tempfile.TemporaryDirectory(prefix="ffhybrid-") as name, cls.open(Path(name)) as state:
            yield state

    def plan(self, key: str) -> list[Job] | None:
        """Give the jobs of a plan that an earlier run completed; None where there is none, or one of another key."""
        try:
            head, *lines = (self.folder / PLAN).read_bytes().splitlines()
            if head.decode() == key:
                return [Job.from_json(line) for line in lines]
        except FileNotFoundError:
            return None
        except (CorruptDataError, ValueError) as error:
            logger.warning("%s: the plan is made anew: %s", self.folder, error)
        return None

    def keep_plan(self, key: str, jobs: Iterable[Job]) -> None:
        """Write a complete plan."""
        durable_write(self.folder / PLAN, b"".join(line + b"\n" for line in (key.encode(), *map(Job.to_json, jobs))))

    def keep_job(self, job: Job) -> Path:
        """Write a job for whoever runs it; its result belongs beside it, with the suffix ``.gop``."""
        path = self.folder / f"{job.name}{JOB_SUFFIX}"
        durable_write(path, job.to_json())
        return path

    def result(self, job: Job) -> Result | None:
        """Give the result of a job if it is there and whole."""
        try:
            return Result.from_bytes(self._result(job).read_bytes(), job)
        except FileNotFoundError:
            return None
        except CorruptDataError as error:
            logger.warning("%s; the job is run again", error)
            return None

    def keep_result(self, job: Job, data: bytes) -> None:
        """Write the bytes of a result."""
        durable_write(self._result(job), data)

    def remove(self) -> None:
        """Remove plan, jobs and results, since the output is complete; the folder goes when it is left."""
        for path in [path for path in self.folder.iterdir() if _OWN.fullmatch(path.name)]:
            path.unlink(missing_ok=True)

    def remove_pending(self) -> None:
        """Remove what a killed process had not finished writing."""
        for path in self.folder.iterdir():
            name = pending_name(path)
            if name and _OWN.fullmatch(name):
                path.unlink(missing_ok=True)

    def remove_if_empty(self) -> None:
        """Remove a folder that has nothing to go on with."""
        if [path.name for path in self.folder.iterdir()] == [LOCK]:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _result(self, job: Job) -> Path:
        return self.folder / f"{job.name}{RESULT_SUFFIX}"


def plan_key(source: Path, options: EncodeOptions, container: str = MATROSKA) -> str:
    """Identity of a plan: path, size and time of change of the source, options that matter, container and version."""
    stat = source.stat()
    identity = (
        VERSION,
        str(source.resolve()),
        stat.st_size,
        stat.st_mtime_ns,
        options.frames,
        options.limits,
        options_of_gops(options),
        container,
    )
    return hashlib.sha256(canonical_json(identity)).hexdigest()
