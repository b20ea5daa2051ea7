"""Tunings of P and B pictures, and the keyframe's share: the panel of one GOP's encodes at equal bytes.

Every variant is a way to code the first GOP of a clip in the same bytes of elementary streams (1 %): with a generated
keyframe of a share of them, fitted once for all variants of that share, or with x265's own at a factor of its bits. Of
those with a generated keyframe ``--stock`` looks at what stock players show too. Encodes and what the panel says of
them are kept in ``--out`` and not made again, so that ``quality.judge`` can ask how far a judge agrees with the panel.
Printed are averages over clips.

    python -m quality.tuning [--variants NAME ...] [--point 0.0064] [--frames 96] [--width 640] [--interval 24]
        [--stock] [--metrics lpips ...] [--jobs 1] [--out FOLDER] [CLIP ...]
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from clips import EIGHT_BITS, shared_clips, wheel_clip
from ffhybrid import GopLimits, X265Options, hevc
from ffhybrid.compare.clip import Clip, prepare
from ffhybrid.core import stock
from ffhybrid.core.gop import AccessUnit
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import CodedGop, Keyframe, encode_generated, encode_native_idr, without_hashes
from ffhybrid.encoder.crf_search import meet_size
from ffhybrid.encoder.keyframes import BaseCoder
from ffhybrid.encoder.rate_targets import Encode
from ffhybrid.filters import Likeness, create
from ffhybrid.filters.base import BasePicture, Refinement, RefiningGenerator
from ffhybrid.panel import METRICS, PanelOptions, measure
from ffhybrid.panel.picture_metrics import look_at
from ffhybrid.panel.values import Panel
from ffhybrid.source.gop_planning import plan_gops
from ffhybrid.source.video import VideoSource
from ffhybrid.x265.options import HIGHEST_X265_CRF, HYBRID

FIRST_CRF = 45.0
STOCK = ".stock"
"""Behind the name of a variant: what stock players show of it."""
NETWORKS = ("lpips_vgg", "dists")
"""Metrics that take minutes, of all variants of a clip at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A way to code a GOP: ``share`` is the generated keyframe's part of the bytes, without it x265 makes the keyframe.

    ``params`` come on top of those of the tuning.
    """

    share: float | None = None
    factor: float = 3
    tune: str | None = HYBRID
    quantiser_cap: float = HIGHEST_X265_CRF
    params: Mapping[str, str] = field(default_factory=dict)

    def options(self, preset: str) -> X265Options:
        """Options of x265, but for the CRF."""
        return X265Options(preset=preset, tune=self.tune, quantiser_cap=self.quantiser_cap, params=self.params)

    def encode(self, gop: SourceGop, keyframe: Keyframe | None, preset: str) -> Encode:
        """Give what codes the GOP at a CRF."""
        options = self.options(preset)
        if keyframe is None:
            return lambda crf: encode_native_idr(gop, replaced(options, crf=crf), factor=self.factor)
        return lambda crf: encode_generated(gop, keyframe, replaced(options, crf=crf))


_CHANGES: Mapping[str, Mapping[str, str]] = {
    "deblock1": {"deblock": "1,1"},
    "deblock-2": {"deblock": "-2,-2"},
    "psy-rd1": {"psy-rd": "1"},
    "psy-rd0": {"psy-rd": "0"},
    "psy-rd3": {"psy-rd": "3"},
    "rdoq2": {"rdoq-level": "2", "psy-rdoq": "1"},
    "rdoq2-psy0": {"rdoq-level": "2", "psy-rdoq": "0"},
    "aq1": {"aq-mode": "1"},
    "aq2": {"aq-mode": "2"},
    "aq0.6": {"aq-strength": "0.6"},
    "aq1.4": {"aq-strength": "1.4"},
    "bframes4": {"bframes": "4"},
    "bframes16": {"bframes": "16"},
    "qcomp0.5": {"qcomp": "0.5"},
    "qcomp0.7": {"qcomp": "0.7"},
    "qcomp0.8": {"qcomp": "0.8"},
    "pbratio1.1": {"pbratio": "1.1"},
    "pbratio1.6": {"pbratio": "1.6"},
    "rskip1": {"rskip": "1"},
    "rd3": {"rd": "3"},
    "rect": {"rect": "1", "amp": "1"},
    "subme4": {"subme": "4", "me": "star"},
}
"""One change at a time to the tuning that leaves people whole."""


def _variants() -> dict[str, Variant]:
    torn = Variant(quantiser_cap=40, params={"deblock": "-6,-6"})
    between = Variant(quantiser_cap=45, params={"deblock": "-2,-2"})
    whole = Variant(params={"deblock": "0,0"})
    defaults = Variant(tune=None)
    found = {
        "x265-defaults": replaced(defaults, factor=1),
        "x265-whole": whole,
        "x265-torn": replaced(torn, quantiser_cap=45),
    }
    for share in (0.2, 0.4, 0.65):
        found[f"torn-{share:g}"] = replaced(torn, share=share)
        found[f"whole-{share:g}"] = replaced(whole, share=share)
    found["between-0.4"] = replaced(between, share=0.4)
    for name, params in _CHANGES.items():
        found[f"whole-0.4+{name}"] = replaced(whole, share=0.4, params={**whole.params, **params})
        found[f"x265-whole+{name}"] = replaced(whole, params={**whole.params, **params})
    found["whole-0.4+cap45"] = replaced(whole, share=0.4, quantiser_cap=45)
    found["x265-whole+cap45"] = replaced(whole, quantiser_cap=45)
    for factor in (2, 4.5):
        found[f"x265-whole+factor{factor:g}"] = replaced(whole, factor=factor)
    return found


VARIANTS = _variants()
SHARES = tuple(name for name in VARIANTS if "+" not in name)
"""Those that differ by tuning and share, which ``quality.judge`` is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What all variants of a run have in common."""

    variants: tuple[str, ...]
    point: float
    frames: int
    width: int
    interval: int
    metrics: tuple[str, ...]
    generator: str
    effort: str
    x265: str
    out: Path
    stock: bool = False

    @property
    def views(self) -> tuple[str, ...]:
        """Names of what is looked at: of every variant the restored video, and the stock view where that is another."""
        generated = [name for name in self.variants if VARIANTS[name].share is not None]
        return (*self.variants, *(name + STOCK for name in generated if self.stock))

    def folder(self, clip: Path) -> Path:
        """Where a clip's encodes are kept."""
        return self.out / f"{clip.stem}-{self.width}-{self.frames}-{self.point:g}-{self.generator}"


