"""Options of the verbs: what ``encode`` takes, and how ``remux``, ``strip``, ``inject`` and ``restore`` write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from ffhybrid.encoder.options import GopOptions
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.output import Output
from ffhybrid.muxer.streams.selection import StreamOptions
from ffhybrid.source.gop_planning import GopLimits
from ffhybrid.source.video import SourceOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeOptions(GopOptions):
    """What ``ffhybrid encode`` takes; ``frames`` limits the pictures read.

    ``source`` says what is made of the source's pictures first, ``streams`` which of its streams are there.
    ``carriage`` None means ``track`` in Matroska and ``inband`` elsewhere. ``format_options`` are options of the
    output's muxer, by FFmpeg's names.
    """

    limits: GopLimits = field(default_factory=GopLimits)
    carriage: Carriage | None = None
    source: SourceOptions = field(default_factory=SourceOptions)
    streams: StreamOptions = field(default_factory=StreamOptions)
    frames: int | None = None
    container_format: str | None = None
    format_options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """How ``remux``, ``strip``, ``inject`` and ``restore`` write a file.

    ``container_format`` is FFmpeg's name of a format, None for that of the output's name, Matroska on a pipe;
    ``format_options`` are options of its muxer, by FFmpeg's names. ``streams`` says what is carried beside the video,
    by default everything.
    """

    container_format: str | None = None
    format_options: Mapping[str, str] = field(default_factory=dict)
    streams: StreamOptions = field(default_factory=StreamOptions)

    def target(self, output: str | PathLike[str]) -> Output:
        """Give the output of this path, or ``-``.

        Raises:
            UsageError: see :class:`~ffhybrid.muxer.output.Output`.
        """
        return Output(output=Path(output), container_format=self.container_format, format_options=self.format_options)
