"""What each command does with its options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from math import isnan

from rich.console import Console
from rich.table import Table

from ffhybrid.cli import train
from ffhybrid.cli.containers import CONTAINER_COMMANDS
from ffhybrid.cli.farm import check_pipes, run_batch, run_single_job, write_jobs
from ffhybrid.cli.format_options import format_options
from ffhybrid.cli.shared import TABLE_WIDTH, Command, emit, gop_progress, progress, stream_options
from ffhybrid.compare import CompareOptions, RatePoint, compare
from ffhybrid.compare.panel import PANEL, PanelOptions
from ffhybrid.core.atomic_files import PIPE
from ffhybrid.encoder.gop_encoder import GopReport
from ffhybrid.encoder.options import Rate
from ffhybrid.encoding import encode
from ffhybrid.errors import DamageError, UsageError
from ffhybrid.extraction import extract
from ffhybrid.farm.events import PIPES
from ffhybrid.filters import FitProgress
from ffhybrid.muxer.reading.inputs import duration_of
from ffhybrid.options import EncodeOptions
from ffhybrid.probing import FileInfo, probe
from ffhybrid.restorer.generator_decode import GeneratorDecode
from ffhybrid.restoring import restore
from ffhybrid.source.gop_planning import GopLimits
from ffhybrid.source.video import SourceOptions
from ffhybrid.verification import verify
from ffhybrid.x265.options import DEFAULT_CRF, X265Options, parse_x265_params


def _generator_options(options: argparse.Namespace) -> dict[str, object]:
    given = {
        "preset": options.kf_preset,
        "tune": options.kf_tune,
        "seed": options.kf_seed,
        "lpips": options.kf_lpips,
        "device": options.device,
        "model": options.model,
        "hub": bool(options.hub) or None,
        "repair": options.repair or None,
        "scale": options.scale,
        "nested": bool(options.nested) or None,
        "start": options.kf_start,
        "interval": options.interval,
        "qp": options.qp,
    }
    return {name: value for name, value in given.items() if value is not None}


def _keyframe_options(options: argparse.Namespace) -> EncodeOptions:
    """Take what ``encode`` and ``compare`` both know of keyframes."""
    return EncodeOptions(
        generator=options.kf,
        generator_options=_generator_options(options),
        keyframe_budget=options.budget,
        refinements=options.refine,
        fallback=bool(options.fallback),
        **({"budgets": options.budgets} if options.budgets else {}),
        **({} if options.candidates is None else {"candidates": options.candidates}),
    )


def _encode_options(options: argparse.Namespace) -> EncodeOptions:
    """Take what ``encode`` and ``batch`` both know of video."""
    return replace(
        _keyframe_options(options),
        codec=options.codec,
        rate=_rate(options),
        target_lpips=options.target_lpips,
        x265=X265Options(
            crf=DEFAULT_CRF if options.crf is None else options.crf,
            preset=options.preset,
            tune=options.tune,
            params=parse_x265_params(options.x265_params),
        ),
        limits=GopLimits(length=options.g, minimum=options.keyint_min, scene_threshold=options.sc_threshold),
        carriage=options.carriage,
        picture_hashes=bool(options.hash),
        source=_source(options),
        streams=stream_options(options),
        frames=options.frames,
        container_format=options.format,
        format_options=format_options(options),
    )


def _encode(options: argparse.Namespace, console: Console) -> None:
    check_pipes(options)
    settings = _encode_options(options)
    if options.plan:
        write_jobs(options, settings)
        return
    with progress(console, "encode", duration_of(options.input)) as show:
        start = 0.0

        def on_fit(fit: FitProgress) -> None:
            quality = f"PSNR {fit.psnr:.2f}" + ("" if isnan(fit.lpips) else f", LPIPS {fit.lpips:.3f}")
            show(start, f"keyframe {fit.step}/{fit.steps}: {fit.size} bytes, {quality}")

        def on_gop(report: GopReport) -> None:
            nonlocal start
            start = report.start
            note = (
                f"GOP {report.index}: {report.generator}, {report.payload} + {report.inter} bytes, CRF {report.crf:.1f}"
            )
            show(report.start, note)

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
            on_fit=on_fit,
        )
    if options.output == PIPE or PIPES.get(options.progress) == 1:
        return
    totals = _encode_totals(report.gops)
    emit(options, {**asdict(report), **totals}, [*totals.items(), ("file_bytes", report.file_bytes)])


def _batch(options: argparse.Namespace, console: Console) -> None:
    run_batch(options, console, _encode_options(options))


def _source(options: argparse.Namespace) -> SourceOptions:
    return SourceOptions(filters=options.filters, pixel_format=options.pixel_format)


def _generator_decode(options: argparse.Namespace) -> GeneratorDecode:
    device = {"device": options.device} if options.device else {}
    return GeneratorDecode(model=options.model, hub=bool(options.hub), strict=options.strict, **device)


def _rate(options: argparse.Namespace) -> Rate | None:
    if options.bitrate is None:
        if options.maxrate or options.bufsize:
            raise UsageError("-maxrate and -bufsize belong to -b:v")
        if options.budgets and options.target_lpips is None:
            raise UsageError("-kf:budgets belongs to -b:v and -target-lpips")
        if options.candidates is not None:
            raise UsageError("-candidates belongs to -b:v")
        return None
    if options.crf is not None:
        raise UsageError("give -b:v or -crf, not both")
    if options.bufsize and not options.maxrate:
        raise UsageError("-bufsize belongs to -maxrate")
    return Rate(bitrate=options.bitrate, maxrate=options.maxrate, bufsize=options.bufsize)


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


def _restore(options: argparse.Namespace, console: Console) -> None:
    with gop_progress(console, "restore") as on_gop:
        report = restore(
            options.input,
            options.output,
            container_format=options.format,
            format_options=format_options(options),
            overwrite=options.y,
            streams=stream_options(options),
            effort=options.effort,
            generator_decode=_generator_decode(options),
            threads=options.threads,
            on_gop=on_gop,
        )
    if options.output != PIPE:
        totals = {**asdict(report), "damaged": len(report.damaged)}
        emit(options, asdict(report), totals.items())
    if report.damaged:
        raise DamageError(f"{options.input}: the input is damaged, and what is whole of it is restored")


def _probe(options: argparse.Namespace, console: Console) -> None:  # noqa: ARG001 - every command has both
    info = probe(options.input)
    if options.of == "json":
        emit(options, asdict(info), ())
    else:
        _print_probe(info)


def _print_probe(info: FileInfo) -> None:
    out = Console(file=sys.stdout, highlight=False, width=TABLE_WIDTH)
    beside = [f"{stream.type} {stream.codec or ''} ({stream.language})".replace("  ", " ") for stream in info.streams]
    picture = f"{info.width}x{info.height}, {info.bit_depth} bits, {info.frame_rate} fps"
    size = () if info.size is None else (f"{info.size} bytes",)
    described = ", ".join((picture, *beside, *size))
    sys.stdout.write(f"{info.filename}: {info.format_name}, carriage {info.carriage}, {described}\n")
    headings = (
        "GOP",
        "start",
        "seconds",
        "pictures",
        "generator",
        "payload",
        "correction",
        "fix-ups",
        "placeholder",
        "P and B",
    )
    table = Table(*headings, box=None, pad_edge=False)
    for gop in info.gops:
        pictures = f"{gop.pictures}" + (f" of {gop.pictures_encoded}" if gop.pictures != gop.pictures_encoded else "")
        fixups = f"{gop.fixups} ({gop.fixup_bytes} B)"
        numbers = (gop.payload_bytes, gop.correction_bytes, fixups, gop.placeholder_bytes, gop.inter_bytes)
        timing = (f"{gop.start:.3f}", f"{gop.duration:.3f}", pictures, gop.generator)
        table.add_row(str(gop.index), *timing, *map(str, numbers))
    out.print(table)


def _verify(options: argparse.Namespace, console: Console) -> None:
    with gop_progress(console, "verify") as on_gop:
        report = verify(options.input, generator_decode=_generator_decode(options), on_gop=on_gop)
    emit(options, asdict(report), asdict(report).items())


def _extract(options: argparse.Namespace, console: Console) -> None:  # noqa: ARG001 - every command has both
    if options.output.exists() and not options.output.is_dir():
        raise UsageError(f"{options.output} is not a folder")
    for path in extract(
        options.input, options.output, overwrite=options.y, generator_decode=_generator_decode(options)
    ):
        sys.stdout.write(f"{path}\n")


def _compare(options: argparse.Namespace, console: Console) -> None:
    width, height = options.size or (options.width, None)
    settings = CompareOptions(
        bitrates=options.bitrates,
        codecs=tuple(options.codecs.split(",")),
        encode=replace(
            _keyframe_options(options),
            x265=X265Options(preset=options.preset),
            limits=GopLimits(length=options.g, scene_threshold=0),
        ),
        source=_source(options),
        frames=options.frames,
        width=width,
        height=height,
        panel=PanelOptions(
            metrics=tuple(options.metrics.split(",")), interval=options.metric_interval, lpips=options.kf_lpips
        ),
        sr_weights=options.sr_weights,
    )
    with progress(console, "compare", len(settings.codecs) * len(settings.bitrates)) as show:
        results = compare(
            options.input,
            options.output,
            options=settings,
            on_step=lambda step: show(step.number, f"{step.codec} {step.bitrate / 1000:g} kbit/s: {step.note}"),
        )
    _print_points(results.selected())


def _print_points(points: Sequence[RatePoint]) -> None:
    out = Console(file=sys.stdout, highlight=False, width=2 * TABLE_WIDTH)
    taken = [metric for metric in PANEL if any(metric.name in point.panel.pooled for point in points)]
    headings = ("codec", "kbit/s", "bytes", *(metric.title for metric in taken), "seconds")
    table = Table(*headings, box=None, pad_edge=False)
    for point in points:
        means = ((metric, point.mean(metric.name)) for metric in taken)
        qualities = ("-" if isnan(mean) else metric.text(mean) for metric, mean in means)
        sizes = (point.codec, f"{point.rate / 1000:.1f}", str(point.size))
        table.add_row(*sizes, *qualities, f"{point.encode_seconds:.1f}")
    out.print(table)


COMMANDS: Mapping[str, Command] = {
    "encode": _encode,
    "batch": _batch,
    "job": run_single_job,
    "restore": _restore,
    "probe": _probe,
    "verify": _verify,
    "extract": _extract,
    "compare": _compare,
    "train": train.run,
    **CONTAINER_COMMANDS,
}
