"""Options of generated keyframes, ``-kf`` and ``-kf:*``, which ``encode``, ``batch`` and ``compare`` have."""

from __future__ import annotations

import argparse
from pathlib import Path

from ffhybrid.cli.parser import Parser
from ffhybrid.cli.values import boolean, byte_count, natural, one_of, positive
from ffhybrid.encoder.modes import parse_generator_params
from ffhybrid.encoder.options import AUTO_ANCHORS, EncodeMode, Placeholder
from ffhybrid.encoder.speed import EFFORTS
from ffhybrid.filters.registry import names
from ffhybrid.options import EncodeOptions

DEFAULTS = EncodeOptions()


def add_keyframes(command: Parser) -> None:
    """Add the options."""
    keyframe = command.add_argument_group("keyframes")
    generators = ", ".join(names())
    keyframe.add_argument("-kf", type=one_of(names()), default=names()[0], metavar="NAME", help=f"of {generators}")
    keyframe.add_argument("-b:kf", dest="budget", type=byte_count, metavar="BYTES", help="bytes of a keyframe")
    keyframe.add_argument(
        "-kf:preset", dest="kf_preset", metavar="NAME", help="effort of a fit, x265's names (by -speed)"
    )
    keyframe.add_argument("-kf:tune", dest="kf_tune", metavar="NAME", help="aim of a fit: perceptual (default) or psnr")
    keyframe.add_argument(
        "-kf:refine", dest="refine", type=natural, default=0, metavar="N", help="joint refinements at most (0)"
    )
    keyframe.add_argument(
        "-anchors", type=_anchors, metavar="auto|none|N", help="P pictures enhanced too, one in so many pictures (none)"
    )
    keyframe.add_argument(
        "-kf:repair", dest="repair", action="store_true", help="models: keyframes become exact on any machine"
    )
    keyframe.add_argument(
        "-kf:fallback", dest="fallback", type=boolean, default=True, metavar="0|1", help="keep x265's if it wins (1)"
    )
    keyframe.add_argument(
        "-kf:budgets", dest="budgets", type=positive, metavar="N", help="sizes tried for each (by -speed)"
    )
    keyframe.add_argument(
        "-stock-quality",
        dest="stock_weight",
        type=float,
        default=DEFAULTS.stock_weight,
        metavar="0..1",
        help="weight of what stock players show against the restored file (%(default)g)",
    )
    keyframe.add_argument(
        "-placeholder",
        type=one_of(Placeholder),
        default=DEFAULTS.placeholder,
        metavar="|".join(Placeholder),
        help="what stock players show of keyframes that refine no base picture (%(default)s)",
    )
    keyframe.add_argument(
        "-kf:threads",
        dest="fit_threads",
        type=positive,
        default=DEFAULTS.fit_threads,
        metavar="N",
        help="of a fit and its judge; other numbers give other bytes (%(default)s)",
    )
    keyframe.add_argument("-kf:seed", dest="kf_seed", type=int, metavar="N", help="seed of a fit (0)")
    keyframe.add_argument("-kf:lpips", dest="kf_lpips", type=Path, metavar="FILE", help="AlexNet's weights, for fits")
    keyframe.add_argument(
        "-kf-params", dest="kf_params", default="", metavar="K=V:...", help="what only one generator has, as scale=2"
    )
    keyframe.add_argument(
        "-speed",
        type=int,
        default=DEFAULTS.speed,
        metavar="N",
        help=f"with -b:v and -target: 0, everything is tried, to {len(EFFORTS) - 1} (%(default)s)",
    )
    keyframe.add_argument(
        "-candidates",
        type=natural,
        metavar="N",
        help="with -b:v: more encodes of a size (by -speed)",
    )
    command.suggest({f"-kf:{key}": f"-kf-params {key}=VALUE" for key in ("scale", "qp", "nested", "start", "interval")})


def keyframe_options(options: argparse.Namespace, mode: EncodeMode = EncodeMode.HYBRID) -> EncodeOptions:
    """Take what is asked of keyframes."""
    return EncodeOptions(
        mode=mode,
        generator=options.kf,
        generator_options=_generator_options(options, mode),
        keyframe_budget=options.budget,
        fit_threads=options.fit_threads,
        refinements=options.refine,
        anchors=options.anchors,
        fallback=options.fallback,
        stock_weight=options.stock_weight,
        placeholder=options.placeholder,
        speed=options.speed,
        budgets=options.budgets,
        candidates=options.candidates,
    )


def _generator_options(options: argparse.Namespace, mode: EncodeMode) -> dict[str, object]:
    given = {
        "preset": options.kf_preset,
        "tune": options.kf_tune,
        "seed": options.kf_seed,
        "lpips": options.kf_lpips,
        "device": options.device,
        "model": options.model,
        "hub": options.hub or None,
        "repair": options.repair or None,
    }
    own = parse_generator_params(mode, options.kf, options.kf_params)
    return {**{name: value for name, value in given.items() if value is not None}, **own}


def _anchors(text: str) -> int | None:
    """Parse ``auto``, ``none``, or a whole number of at least 1."""
    if text == "auto":
        return AUTO_ANCHORS
    return None if text == "none" else positive(text)