def encode_variants(path: Path, settings: Settings) -> None:
    """Make the encodes of a clip that are not there, and look at them."""
    folder = settings.folder(path)
    folder.mkdir(parents=True, exist_ok=True)
    clip = prepare(path, folder, frames=settings.frames, width=settings.width, height=None, options=EIGHT_BITS)
    limits = GopLimits(length=settings.frames, scene_threshold=0)
    with VideoSource(clip.path) as source:
        gop = next(plan_gops(source.frames(limit=None), source.info, folder, limits=limits))
    wanted = round(settings.point * clip.spec.width * clip.spec.height * clip.frames / 8)
    for name in settings.variants:
        if not (folder / f"{name}.json").exists():
            _encode(name, gop, wanted, folder, settings)
    for name in settings.views:
        metrics = tuple(metric for metric in settings.metrics if metric not in NETWORKS)
        if not set(metrics) <= set(facts_of(folder, name)["panel"]):
            options = PanelOptions(metrics=metrics, interval=settings.interval)
            _add(folder, name, measure(clip, folder / f"{name}.hevc", options=options))
    _look_with_networks(clip, folder, settings)


def encode_clips(clips: Sequence[Path], settings: Settings, *, jobs: int) -> None:
    """Encode the variants of so many clips at a time, each in a process."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for _ in pool.map(partial(encode_variants, settings=settings), clips):
            pass


def _encode(name: str, gop: SourceGop, wanted: int, folder: Path, settings: Settings) -> None:
    variant = VARIANTS[name]
    keyframe = None if variant.share is None else _keyframe(gop, round(variant.share * wanted), folder, settings)
    begin = time.monotonic()
    coded = meet_size(variant.encode(gop, keyframe, settings.x265), wanted, first_crf=FIRST_CRF)
    seconds = time.monotonic() - begin
    (folder / f"{name}.hevc").write_bytes(hevc.join_annexb(_nal_units(coded, coded.stream.access_units)))
    facts = {
        "size": coded.size / wanted,
        "crf": coded.crf,
        "seconds": seconds,
        "keyframe": (len(coded.hybrid.payload) + coded.hybrid.placeholder.size) / coded.size,
        "panel": {},
    }
    if keyframe is not None:
        shown = _nal_units(coded, without_hashes(coded.hybrid).access_units)
        (folder / f"{name}{STOCK}.hevc").write_bytes(hevc.join_annexb(shown))
        (folder / f"{name}{STOCK}.json").write_text(json.dumps(facts))
    (folder / f"{name}.json").write_text(json.dumps(facts))


def _nal_units(coded: CodedGop, units: Iterable[AccessUnit]) -> Iterator[bytes]:
    yield from coded.stream.parameter_sets.nal_units
    for unit in units:
        yield from unit.nal_units


def _keyframe(gop: SourceGop, budget: int, folder: Path, settings: Settings) -> Keyframe:
    """Fit a keyframe, once for a budget; of a variant's options its base picture is coded with the preset alone."""
    generator = create(settings.generator, preset=settings.effort)
    if not isinstance(generator, RefiningGenerator):
        raise TypeError(f"generator {settings.generator} refines no base picture")
    file = folder / f"{settings.generator}-{budget}.npz"
    if not file.exists():
        bases = BaseCoder(gop, X265Options(preset=settings.x265))
        fitted = generator.fit_refinement(
            Likeness(gop.picture(0)), gop.spec, bases=bases, budget=budget, warm_start=None, progress=None
        )
        base = fitted.base
        np.savez(file, latent=list(fitted.latent), base=list(base.data), qp=base.qp, samples=base.picture.samples())
    with np.load(file) as found:
        latent, coded = (found[name].astype(np.uint8).tobytes() for name in ("latent", "base"))
        base = BasePicture(Picture.from_samples(found["samples"], gop.spec), coded, int(found["qp"]))
    return Keyframe.refined(generator, Refinement(latent, base), gop.spec)


