"""A Dask cluster of this machine whose scheduler and workers are processes that can be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


class DaskCluster:
    """A scheduler and workers with a nanny each, as ``dask scheduler`` and ``dask worker`` start them."""

    def __init__(self, folder: Path, *, workers: int) -> None:
        self._folder, self._count = folder, workers
        self._number = 0
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.nannies: list[subprocess.Popen[bytes]] = []

    def engine(self) -> str:
        """Start what does not run, and give the name of the engine."""
        if self.scheduler is None or self.scheduler.poll() is not None:
            self.close()
            self._start()
        return json.loads(self._address.read_text())["address"].replace("tcp://", "dask://")

    def close(self) -> None:
        """End all of them."""
        for process in (*self.nannies, self.scheduler):
            if process is not None:
                process.terminate()
                process.wait()
        self.scheduler, self.nannies = None, []

    @property
    def _address(self) -> Path:
        return self._folder / f"scheduler-{self._number}.json"

    def _start(self) -> None:
        self._number += 1
        at = ("--scheduler-file", str(self._address), "--no-dashboard")
        self.scheduler = self._dask("scheduler", "--host", "127.0.0.1", "--port", "0", *at)
        work = ("--nthreads", "1", "--local-directory", str(self._folder), "--death-timeout", "60")
        self.nannies = [self._dask("worker", *work, *at) for _ in range(self._count)]
        while not self._is_there() and self.scheduler.poll() is None:
            time.sleep(0.1)

    def _is_there(self) -> bool:
        """Whether the scheduler has told its address; the file is there before its content."""
        return self._address.exists() and self._address.read_text().rstrip().endswith("}")

    def _dask(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(self._folder)}
        command = [sys.executable, "-P", "-m", "dask", *arguments]
        return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
