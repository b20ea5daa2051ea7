"""Options and commands of farms: where GOPs are encoded, single jobs, folders."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ffhybrid.batching import Batch, BatchEntry, BatchOutcome
from ffhybrid.core.atomic_files import PIPE, durable_write
from ffhybrid.errors import BatchError, UsageError
from ffhybrid.farm.coordinator import OnError
from ffhybrid.farm.engines import LOCAL
from ffhybrid.farm.events import PIPES
from ffhybrid.farm.jobs import MAX_DOCUMENT, Job
from ffhybrid.farm.planning import kept_plan
from ffhybrid.farm.running import run_job
from ffhybrid.farm.state import RESULT_SUFFIX, State
from ffhybrid.muxer.output import Target
from ffhybrid.options import EncodeOptions


def engine_options(command: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add what ``encode`` and ``batch`` know of farms."""
    group = command.add_argument_group("jobs")
    group.add_argument(
        "-engine", default=LOCAL, metavar="NAME", help="local (default), local:N processes, or dask://HOST:PORT"
    )
    group.add_argument(
        "-on-error",
        dest="on_error",
        type=OnError,
        choices=list(OnError),
        default=OnError.STOP,
        help="what becomes of a GOP that fails three times (%(default)s)",
    )
    group.add_argument("-log", type=Path, metavar="FILE", help="append events to it, a JSON object a line")
    return group


def single_file_options(command: argparse.ArgumentParser) -> None:
    """Add what only ``encode`` knows of farms."""
    group = engine_options(command)
    group.add_argument("-progress", metavar="TARGET", help="pipe:1, pipe:2 or a file: progress as ffmpeg writes it")
    group.add_argument("-state", type=Path, metavar="FOLDER", help="what is done is kept here (.OUTPUT.ffhybrid)")
    group.add_argument("-plan", type=Path, metavar="FOLDER", help="write the jobs into it, and encode nothing")


def job_options(command: argparse.ArgumentParser) -> None:
    """Add the subcommands of ``job``."""
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    text = "run one job that encode -plan wrote"
    run = actions.add_parser("run", help=text, description=text, allow_abbrev=False)
    run.add_argument("job", type=Path, metavar="JOB")
    run.add_argument("-o", dest="output", type=Path, metavar="RESULT", help="the job's name with .gop")


def batch_options(command: argparse.ArgumentParser) -> None:
    """Add what ``batch`` has beside the options of an encode."""
    command.add_argument("input", type=Path, metavar="IN_FOLDER")
    command.add_argument("output", type=Path, metavar="OUT_FOLDER", help="made if it does not exist")
    command.add_argument("-ext", metavar="EXT,...", help="extensions of the files taken")
    command.add_argument("-f", dest="format", metavar="FMT", help="container format (FFmpeg's name)")
    command.add_argument("-suffix", default=".mkv", metavar=".EXT", help="of the outputs (%(default)s)")
    command.add_argument("-y", action="store_true", help="make outputs anew that were made otherwise")
    engine_options(command)


def check_pipes(options: argparse.Namespace) -> None:
    """See that video and progress do not go to the same place.

    Raises:
        UsageError: they do.
    """
    if options.output == PIPE and (PIPES.get(options.progress) == 1 or options.plan):
        raise UsageError("-progress pipe:1 and -plan take an output that is a file")


def write_jobs(options: argparse.Namespace, settings: EncodeOptions) -> None:
    """Plan, and name the jobs that were written on standard output."""
    target = Target(
        output=options.output, container_format=settings.container_format, format_options=settings.format_options
    )
    with State.open(options.plan) as state:
        for job in kept_plan(options.input, settings, state, container=target.container):
            sys.stdout.write(f"{state.keep_job(job)}\n")


def run_single_job(options: argparse.Namespace, console: Console) -> None:  # noqa: ARG001 - every command has both
    """Run a job, write its result, and print the report."""
    with options.job.open("rb") as file:
        job = Job.from_json(file.read(MAX_DOCUMENT + 1))
    result = run_job(job)
    durable_write(options.output or options.job.with_suffix(RESULT_SUFFIX), result.to_bytes())
    sys.stdout.write(f"{result.report.to_json().decode()}\n")


def run_batch(options: argparse.Namespace, console: Console, settings: EncodeOptions) -> None:
    """Encode a folder and print what became of each file.

    Raises:
        BatchError: some files failed.
    """
    extensions = {"extensions": tuple(options.ext.split(","))} if options.ext else {}
    batch = Batch(
        options=settings,
        suffix=options.suffix,
        overwrite=options.y,
        engine=options.engine,
        on_error=options.on_error,
        log=options.log,
        **extensions,
    )

    def on_file(entry: BatchEntry) -> None:
        console.print(f"{entry.source}: {entry.outcome}", markup=False, highlight=False, soft_wrap=True)

    entries = batch.run(options.input, options.output, on_file=on_file)
    if options.of == "json":
        json.dump([asdict(entry) for entry in entries], sys.stdout, default=str)
        sys.stdout.write("\n")
    else:
        _print_entries(entries)
    failed = [str(entry.source) for entry in entries if entry.outcome is BatchOutcome.FAILED]
    if failed:
        raise BatchError(f"{len(failed)} of {len(entries)} files failed: {', '.join(failed)}")


def _print_entries(entries: tuple[BatchEntry, ...]) -> None:
    table = Table("file", "", "GOPs", "seconds", "bytes", "error", box=None, pad_edge=False)
    for entry in entries:
        numbers = (str(entry.gops or ""), f"{entry.seconds:.1f}" if entry.seconds else "", str(entry.file_bytes or ""))
        table.add_row(str(entry.source), entry.outcome, *numbers, entry.error)
    Console(file=sys.stdout, highlight=False, width=160).print(table)
