"""Options of every command, spelled as ffmpeg spells them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ffhybrid.cli import train
from ffhybrid.cli.farm import batch_options, job_options, single_file_options
from ffhybrid.cli.format_options import add_format_options
from ffhybrid.cli.shared import LEVELS
from ffhybrid.cli.values import bit_rate, bit_rates, byte_count, natural, picture_size, positive
from ffhybrid.compare.options import DEFAULT_CODECS
from ffhybrid.compare.panel import INTERVAL, METRICS
from ffhybrid.encoder.options import VideoCodec
from ffhybrid.filters.registry import names
from ffhybrid.hevc import SpliceEffort
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.streams.selection import COPY
from ffhybrid.restorer.generator_decode import Strictness
from ffhybrid.x265.options import DEFAULT_CRF, HIGHEST_CRF, HYBRID, PRESETS


def parser() -> argparse.ArgumentParser:
    """Build the parser of ``ffhybrid``."""
    root = argparse.ArgumentParser(
        prog="ffhybrid",
        description="Hybrid video files: generated keyframes, HEVC between them.",
        allow_abbrev=False,
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _encode(_command(commands, "encode", "encode a video into a hybrid file"))
    _restore(_command(commands, "restore", "turn a hybrid file into standard HEVC, exactly"))
    _probe(_command(commands, "probe", "show what a hybrid file holds"))
    _verify(_command(commands, "verify", "decode_keyframe every keyframe and check every hash"))
    _extract(_command(commands, "extract", "write payloads and keyframes into a folder"))
    _remux(_command(commands, "remux", "put a hybrid file into another container or carriage"))
    _strip(_command(commands, "strip", "take the payloads out of a hybrid file"))
    _inject(_command(commands, "inject", "put payloads back into a file that lost them"))
    _batch(_command(commands, "batch", "encode all videos of a folder"))
    job_options(_command(commands, "job", "run single GOPs of a plan"))
    _compare(_command(commands, "compare", "measure hybrid files beside other codecs"))
    train.add_options(_command(commands, "train", "train a model for a keyframe generator"))
    return root


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
    command.add_argument("-v", choices=LEVELS, default="warning", help="how much is said on standard error")
    return command


def _input(command: argparse.ArgumentParser) -> None:
    command.add_argument("-i", dest="input", type=Path, required=True, metavar="FILE", help="input file")


def _pictures(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("pictures of the source")
    group.add_argument("-vf", dest="filters", metavar="CHAIN", help="filters of libavfilter, as in bwdif,scale=640:-2")
    group.add_argument("-pix_fmt", dest="pixel_format", metavar="FMT", help="convert to yuv420p or yuv420p10le")


def _output(command: argparse.ArgumentParser) -> None:
    command.add_argument("output", type=Path, metavar="OUTPUT", help="output file, - for standard output")
    command.add_argument("-f", dest="format", metavar="FMT", help="container format (FFmpeg's name)")
    add_format_options(command)
    overwrite = command.add_mutually_exclusive_group()
    overwrite.add_argument("-y", action="store_true", help="overwrite the output")
    overwrite.add_argument("-n", action="store_true", help="never overwrite the output (default)")


def _streams(command: argparse.ArgumentParser) -> None:
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


def joined_maps(arguments: Sequence[str]) -> list[str]:
    """Write ``-map -0:s`` in one word: argparse takes what begins with a minus for an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] == "-map":
            joined[-1] = f"-map={argument}"
        else:
            joined.append(argument)
    return joined


def _report_format(command: argparse.ArgumentParser) -> None:
    command.add_argument("-of", choices=("default", "json"), default="default", help="form of the result on stdout")


def _model(command: argparse.ArgumentParser) -> None:
    model = command.add_argument_group("models of keyframe generators that have one")
    model.add_argument("-model", metavar="NAME", help="folder, .safetensors file, name below FFHYBRID_MODELS, hub id")
    model.add_argument("-device", metavar="NAME", help="auto (default), cpu or cuda")
    model.add_argument("-hub", type=int, choices=(0, 1), default=0, help="whether a model may be downloaded")


def _strictness(command: argparse.ArgumentParser, choices: list[Strictness]) -> None:
    command.add_argument(
        "-strict",
        type=Strictness,
        choices=choices,
        default=Strictness.NORMAL,
        help="what keyframes do that this machine makes differently; strict: damage is an error (%(default)s)",
    )


