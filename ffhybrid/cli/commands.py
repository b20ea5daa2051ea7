"""The commands: what each is for, how it is called and which module has it, imported only when it is asked for."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from ffhybrid.cli.parser import Parser

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
    lines = "".join(f"  {name:<10} {command.text}\n" for name, command in COMMANDS.items())
    return (
        "usage: ffhybrid COMMAND [options]\n\nHybrid video files: generated keyframes, HEVC between them.\n\n"
        f"commands:\n{lines}\n"
        "ffhybrid COMMAND -h explains one, -h full with all its options; ffhybrid -version shows the version.\n"
    )
