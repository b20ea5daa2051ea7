"""Encoding a file: plan its GOPs, have each encoded as a job, write them in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from os import PathLike
from pathlib import Path

from ffhybrid.errors import FFHybridError, UsageError
from ffhybrid.farm.coordinator import Coordinator, OnError
from ffhybrid.farm.engines import LOCAL, check_engine, open_engine
from ffhybrid.farm.events import EventLog, Progress
from ffhybrid.farm.jobs import VERSION, Job
from ffhybrid.farm.planning import plan
from ffhybrid.farm.results import Result
from ffhybrid.farm.state import State, plan_key, state_folder
from ffhybrid.filters import FitProgress, create
from ffhybrid.gop_encoder import EncodeOptions, GopReport
from ffhybrid.gop_writer import GopWriter
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.outputs import PIPE, pending_output, remove_pending
from ffhybrid.picture import PictureSpec
from ffhybrid.targets import is_matroska_target


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
    on_fit: Callable[[FitProgress], None] | None = None,
) -> EncodeReport:
    """Encode a video into a hybrid file; ``output`` may be ``-`` for a live Matroska stream on standard output.

    What is done is kept in a folder until the output is complete: the same call goes on where an earlier one broke
    off, and gives the same bytes.

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
        on_fit: is called while a keyframe is being fitted, where that happens in this process (``local:1``, or a
            single GOP).

    Raises:
        UsageError, UnsupportedError, CorruptDataError, EncoderError: see their docstrings; no output appears then.
    """
    options = options or EncodeOptions()
    source, output = Path(source), Path(output)
    if options.carriage is Carriage.TRACK and not is_matroska_target(output, options.container_format):
        raise UsageError(f"{output}: the carriage 'track' is for Matroska, use -carriage inband")
    check_engine(engine)
    create(options.generator, **options.generator_options)
    with ExitStack() as stack:
        work = _Encode(
            source=source,
            output=output,
            options=options,
            engine=engine,
            on_error=on_error,
            events=stack.enter_context(EventLog.open(Path(log) if log else None)),
            progress=stack.enter_context(Progress.open(progress)),
            on_gop=on_gop,
            on_fit=on_fit,
        )
        if output == PIPE:
            return work.run(PIPE, stack.enter_context(State.temporary()))
        kept = stack.enter_context(State.open(Path(state) if state else state_folder(output)))
        remove_pending(output)
        with pending_output(output, overwrite=overwrite) as pending:
            report = work.run(pending, kept)
        kept.remove()
        return report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encode:
    """One call of :func:`encode`."""

    source: Path
    output: Path
    options: EncodeOptions
    engine: str
    on_error: OnError
    events: EventLog
    progress: Progress
    on_gop: Callable[[GopReport], None] | None
    on_fit: Callable[[FitProgress], None] | None

    def run(self, target: Path, state: State) -> EncodeReport:
        """Encode into ``target``, which becomes the output."""
        names = {"file": str(self.source.resolve()), "output": str(self.output)}
        self.events.emit("begin", **names, version=VERSION, engine=self.engine)
        try:
            report = self._run(target, state)
        except (FFHybridError, OSError) as error:
            self.events.emit("error", **names, error=str(error))
            raise
        self.progress.end(report.file_bytes)
        frames = sum(gop.pictures for gop in report.gops)
        self.events.emit("end", **names, gops=len(report.gops), frames=frames, bytes=report.file_bytes)
        return report

    def _run(self, target: Path, state: State) -> EncodeReport:
        reports = []
        with GopWriter(self.source, target, self.output, self.options) as writer:
            with ExitStack() as stack:
                for result in self._results(state, writer.info.spec, stack):
                    writer.write(result.gop)
                    reports.append(result.report.gop)
                    self.progress.gop(result.report.gop, seconds=float(writer.end))
                    if self.on_gop:
                        self.on_gop(result.report.gop)
            writer.finish()
        size = target.stat().st_size if target != PIPE else 0
        return EncodeReport(gops=tuple(reports), file_bytes=size, seconds=float(writer.end))

    def _results(self, state: State, spec: PictureSpec, stack: ExitStack) -> Iterator[Result]:
        jobs = self._jobs(state)
        first = list(islice(jobs, 2))
        # One GOP keeps no second process busy.
        is_single = len(first) < 2 and self.engine.startswith(LOCAL)
        engine = stack.enter_context(
            open_engine("local:1" if is_single else self.engine, state.work, self.options, spec, on_fit=self.on_fit)
        )
        coordinator = Coordinator(engine, state, self.events, on_error=self.on_error)
        return coordinator.results(chain(first, jobs))

    def _jobs(self, state: State) -> Iterator[Job]:
        """Take the plan of an earlier run, or plan."""
        if self.output == PIPE:
            yield from plan(self.source, self.options, scratch=state.work)
            return
        yield from planned_jobs(self.source, self.options, state)


def planned_jobs(source: Path, options: EncodeOptions, state: State) -> Iterator[Job]:
    """Yield the jobs of a file, from its state if that has them, and keep a plan that is complete."""
    key = plan_key(source, options)
    kept = state.plan(key)
    if kept is not None:
        yield from kept
        return
    jobs = []
    for job in plan(source, options, scratch=state.work):
        jobs.append(job)
        yield job
    state.keep_plan(key, jobs)
