"""``ffhybrid encode``, and the options of encoding that ``batch`` has too."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from statistics import fmean

from rich.console import Console

from ffhybrid.cli.farm import add_engine, add_single_file, check_pipes, write_jobs
from ffhybrid.cli.keyframes import add_keyframes, keyframe_options
from ffhybrid.cli.options import (
    add_carriage,
    add_input,
    add_model,
    add_output,
    add_pictures,
    add_report_format,
    add_streams,
    add_time_range,
    source_options,
    stream_options,
    time_range,
)
from ffhybrid.cli.parser import Parser
from ffhybrid.cli.shared import emit, progress
from ffhybrid.cli.values import bit_rate, boolean, one_of, positive
from ffhybrid.core.atomic_files import PIPE
from ffhybrid.encoder.gop_encoder import GopReport
from ffhybrid.encoder.options import EncodeMode, Rate
from ffhybrid.encoder.progress import GopProgress
from ffhybrid.encoder.quality_target import SCALES, QualityTarget
from ffhybrid.encoding import encode
from ffhybrid.errors import UsageError
from ffhybrid.farm.events import PIPES
from ffhybrid.muxer.reading.inputs import duration_of
from ffhybrid.options import EncodeOptions
from ffhybrid.source.gop_planning import GopLimits
from ffhybrid.x265.options import DEFAULT_CRF, HIGHEST_CRF, HYBRID, PRESETS, X265Options, parse_x265_params

FIRST_PAGE = (
    *("-ss", "-to", "-t", "-vf", "-map", "-an", "-c:a", "-b:a", "-g", "-frames:v", "-mode"),
    *("-kf", "-b:kf", "-kf:preset", "-kf:tune", "-kf:refine", "-model", "-device"),
    *("-b:v", "-target", "-speed", "-crf", "-preset", "-x265-params", "-engine"),
)
"""What the short help of ``encode`` and ``batch`` shows."""

OTHER_WORDS = {
    "-c:v": "-x265-params (x265 codes all pictures)",
    "-codec": "-mode",
    "-codec:v": "-x265-params (x265 codes all pictures)",
    "-s": "-vf scale=W:H",
    "-target-lpips": "-target lpips=VALUE",
    "-threads": "-engine local:N",
    "-vb": "-b:v",
    "-vcodec": "-x265-params (x265 codes all pictures)",
    "-vframes": "-frames:v",
}
"""What an ffmpeg user may write, or what an option was called before, and what it is here."""


def add_options(command: Parser) -> None:
    """Declare the options."""
    add_input(command)
    add_output(command)
    add_encoding(command)
    add_single_file(add_engine(command))
    command.first_page("-i", "-f", "-y", *FIRST_PAGE, "-progress")


def add_encoding(command: Parser) -> None:
    """Add what ``encode`` and ``batch`` know of video."""
    add_report_format(command)
    add_time_range(command)
    add_pictures(command)
    add_streams(command)
    _add_gops(command)
    add_keyframes(command)
    _add_rate(command)
    inter = command.add_argument_group("P and B frames")
    inter.add_argument("-crf", type=float, help=f"x265 quality, 0 to {HIGHEST_CRF:g} ({DEFAULT_CRF:g})")
    inter.add_argument(
        "-preset", type=one_of(PRESETS), default="medium", metavar="NAME", help="x265 effort (%(default)s)"
    )
    inter.add_argument("-tune", default=HYBRID, metavar="NAME", help="x265 tuning (%(default)s)")
    inter.add_argument("-x265-params", dest="x265_params", default="", metavar="K=V:...", help="passed to x265")
    inter.add_argument(
        "-hash", type=boolean, default=False, metavar="0|1", help="keep an MD5 of every picture in the file (0)"
    )
    add_model(command)
    add_carriage(command)
    command.suggest(OTHER_WORDS)


def _add_gops(command: Parser) -> None:
    group = command.add_argument_group("GOPs")
    group.add_argument("-g", type=positive, default=120, metavar="N", help="frames in a GOP at most (%(default)s)")
    group.add_argument("-keyint_min", type=positive, default=12, metavar="N", help="frames between scene cuts (12)")
    group.add_argument(
        "-sc_threshold", type=float, default=10.0, metavar="X", help="scene change score of 0 to 100, 0: none (10)"
    )
    group.add_argument("-frames:v", dest="frames", type=positive, metavar="N", help="stop after N frames")
    group.add_argument(
        "-mode",
        type=one_of(EncodeMode),
        default=EncodeMode.HYBRID,
        metavar="|".join(EncodeMode),
        help="P and B frames (%(default)s), or every frame generated",
    )


def _add_rate(command: Parser) -> None:
    group = command.add_argument_group("rate")
    group.add_argument("-b:v", dest="bitrate", type=bit_rate, metavar="RATE", help="bits a second, container included")
    group.add_argument(
        "-target", type=_quality_target, metavar="METRIC=X[:low]", help=f"quality of every GOP: {', '.join(SCALES)}"
    )
    group.add_argument("-maxrate", type=bit_rate, metavar="RATE", help="no GOP overdraws the buffer")
    group.add_argument("-bufsize", type=bit_rate, metavar="BITS", help="the buffer (a second of -maxrate)")


def _quality_target(text: str) -> QualityTarget:
    """Parse what GOPs are to have of a metric: ``vmaf=90``, ``ssimulacra2=70:low``."""
    try:
        return QualityTarget.parse(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("-target ")) from error


def encode_options(options: argparse.Namespace) -> EncodeOptions:
    """Take what ``encode`` and ``batch`` both know of video."""
    return replace(
        keyframe_options(options, options.mode),
        rate=_rate(options),
        target=options.target,
        x265=X265Options(
            crf=DEFAULT_CRF if options.crf is None else options.crf,
            preset=options.preset,
            tune=options.tune,
            params=parse_x265_params(options.x265_params),
        ),
        limits=GopLimits(length=options.g, minimum=options.keyint_min, scene_threshold=options.sc_threshold),
        carriage=options.carriage,
        picture_hashes=options.hash,
        source=replace(source_options(options), time_range=time_range(options)),
        streams=stream_options(options),
        frames=options.frames,
        container_format=options.format,
        format_options=options.format_options,
    )


def run(options: argparse.Namespace, console: Console) -> None:
    """Encode, and print the report, or write the jobs of a plan."""
    check_pipes(options)
    settings = encode_options(options)
    if options.plan:
        write_jobs(options, settings)
        return
    with progress(console, "encode", settings.source.time_range.length_of(duration_of(options.input))) as show:
        start = 0.0

        def on_progress(found: GopProgress) -> None:
            show(start, str(found))

        def on_gop(report: GopReport) -> None:
            nonlocal start
            start = report.start
            show(report.start, _note(report, settings.target))

        report = encode(
            options.input,
            options.output,
            options=settings,
            overwrite=options.y,
            engine=options.engine,
            on_error=options.on_error,
            state=options.state,
            log=options.log,
            progress=options.progress,
            on_gop=on_gop,
            on_progress=on_progress,
        )
    if options.output == PIPE or PIPES.get(options.progress) == 1:
        return
    totals = {**_encode_totals(report.gops), **_reached(report.gops, settings.target)}
    emit(options, {**asdict(report), **totals}, [*totals.items(), ("file_bytes", report.file_bytes)])


def _rate(options: argparse.Namespace) -> Rate | None:
    aim = "-b:v" if options.bitrate else "-target" if options.target else None
    if aim and options.crf is not None:
        raise UsageError(f"give {aim} or -crf, not both")
    if options.budgets and not aim:
        raise UsageError("-kf:budgets belongs to -b:v and -target")
    if options.candidates is not None and not options.bitrate:
        raise UsageError("-candidates belongs to -b:v")
    if not (options.bitrate or options.maxrate or options.bufsize):
        return None
    return Rate(bitrate=options.bitrate, maxrate=options.maxrate, bufsize=options.bufsize)


def _note(report: GopReport, target: QualityTarget | None) -> str:
    note = f"GOP {report.index}: {report.generator}, {report.payload} + {report.inter} bytes, CRF {report.crf:.1f}"
    return note if target is None or report.reached is None else f"{note}, {target.text(report.reached)}"


def _reached(gops: tuple[GopReport, ...], target: QualityTarget | None) -> dict[str, float | int]:
    """Say how GOPs meet a target: the mean of their values, the worst, and how many are worse than asked for."""
    values = tuple(gop.reached for gop in gops if gop.reached is not None)
    if target is None or not values:
        return {}
    worst = max(values, key=target.excess)
    return {
        "target_mean": round(fmean(values), 4),
        "target_worst": round(worst, 4),
        "target_missed": sum(target.excess(value) > 1 for value in values),
    }


def _encode_totals(gops: tuple[GopReport, ...]) -> dict[str, int]:
    return {
        "gop_count": len(gops),
        "pictures": sum(gop.pictures for gop in gops),
        "payload_bytes": sum(gop.payload for gop in gops),
        "correction_bytes": sum(gop.correction for gop in gops),
        "fixup_count": sum(gop.fixups for gop in gops),
        "fixup_bytes": sum(gop.fixup_bytes for gop in gops),
        "placeholder_bytes": sum(gop.placeholder for gop in gops),
        "inter_bytes": sum(gop.inter for gop in gops),
    }
