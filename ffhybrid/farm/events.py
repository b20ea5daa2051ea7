"""Events for machines, as NDJSON, and progress in ffmpeg's form."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from ffhybrid.encoder.gop_encoder import GopReport
from ffhybrid.errors import UsageError
from ffhybrid.farm.jobs import Job

PIPES = {"pipe:1": 1, "pipe:2": 2, "-": 1}
MICROSECONDS = 1_000_000


class EventLog:
    """Objects of one line each, appended to a file and flushed; None keeps none. docs/FARM.md says what is promised."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file

    @classmethod
    @contextmanager
    def open(cls, path: Path | None) -> Iterator[EventLog]:
        """Open a file to append to."""
        if path is None:
            yield cls(None)
            return
        with path.open("a", encoding="utf-8") as file:
            yield cls(file)

    def emit(self, event: str, **fields: Any) -> None:
        """Write one event, with the time."""
        if self._file is None:
            return
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **fields}
        self._file.write(json.dumps(line, allow_nan=False) + "\n")
        self._file.flush()

    def gop(self, job: Job, event: str, **fields: Any) -> None:
        """Write an event of one GOP."""
        place = job.range
        self.emit(
            event,
            file=job.path,
            gop=place.index,
            first_frame=place.first_frame,
            frames=len(place.pts),
            native_idr=job.is_native_idr,
            job=job.key,
            **fields,
        )


class ProgressWriter:
    """Blocks of ``key=value`` lines as ffmpeg's ``-progress`` writes them, one for each GOP written; None: none."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self._begin = time.monotonic()
        self._frames = self._bytes = self._end = 0

    @classmethod
    @contextmanager
    def open(cls, target: str | None) -> Iterator[ProgressWriter]:
        """Open ``pipe:1``, ``pipe:2`` or a file.

        Raises:
            UsageError: another pipe.
        """
        if target is None:
            yield cls(None)
        elif target in PIPES:
            yield cls(sys.stdout if PIPES[target] == 1 else sys.stderr)
        elif target.startswith("pipe:"):
            raise UsageError(f"-progress {target}: there are pipe:1 and pipe:2")
        else:
            with Path(target).open("w", encoding="utf-8") as file:
                yield cls(file)

    def gop(self, report: GopReport, *, seconds: float) -> None:
        """Count a GOP that ends at ``seconds`` of the output."""
        self._frames += report.pictures
        self._bytes += report.payload + report.placeholder + report.inter
        self._end = round(seconds * MICROSECONDS)
        self._write("continue")

    def end(self, file_bytes: int) -> None:
        """Say that the output is complete."""
        self._bytes = file_bytes or self._bytes
        self._write("end")

    def _write(self, progress: str) -> None:
        if self._file is None:
            return
        elapsed = max(time.monotonic() - self._begin, 1e-3)
        seconds = self._end / MICROSECONDS
        rate = f"{self._bytes * 8 / seconds / 1000:.1f}kbits/s" if seconds > 0 else "N/A"
        hours, rest = divmod(seconds, 3600)
        lines = {
            "frame": self._frames,
            "fps": f"{self._frames / elapsed:.2f}",
            "bitrate": rate,
            "total_size": self._bytes,
            "out_time_us": self._end,
            "out_time": f"{int(hours):02}:{int(rest // 60):02}:{rest % 60:09.6f}",
            "speed": f"{seconds / elapsed:.3g}x",
            "progress": progress,
        }
        self._file.writelines(f"{name}={value}\n" for name, value in lines.items())
        self._file.flush()
