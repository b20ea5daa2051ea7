"""Options of farms, where GOPs are encoded, and jobs that are written instead."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ffhybrid.cli.parser import Parser
from ffhybrid.cli.values import one_of
from ffhybrid.core.atomic_files import PIPE
from ffhybrid.errors import UsageError
from ffhybrid.farm.coordinator import OnError
from ffhybrid.farm.engines import LOCAL
from ffhybrid.farm.events import PIPES
from ffhybrid.farm.planning import kept_plan
from ffhybrid.farm.state import State
from ffhybrid.muxer.output import Output
from ffhybrid.options import EncodeOptions


def add_engine(command: Parser) -> argparse._ArgumentGroup:
    """Add what ``encode`` and ``batch`` know of farms."""
    group = command.add_argument_group("jobs")
    group.add_argument(
        "-engine", default=LOCAL, metavar="NAME", help="local (default), local:N processes, or dask://HOST:PORT"
    )
    group.add_argument(
        "-on-error",
        dest="on_error",
        type=one_of(OnError),
        default=OnError.STOP,
        metavar="|".join(OnError),
        help="what becomes of a GOP that fails three times (%(default)s)",
    )
    group.add_argument("-log", type=Path, metavar="FILE", help="append events to it, a JSON object a line")
    return group


def add_single_file(group: argparse._ArgumentGroup) -> None:
    """Add what only ``encode`` knows of farms."""
    group.add_argument("-progress", metavar="TARGET", help="pipe:1, pipe:2 or a file: progress as ffmpeg writes it")
    group.add_argument("-state", type=Path, metavar="FOLDER", help="what is done is kept here (.OUTPUT.ffhybrid)")
    group.add_argument("-plan", type=Path, metavar="FOLDER", help="write the jobs into it, and encode nothing")


def check_pipes(options: argparse.Namespace) -> None:
    """See that video and progress do not go to the same place.

    Raises:
        UsageError: they do.
    """
    if options.output == PIPE and (PIPES.get(options.progress) == 1 or options.plan):
        raise UsageError("-progress pipe:1 and -plan take an output that is a file")


def write_jobs(options: argparse.Namespace, settings: EncodeOptions) -> None:
    """Plan, and name the jobs that were written on standard output."""
    target = Output(
        output=options.output, container_format=settings.container_format, format_options=settings.format_options
    )
    with State.open(options.plan) as state:
        for job in kept_plan(options.input, settings, state, container=target.container):
            sys.stdout.write(f"{state.keep_job(job)}\n")
