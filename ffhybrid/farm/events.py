"""Events for machines, as NDJSON, and progress in ffmpeg's form."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from ffhybrid.encoder.gop_encoder import GopReport
from ffhybrid.encoder.progress import GopProgress
from ffhybrid.errors import UsageError
from ffhybrid.farm.jobs import Job

logger = logging.getLogger(__name__)

PIPES = {"pipe:1": 1, "pipe:2": 2, "-": 1}
MICROSECONDS = 1_000_000
PERIOD, HEARTBEAT = 1.0, 5.0
"""Seconds after which what is new is written, and what is known already is written again."""


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
    """Blocks of ``key=value`` lines as ffmpeg's ``-progress`` writes them; None writes none. A context manager.

    There is one for each GOP written. Between them a thread writes what is new, once a second at most, and every
    :data:`HEARTBEAT` seconds the latest that is known.
    """

    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self._begin = self._written = time.monotonic()
        self._frames = self._bytes = self._end = 0
        self._latest: GopProgress | None = None
        self._is_new = False
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="ffhybrid-progress", daemon=True)

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
            with cls(sys.stdout if PIPES[target] == 1 else sys.stderr) as writer:
                yield writer
        elif target.startswith("pipe:"):
            raise UsageError(f"-progress {target}: there are pipe:1 and pipe:2")
        else:
            with Path(target).open("w", encoding="utf-8") as file, cls(file) as writer:
                yield writer

    def __enter__(self) -> ProgressWriter:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._is_over.wait(PERIOD):
            with self._lock:
                if not self._is_new and time.monotonic() - self._written < HEARTBEAT:
                    continue
                try:
                    self._write("continue")
                except OSError as error:
                    # Whoever writes the next GOP meets it too, and can tell the user.
                    logger.debug("progress is not written any more: %s", error)
                    return

    def stage(self, progress: GopProgress) -> None:
        """Note how far a GOP is; from any thread."""
        with self._lock:
            self._latest, self._is_new = progress, True

    def gop(self, report: GopReport, *, seconds: float) -> None:
        """Count a GOP that ends at ``seconds`` of the output."""
        with self._lock:
            self._frames += report.pictures
            self._bytes += report.payload + report.placeholder + report.inter
            self._end = round(seconds * MICROSECONDS)
            self._write("continue")

    def end(self, file_bytes: int) -> None:
        """Say that the output is complete; nothing is written after that."""
        with self._lock:
            self._is_over.set()
            self._bytes = file_bytes or self._bytes
            self._latest = None
            self._write("end")

    def _write(self, progress: str) -> None:
        if self._file is None:
            return
        now = time.monotonic()
        elapsed = max(now - self._begin, 1e-3)
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
            **(_stage_lines(self._latest) if self._latest else {}),
            "progress": progress,
        }
        self._file.writelines(f"{name}={value}\n" for name, value in lines.items())
        self._file.flush()
        self._written, self._is_new = now, False


def _stage_lines(latest: GopProgress) -> dict[str, object]:
    """Say what the GOP does that told last."""
    lines = {
        "gop": latest.gop,
        "gop_stage": latest.stage,
        "gop_stage_done": latest.done,
        "gop_stage_of": latest.of,
        "gop_frame": latest.frame,
        "gop_size": latest.size,
        "gop_psnr": None if latest.psnr is None else f"{latest.psnr:.2f}",
        "gop_lpips": None if latest.lpips is None else f"{latest.lpips:.4f}",
        "gop_reached": None if latest.reached is None else f"{latest.reached:.4f}",
    }
    return {name: "N/A" if value is None else value for name, value in lines.items()}