def _keyframes(command: argparse.ArgumentParser) -> None:
    keyframe = command.add_argument_group("keyframes")
    keyframe.add_argument("-kf", choices=names(), default=names()[0], help="generator (%(default)s)")
    keyframe.add_argument("-b:kf", dest="budget", type=byte_count, metavar="BYTES", help="bytes of a latent")
    keyframe.add_argument("-kf:preset", dest="kf_preset", metavar="NAME", help="effort of a fit, x265's names (medium)")
    keyframe.add_argument("-kf:tune", dest="kf_tune", metavar="NAME", help="aim of a fit: perceptual (default) or psnr")
    keyframe.add_argument("-kf:seed", dest="kf_seed", type=int, metavar="N", help="seed of a fit (0)")
    keyframe.add_argument("-kf:lpips", dest="kf_lpips", type=Path, metavar="FILE", help="AlexNet's weights, for fits")
    keyframe.add_argument("-repair", action="store_true", help="models: keyframes become exact on any machine")
    keyframe.add_argument("-kf:scale", dest="scale", type=int, choices=(1, 2, 4), help="thumbnail, models: reduction")
    keyframe.add_argument("-kf:interval", dest="interval", type=positive, metavar="N", help="-codec promptus: 10")
    keyframe.add_argument("-kf:nested", dest="nested", type=int, choices=(0, 1), help="promptus: ordered ranks (0)")
    keyframe.add_argument("-kf:start", dest="kf_start", type=float, metavar="X", help="promptus: part of the bytes")
    keyframe.add_argument("-kf:qp", dest="qp", type=int, metavar="QP", help="thumbnail: 0 to 51")
    keyframe.add_argument(
        "-kf:budgets", dest="budgets", type=positive, metavar="N", help="sizes tried for a keyframe (3)"
    )
    keyframe.add_argument("-kf:fallback", dest="fallback", type=int, choices=(0, 1), default=1, help="keep x265's (1)")
    keyframe.add_argument("-candidates", type=natural, metavar="N", help="with -b:v: more encodes of a GOP's size (3)")
    keyframe.add_argument(
        "-refine", type=natural, default=0, metavar="N", help="joint refinements at most (%(default)s)"
    )


def _encode(command: argparse.ArgumentParser) -> None:
    _input(command)
    _output(command)
    single_file_options(command)
    _encoding(command)


def _batch(command: argparse.ArgumentParser) -> None:
    batch_options(command)
    _encoding(command)


def _encoding(command: argparse.ArgumentParser) -> None:
    """Add what ``encode`` and ``batch`` know of video."""
    _pictures(command)
    _streams(command)
    _report_format(command)
    gop = command.add_argument_group("GOPs")
    gop.add_argument("-g", type=positive, default=120, metavar="N", help="frames in a GOP at most (%(default)s)")
    gop.add_argument("-keyint_min", type=positive, default=12, metavar="N", help="frames between scene cuts")
    gop.add_argument(
        "-sc_threshold", type=float, default=10.0, metavar="X", help="scene change score of 0 to 100, 0: none"
    )
    gop.add_argument("-frames:v", dest="frames", type=positive, metavar="N", help="stop after N frames")
    command.add_argument(
        "-codec",
        type=VideoCodec,
        choices=list(VideoCodec),
        default=VideoCodec.HYBRID,
        help="hybrid, or promptus: every frame is generated (%(default)s)",
    )
    _keyframes(command)
    rate = command.add_argument_group("rate")
    rate.add_argument("-b:v", dest="bitrate", type=bit_rate, metavar="RATE", help="bits a second, container included")
    rate.add_argument("-maxrate", type=bit_rate, metavar="RATE", help="with -b:v: no GOP overdraws the buffer")
    rate.add_argument("-bufsize", type=bit_rate, metavar="BITS", help="the buffer (a second of -maxrate)")
    rate.add_argument(
        "-target-lpips", dest="target_lpips", type=float, metavar="X", help="the same LPIPS for every GOP"
    )
    inter = command.add_argument_group("P and B frames")
    inter.add_argument("-crf", type=float, help=f"x265 quality, 0 to {HIGHEST_CRF:g} ({DEFAULT_CRF:g})")
    inter.add_argument("-preset", choices=PRESETS, default="medium", help="x265 effort (%(default)s)")
    inter.add_argument("-tune", default=HYBRID, help="x265 tuning (%(default)s)")
    inter.add_argument("-x265-params", dest="x265_params", default="", metavar="K=V:...", help="passed to x265")
    inter.add_argument("-hash", type=int, choices=(0, 1), default=0, help="keep an MD5 of every picture in the file")
    _model(command)
    _carriage(command)


