"""``ffhybrid job``: single GOPs that ``encode -plan`` wrote."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from ffhybrid.cli.parser import Parser
from ffhybrid.cli.values import one_of
from ffhybrid.core.atomic_files import durable_write
from ffhybrid.farm.jobs import MAX_DOCUMENT, Job
from ffhybrid.farm.running import run_job
from ffhybrid.farm.state import RESULT_SUFFIX


def add_options(command: Parser) -> None:
    """Declare the options."""
    command.add_argument("action", type=one_of(("run",)), metavar="run", help="encode a GOP")
    command.add_argument("job", type=Path, metavar="JOB", help="a file that encode -plan wrote")
    command.add_argument("-o", dest="output", type=Path, metavar="RESULT", help="the job's name with .gop")


def run(options: argparse.Namespace, console: Console) -> None:  # noqa: ARG001 - every command has both
    """Run a job, write its result, and print the report."""
    with options.job.open("rb") as file:
        job = Job.from_json(file.read(MAX_DOCUMENT + 1))
    result = run_job(job)
    durable_write(options.output or options.job.with_suffix(RESULT_SUFFIX), result.to_bytes())
    sys.stdout.write(f"{result.report.to_json().decode()}\n")