def _look_with_networks(clip: Clip, folder: Path, settings: Settings) -> None:
    """Look at all variants together by the metrics that cost most."""
    metrics = [metric for metric in settings.metrics if metric in NETWORKS]
    names = [name for name in settings.views if not set(metrics) <= set(facts_of(folder, name)["panel"])]
    if not names:
        return
    indices = range(0, clip.frames, settings.interval)
    shown = [stock.pictures(folder / f"{name}.hevc", clip.spec, indices) for name in names]
    with closing(stock.pictures(clip.path, clip.spec, indices)) as source:
        found = look_at(shown, source, clip.spec, metrics, lpips=None)
    for name, series in zip(names, found, strict=True):
        _add(folder, name, Panel.of(series, interval=settings.interval))


def facts_of(folder: Path, name: str) -> dict[str, Any]:
    """Read what is known of an encode: its size, CRF, the keyframe's share, and what the panel says."""
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return found


def _add(folder: Path, name: str, panel: Panel) -> None:
    facts = facts_of(folder, name)
    for metric in panel.pooled:
        facts["panel"][metric] = [panel.mean(metric), panel.worst_pictures(metric), panel.worst_places(metric)]
    (folder / f"{name}.json").write_text(json.dumps(facts))


def print_table(clips: Sequence[Path], settings: Settings, console: Console) -> None:
    """Print averages over clips of every metric: of its mean, of the worst 5 % of pictures and of places."""
    found = {name: [facts_of(settings.folder(clip), name) for clip in clips] for name in settings.views}
    panels = [facts["panel"] for each in found.values() for facts in each]
    for part, title in enumerate(("mean", "worst pictures", "worst places")):
        metrics = [
            metric
            for metric in METRICS.values()
            if all(metric.name in panel and not math.isnan(panel[metric.name][part]) for panel in panels)
        ]
        table = Table(title, *(metric.title for metric in metrics), "keyframe", box=None, pad_edge=False)
        for name, each in found.items():
            means = [statistics.fmean(facts["panel"][metric.name][part] for facts in each) for metric in metrics]
            share = statistics.fmean(facts["keyframe"] for facts in each)
            words = (metric.text(mean) for metric, mean in zip(metrics, means, strict=True))
            table.add_row(name, *words, f"{100 * share:.0f} %")
        console.print(table)


def settings_parser(description: str | None, *, frames: int, out: Path) -> argparse.ArgumentParser:
    """Make a parser of clips and of what variants of all points have in common."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=frames)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--interval", type=int, default=24, help="sampled metrics: one picture of so many")
    parser.add_argument("--metrics", nargs="+", choices=METRICS, default=tuple(METRICS))
    parser.add_argument("--kf", dest="generator", default="overfit", help="one that refines base pictures")
    parser.add_argument("--effort", default="superfast", help="of the generator")
    parser.add_argument("--x265", default="medium", help="preset")
    parser.add_argument("--jobs", type=int, default=1, help="clips at a time, each in a process")
    parser.add_argument("--out", type=Path, default=out, help="kept, and resumed")
    return parser


def main() -> None:
    """Encode what is missing, and print the tables."""
    parser = settings_parser(__doc__, frames=96, out=Path("build/tuning"))
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=SHARES)
    parser.add_argument("--point", type=float, default=0.0064, help="bits per pixel")
    parser.add_argument("--stock", action="store_true", help="the stock views too")
    arguments = vars(parser.parse_args())
    clips = arguments.pop("clips") or shared_clips() or [wheel_clip("bikes.mp4")]
    jobs = arguments.pop("jobs")
    arguments |= {name: tuple(arguments[name]) for name in ("variants", "metrics")}
    settings = Settings(**arguments)
    logging.basicConfig(level=logging.WARNING)
    encode_clips(clips, settings, jobs=jobs)
    print_table(clips, settings, Console(width=200))


if __name__ == "__main__":
    main()
