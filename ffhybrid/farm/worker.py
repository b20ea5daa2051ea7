"""A process that runs jobs of its parent, one after the other: ``python -m ffhybrid.farm.worker``.

It reads jobs from standard input, and writes how far each is, and then a result or an error, to standard output, in
records (:func:`ffhybrid.x265.worker.write_record`). It ends with its parent, whatever ended that: a read from standard
input ends then, even while a job runs.
"""

from __future__ import annotations

import io
import logging
import os
import queue
import sys
import threading
from typing import BinaryIO

from ffhybrid.encoder.progress import GopProgress
from ffhybrid.farm.jobs import MAX_DOCUMENT, Job
from ffhybrid.farm.records import ERROR, LEVEL, PROGRESS, RESULT, error_record, progress_record, read_record
from ffhybrid.farm.running import run_job
from ffhybrid.x265.worker import write_record


def serve(source: BinaryIO, answers: BinaryIO) -> None:
    """Run the jobs that come until there are no more."""
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(source, jobs), daemon=True).start()

    def tell(progress: GopProgress) -> None:
        write_record(answers, PROGRESS, progress_record(progress))
        answers.flush()

    while True:
        data = jobs.get()
        try:
            kind, answer = RESULT, run_job(Job.from_json(data), on_progress=tell).to_bytes()
        except Exception as error:  # the parent decides what becomes of a job, whatever went wrong
            logging.getLogger(__name__).debug("a job failed", exc_info=True)
            kind, answer = ERROR, error_record(error)
        write_record(answers, kind, answer)
        answers.flush()


def _listen(source: BinaryIO, jobs: queue.SimpleQueue[bytes]) -> None:
    """Hand jobs on, and end the process with its parent; a job that runs has nobody to report to."""
    while True:
        record = read_record(source, most=MAX_DOCUMENT)
        if record is None:
            os._exit(0)
        jobs.put(record[1])


def main() -> None:
    """Serve the parent; whatever libraries print goes to standard error."""
    logging.basicConfig(level=int(os.environ.get(LEVEL, logging.WARNING)), format="%(message)s")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(io.BufferedReader(io.FileIO(sys.stdin.fileno())), answers)


if __name__ == "__main__":
    main()
