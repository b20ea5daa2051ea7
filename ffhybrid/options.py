"""Options of encoding a file: those of its GOPs, what is read of the source, and where it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ffhybrid.encoder.options import GopOptions
from ffhybrid.muxer.carriage import Carriage
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
