"""Encoding a file: plan its GOPs, have each encoded as a job, write them in their order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from os import PathLike
from pathlib import Path

from ffhybrid.core.atomic_files import PIPE, remove_pending
from ffhybrid.core.picture import PictureSpec
from ffhybrid.encoder.gop_encoder import GopReport
from ffhybrid.encoder.modes import encoder_for, settled
from ffhybrid.encoder.options import EncodeMode
from ffhybrid.encoder.progress import GopProgress, OnProgress
from ffhybrid.errors import UsageError
from ffhybrid.farm.coordinator import Coordinator, OnError
from ffhybrid.farm.engines import IN_PROCESS, LOCAL, Engine, check_engine, open_engine
from ffhybrid.farm.events import EventLog, ProgressWriter
from ffhybrid.farm.gop_writer import GopWriter
from ffhybrid.farm.jobs import VERSION, Job
from ffhybrid.farm.planning import jobs_of, kept_jobs_of, open_source
from ffhybrid.farm.state import State, state_folder
from ffhybrid.muxer.output import Output, PendingOutput
from ffhybrid.options import EncodeOptions
from ffhybrid.source.video import SourceInfo, VideoSource


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeReport:
    """All GOPs of a file, and the bytes of the file itself (0 on a pipe)."""

    gops: tuple[GopReport, ...]
    file_bytes: int
    seconds: float


def encode(
    source: str | PathLike[str],
    output: str | PathLike[str],
    *,
    options: EncodeOptions | None = None,
    overwrite: bool = False,
    engine: str = LOCAL,
    on_error: OnError = OnError.STOP,
    state: str | PathLike[str] | None = None,
    log: str | PathLike[str] | None = None,
    progress: str | None = None,
    on_gop: Callable[[GopReport], None] | None = None,
    on_progress: OnProgress | None = None,
) -> EncodeReport:
    """Encode a video into a hybrid file; ``output`` may be ``-`` for a live Matroska stream on standard output.

    What is done is kept in a folder until the output is complete: the same call resumes one that
    broke off, and gives the same bytes.

    Args:
        source: any file that FFmpeg reads.
        output: appears when it is complete.
        options: what is encoded, and how.
        overwrite: whether the output may exist.
        engine: where GOPs are encoded: ``local``, ``local:N`` (N processes) or ``dask://HOST:PORT``.
        on_error: what becomes of a GOP that fails three times.
        state: folder for what is done, by default ``.NAME.ffhybrid`` beside the output.
        log: file that events are appended to, a JSON object a line.
        progress: ``pipe:1``, ``pipe:2`` or a file, for progress in ffmpeg's form.
        on_gop: is called with every GOP that is written.
        on_progress: is called while GOPs are encoded, with how far they are; one call at a time, from several threads.
            Of a cluster it hears only which GOPs were given to it.

    Raises:
        UsageError, UnsupportedError, CorruptDataError, EncoderError: see their docstrings; no output appears then.
    """
    options = settled(options or EncodeOptions())
    source, output = Path(source), Path(output)
    if source == PIPE:
        raise UsageError("encode reads its input more than once: give a file, not standard input")
    target = Output(output=output, container_format=options.container_format, format_options=options.format_options)
    target.carriage(options.carriage)
    check_engine(engine)
    encoder_for(options)
    if options.mode is EncodeMode.PROMPTUS and on_error is OnError.KEYFRAME:
        raise UsageError(f"-mode {options.mode} has no keyframes of x265 to keep: give -on-error stop")
    with ExitStack() as stack:
        work = _Encode(
            source=source,
            target=target,
            options=options,
            engine=engine,
            on_error=on_error,
            events=stack.enter_context(EventLog.open(Path(log) if log else None)),
            progress=stack.enter_context(ProgressWriter.open(progress)),
            on_gop=on_gop,
            on_progress=on_progress,
        )
        return work.run(Path(state) if state else state_folder(output), overwrite=overwrite)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encode:
    """One call of :func:`encode`."""

    source: Path
    target: Output
    options: EncodeOptions
    engine: str
    on_error: OnError
    events: EventLog
    progress: ProgressWriter
    on_gop: Callable[[GopReport], None] | None
    on_progress: OnProgress | None
    telling: threading.Lock = field(default_factory=threading.Lock)

    def run(self, folder: Path, *, overwrite: bool) -> EncodeReport:
        """Encode, and tell the log how that ends; what is done is kept in ``folder``."""
        names = {"file": str(self.source.resolve()), "output": str(self.target.output)}
        self.events.emit("begin", **names, version=VERSION, engine=self.engine)
        try:
            report = self._to_pipe() if self.target.output == PIPE else self._to_file(folder, overwrite=overwrite)
        except Exception as error:
            self.events.emit("error", **names, error=str(error))
            raise
        self.progress.end(report.file_bytes)
        frames = sum(gop.pictures for gop in report.gops)
        self.events.emit("end", **names, gops=len(report.gops), frames=frames, bytes=report.file_bytes)
        return report

    def _to_pipe(self) -> EncodeReport:
        with State.temporary() as state, self.target.pending(overwrite=False) as pending, self._opened() as source:
            jobs = jobs_of(source, self.options, container=self.target.container, scratch=state.work)
            return self._write(pending, state, source.info, jobs)

    def _to_file(self, folder: Path, *, overwrite: bool) -> EncodeReport:
        with State.open(folder) as state:
            remove_pending(self.target.output)
            with self.target.pending(overwrite=overwrite) as pending, self._opened() as source:
                jobs = kept_jobs_of(source, self.options, state, container=self.target.container)
                report = self._write(pending, state, source.info, jobs)
            state.remove()
            return report

    def _opened(self) -> VideoSource:
        return open_source(self.source, self.options)

    def _write(self, pending: PendingOutput, state: State, info: SourceInfo, jobs: Iterator[Job]) -> EncodeReport:
        """Encode into what becomes the output."""
        reports = []
        weights = encoder_for(self.options).metric_weights(info.spec)
        with GopWriter(self.source, info, pending, self.options, weights=weights) as writer:
            with self._engine(state, info.spec, jobs) as (engine, all_jobs):
                coordinator = Coordinator(
                    engine, state, self.events, on_error=self.on_error, on_progress=self._tell_progress
                )
                for result in coordinator.results(all_jobs):
                    writer.write(result.gop)
                    reports.append(result.report.gop)
                    self.progress.gop(result.report.gop, seconds=float(writer.end))
                    if self.on_gop:
                        self.on_gop(result.report.gop)
            writer.finish()
        return EncodeReport(gops=tuple(reports), file_bytes=pending.size(), seconds=float(writer.end))

    def _tell_progress(self, progress: GopProgress) -> None:
        self.progress.stage(progress)
        if self.on_progress:
            with self.telling:
                self.on_progress(progress)

    @contextmanager
    def _engine(self, state: State, spec: PictureSpec, jobs: Iterator[Job]) -> Iterator[tuple[Engine, Iterator[Job]]]:
        """Start the engine for some jobs; a single one needs no second process."""
        first = list(islice(jobs, 2))
        is_single = len(first) < 2 and self.engine.startswith(LOCAL)
        name = IN_PROCESS if is_single else self.engine
        with open_engine(name, state.work, self.options, spec, on_progress=self._tell_progress) as engine:
            yield engine, chain(first, jobs)
