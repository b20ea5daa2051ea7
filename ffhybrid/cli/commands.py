"""The commands: what each is for, how it is called and which module has it, imported only when it is asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from ffhybrid.cli.parser import HELP, Parser
from ffhybrid.core.suggestions import did_you_mean
from ffhybrid.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console


class CommandModule(Protocol):
    """What a command's module has."""

    def add_options(self, command: Parser) -> None:
        """Declare the options."""

    def run(self, options: argparse.Namespace, console: Console) -> None:
        """Do the work; ``console`` is for progress."""


@dataclass(frozen=True, slots=True)
class Command:
    """A line of ``ffhybrid -h``, the arguments behind the command's name, and a module of this package."""

    text: str
    synopsis: str
    module: str

    def load(self) -> CommandModule:
        """Import the module."""
        return cast(CommandModule, import_module(f"ffhybrid.cli.{self.module}"))


COMMANDS: Mapping[str, Command] = {
    "encode": Command("encode a video into a hybrid file", "-i IN [options] OUTPUT", "encode"),
    "restore": Command("turn a hybrid file into standard HEVC, exactly", "-i FILE [options] OUTPUT", "restore"),
    "probe": Command("show what a hybrid file holds", "FILE", "probe"),
    "verify": Command("decode every keyframe and check every hash", "[options] FILE", "verify"),
    "extract": Command("write payloads and keyframes into a folder", "-i FILE [options] FOLDER", "extract"),
    "remux": Command("put a hybrid file into another container or carriage", "-i FILE [options] OUTPUT", "containers"),
    "strip": Command("take the payloads out of a hybrid file", "-i FILE [options] OUTPUT", "containers"),
    "inject": Command(
        "put payloads back into a file that lost them", "-i FILE -payloads FOLDER [options] OUTPUT", "containers"
    ),
    "batch": Command("encode all videos of a folder", "IN_FOLDER OUT_FOLDER [options]", "batch"),
    "job": Command("run single GOPs of a plan", "run JOB [-o RESULT]", "job"),
    "compare": Command(
        "measure hybrid files beside other codecs", "-i IN -b:v RATE,... [options] -o FOLDER", "compare"
    ),
    "fetch-weights": Command("bring the weights that keyframes are judged by", "[options]", "weights"),
    "train": Command("train a model for a keyframe generator", "cadm -i FILE ... -o FOLDER [options]", "train"),
}


def parser_of(name: str) -> Parser:
    """Build the parser of one command."""
    command = COMMANDS[name]
    parser = Parser(name, command.text, command.synopsis)
    command.load().add_options(parser)
    return parser


def overview() -> str:
    """Return what ``ffhybrid -h`` shows."""
    lines = "".join(f"  {name:<13} {command.text}\n" for name, command in COMMANDS.items())
    return (
        "usage: ffhybrid COMMAND [options]\n\nHybrid video files: generated keyframes, HEVC between them.\n\n"
        f"commands:\n{lines}\n"
        "ffhybrid COMMAND -h explains one, -h full with all its options; ffhybrid -version shows the version.\n"
    )


def dispatch(words: Sequence[str]) -> int:
    """Run the command that the first word names with the others; return its exit code."""
    name = words[0] if words else ""
    if name in HELP:
        sys.stdout.write(overview())
        return 0
    if name not in COMMANDS:
        what = f"unknown command {name}{did_you_mean(name, COMMANDS)}" if name else "which command?"
        sys.stderr.write(f"ffhybrid: {what} (ffhybrid -h lists them)\n")
        return UsageError.exit_code
    try:
        options = parser_of(name).parse(words[1:])
    except UsageError as error:
        sys.stderr.write(f"ffhybrid {name}: {error}\n")
        return error.exit_code
    from ffhybrid.cli.running import run

    return run(COMMANDS[name].load().run, options)