def _restore(command: argparse.ArgumentParser) -> None:
    _input(command)
    _output(command)
    _streams(command)
    _report_format(command)
    efforts = list(SpliceEffort)
    command.add_argument(
        "-splice:effort",
        dest="effort",
        type=SpliceEffort,
        choices=efforts,
        default=efforts[0],
        help="how hard lossless keyframes are squeezed (%(default)s)",
    )
    command.add_argument("-threads", type=positive, metavar="N", help="keyframes made at a time (one a core)")
    _model(command)
    _strictness(command, list(Strictness))


def _carriage(command: argparse.ArgumentParser) -> None:
    command.add_argument("-carriage", type=Carriage, choices=list(Carriage), help="where payloads lie in the file")


def _remux(command: argparse.ArgumentParser) -> None:
    _input(command)
    _output(command)
    _streams(command)
    _report_format(command)
    _carriage(command)


def _strip(command: argparse.ArgumentParser) -> None:
    _input(command)
    _output(command)
    _streams(command)
    _report_format(command)


def _inject(command: argparse.ArgumentParser) -> None:
    _remux(command)
    command.add_argument(
        "-payloads", type=Path, required=True, metavar="FOLDER", help="where extract wrote *.payload files"
    )


def _probe(command: argparse.ArgumentParser) -> None:
    command.add_argument("input", type=Path, metavar="FILE")
    _report_format(command)


def _verify(command: argparse.ArgumentParser) -> None:
    command.add_argument("input", type=Path, metavar="FILE")
    _report_format(command)
    _model(command)
    _strictness(command, [Strictness.NORMAL, Strictness.STRICT])


def _extract(command: argparse.ArgumentParser) -> None:
    _input(command)
    command.add_argument("output", type=Path, metavar="FOLDER", help="made if it does not exist")
    command.add_argument("-y", action="store_true", help="overwrite files in the folder")
    _model(command)
    _strictness(command, list(Strictness))


def _compare(command: argparse.ArgumentParser) -> None:
    _input(command)
    _pictures(command)
    command.add_argument("-o", dest="output", type=Path, required=True, metavar="FOLDER", help="made or gone on with")
    command.add_argument(
        "-b:v", dest="bitrates", type=bit_rates, required=True, metavar="RATE,...", help="bits a second of whole files"
    )
    command.add_argument(
        "-codecs", default=",".join(DEFAULT_CODECS), metavar="NAME,...", help="of %(default)s, sr, svtav1, vvenc"
    )
    command.add_argument(
        "-sr:weights", dest="sr_weights", type=Path, metavar="FILE", help="FSRCNN for sr (one fitted to the clip)"
    )
    command.add_argument("-g", type=positive, default=120, metavar="N", help="frames in a GOP (%(default)s)")
    command.add_argument("-frames:v", dest="frames", type=positive, metavar="N", help="compare the first N frames")
    size = command.add_mutually_exclusive_group()
    size.add_argument("-s", dest="size", type=picture_size, metavar="WxH", help="size of the pictures compared")
    size.add_argument("-width", type=positive, metavar="N", help="the same, in their own shape, never enlarged")
    command.add_argument("-preset", choices=PRESETS, default="slow", help="x265's, alone and in hybrid (%(default)s)")
    command.add_argument(
        "-metrics", default=",".join(METRICS), metavar="NAME,...", help="what is measured where it is installed (all)"
    )
    sampled = ", ".join(metric.title for metric in METRICS.values() if metric.sampled)
    command.add_argument(
        "-metric_interval",
        type=positive,
        default=INTERVAL,
        metavar="N",
        help=f"{sampled} of every Nth frame (%(default)s)",
    )
    _keyframes(command)
    _model(command)
