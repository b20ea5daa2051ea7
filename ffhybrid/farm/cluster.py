"""Jobs on a Dask cluster; jobs and results travel through its scheduler, sources lie on shared storage."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from pathlib import Path

from ffhybrid.core.extras import naming_extra
from ffhybrid.errors import EncoderError
from ffhybrid.farm.jobs import Job
from ffhybrid.farm.records import error_record, raised
from ffhybrid.farm.running import run_job

GPU = {"GPU": 1}
"""Resource that workers announce (``dask worker --resources GPU=1``) to get jobs for CUDA, one at a time."""
CONNECT_SECONDS = 20


class DaskEngine:
    """The workers of a scheduler.

    Raises:
        UsageError: ``dask.distributed`` is not installed.
        EncoderError: nobody answers at the address.
    """

    slots = 256
    """Enough waiting jobs for adaptive clusters to see that they should grow."""

    def __init__(self, address: str, *, on_gpu: bool) -> None:
        with naming_extra("-engine dask://...", "farm"):
            from distributed import Client
        try:
            self._client = Client(f"tcp://{address}", timeout=CONNECT_SECONDS, set_as_default=False)
        except OSError as error:
            raise EncoderError(f"-engine dask://{address}: no scheduler answers: {error}") from error
        self._logger = logging.getLogger("distributed.client")
        self._logger.addFilter(_is_brief)
        self._executor = self._client.get_executor(pure=False, resources=GPU if on_gpu else None)

    def submit(self, job: Job) -> Future[bytes]:
        """Send a job; it is cancelled when the scheduler is lost."""
        future: Future[bytes] = self._executor.submit(run_document, job.to_json())
        return future

    def close(self) -> None:
        """Take back what is not done, and leave; the cluster stays."""
        if self._client.status == "running":
            self._executor.shutdown(wait=False)
        self._client.close(timeout=CONNECT_SECONDS)
        self._logger.removeFilter(_is_brief)


def _is_brief(record: logging.LogRecord) -> bool:
    """Leave out the traceback of a lost connection, which is told in a sentence."""
    return record.exc_info is None


def run_document(document: bytes) -> bytes:
    """Run a job on a worker, which keeps the encoder, and the model, of the last one.

    Raw frames lie in the worker's own folder, which Dask removes with it, or before the next worker if it was killed.
    """
    from distributed import get_worker

    try:
        return run_job(Job.from_json(document), scratch=Path(get_worker().local_directory)).to_bytes()
    except Exception as error:  # PyAV's own exceptions do not survive pickling, not even as a context
        record = error_record(error)
    raise raised(record)
