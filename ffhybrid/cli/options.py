"""Options that several commands have, and what is made of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from ffhybrid.cli.parser import Parser
from ffhybrid.cli.values import bit_rate, boolean, one_of, time
from ffhybrid.core.time_range import TimeRange
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.streams.selection import COPY, StreamOptions
from ffhybrid.options import OutputOptions
from ffhybrid.restorer.generator_decode import GeneratorDecode, Strictness
from ffhybrid.source.video import SourceOptions


def add_input(command: Parser) -> None:
    """Add the file that is read."""
    command.add_argument("-i", dest="input", type=Path, required=True, metavar="FILE", help="input file")


def add_pictures(command: Parser) -> None:
    """Add what is made of the source's pictures before anything else."""
    group = command.add_argument_group("pictures of the source")
    group.add_argument("-vf", dest="filters", metavar="CHAIN", help="filters of libavfilter, as in bwdif,scale=640:-2")
    group.add_argument("-pix_fmt", dest="pixel_format", metavar="FMT", help="convert to yuv420p or yuv420p10le")
    command.suggest({"-filter:v": "-vf", "-r": "-vf fps=RATE"})


def add_output(command: Parser) -> None:
    """Add the file that is written, and options of its muxer."""
    command.has_muxer_options = True
    command.add_argument("output", type=Path, metavar="OUTPUT", help="output file, - for standard output")
    command.add_argument("-f", dest="format", metavar="FMT", help="container format; -h muxer=FMT: its options")
    overwrite = command.add_mutually_exclusive_group()
    overwrite.add_argument("-y", action="store_true", help="overwrite the output")
    overwrite.add_argument("-n", action="store_true", help="never overwrite the output (default)")


def add_streams(command: Parser) -> None:
    """Add which streams travel beside the video, and as what."""
    group = command.add_argument_group("streams beside the video")
    group.add_argument(
        "-map", action="append", default=[], metavar="SPEC", help="streams, in ffmpeg's words; -0:s: all but (all)"
    )
    group.add_argument("-an", action="store_true", help="no audio")
    group.add_argument("-sn", action="store_true", help="no subtitles")
    group.add_argument("-dn", action="store_true", help="no data streams")
    group.add_argument("-c:a", dest="audio_codec", default=COPY, metavar="NAME", help="audio encoder (%(default)s)")
    group.add_argument("-b:a", dest="audio_bitrate", type=bit_rate, metavar="RATE", help="bits a second of audio")
    group.add_argument("-c:s", dest="subtitle_codec", default=COPY, metavar="NAME", help="subtitle encoder")
    command.suggest({"-acodec": "-c:a", "-codec:a": "-c:a", "-scodec": "-c:s", "-codec:s": "-c:s", "-ab": "-b:a"})


def add_time_range(command: Parser) -> None:
    """Add ffmpeg's options for a part of the input."""
    group = command.add_argument_group("part of the input (90, 1:30, 0:01:30.5, 90500ms)")
    group.add_argument("-ss", type=time, metavar="TIME", help="begin here")
    group.add_argument("-to", type=time, metavar="TIME", help="end here")
    group.add_argument("-t", type=time, metavar="TIME", help="last so long; wins over -to")


def add_report_format(command: Parser) -> None:
    """Add the form of the result."""
    command.add_argument(
        "-of", type=one_of(("default", "json")), default="default", metavar="default|json", help="form of the result"
    )


def add_model(command: Parser) -> None:
    """Add what finds a model and runs it."""
    model = command.add_argument_group("models of keyframe generators that have one")
    model.add_argument("-model", metavar="NAME", help="folder, .safetensors file, name below FFHYBRID_MODELS, hub id")
    model.add_argument("-device", metavar="NAME", help="auto (default), cpu or cuda")
    model.add_argument("-hub", type=boolean, default=False, metavar="0|1", help="whether a model may be downloaded (0)")


def add_strictness(command: Parser, *choices: Strictness) -> None:
    """Add what happens to keyframes that this machine makes differently."""
    command.add_argument(
        "-strict",
        type=one_of(choices),
        default=Strictness.NORMAL,
        metavar="|".join(choices),
        help="keyframes that this machine makes differently (%(default)s)",
    )


def add_carriage(command: Parser) -> None:
    """Add where payloads lie."""
    command.add_argument(
        "-carriage", type=one_of(Carriage), metavar="|".join(Carriage), help="where payloads lie in the file"
    )


def stream_options(options: argparse.Namespace) -> StreamOptions:
    """Take what says which streams are carried."""
    return StreamOptions(
        maps=tuple(options.map),
        audio=not options.an,
        subtitles=not options.sn,
        data=not options.dn,
        audio_codec=options.audio_codec,
        audio_bitrate=options.audio_bitrate,
        subtitle_codec=options.subtitle_codec,
    )


def time_range(options: argparse.Namespace) -> TimeRange:
    """Take the part of the input.

    Raises:
        UsageError: an end that is not behind the start.
    """
    return TimeRange.of(start=options.ss, end=options.to, duration=options.t)


def output_options(options: argparse.Namespace) -> OutputOptions:
    """Take how a file is written that another one becomes."""
    return OutputOptions(
        container_format=options.format,
        format_options=options.format_options,
        streams=stream_options(options),
    )


def source_options(options: argparse.Namespace) -> SourceOptions:
    """Take what is made of the source's pictures."""
    return SourceOptions(filters=options.filters, pixel_format=options.pixel_format)


def generator_decode(options: argparse.Namespace) -> GeneratorDecode:
    """Take how keyframes are made again."""
    device = {"device": options.device} if options.device else {}
    return GeneratorDecode(model=options.model, hub=options.hub, strict=options.strict, **device)
