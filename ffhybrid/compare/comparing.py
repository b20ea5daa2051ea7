"""Comparing: every codec at every rate, one after the other, going on where an earlier run ended."""

from __future__ import annotations

import json
import logging
import tempfile
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import av

from ffhybrid.compare.clip import Clip, check_gop_length, prepare
from ffhybrid.compare.codecs import Codec, create
from ffhybrid.compare.codecs.base import picture_types
from ffhybrid.compare.options import CompareOptions
from ffhybrid.compare.results import ClipFacts, RatePoint, Results, key_of
from ffhybrid.core import stock
from ffhybrid.core.extras import check_installed
from ffhybrid.panel import METRICS, Panel, PanelOptions, SeenSource, measurable, measure, missing

logger = logging.getLogger(__name__)

STREAMS = "streams"
VERSIONS = {"pyav": av.__version__, "libavcodec": ".".join(map(str, av.library_versions["libavcodec"]))}


@dataclass(frozen=True, slots=True)
class ComparisonStep:
    """What is under way: a point by its number of all, and a word on it."""

    number: int
    total: int
    codec: str
    bitrate: int
    note: str


def compare(
    source: str | PathLike[str],
    folder: str | PathLike[str],
    *,
    options: CompareOptions,
    report: bool = True,
    again: Container[tuple[str, int]] = (),
    on_step: Callable[[ComparisonStep], None] | None = None,
) -> Results:
    """Compare codecs on a clip.

    ``folder`` gets ``results.json``, the encoded files and, with ``report``, the page ``index.html`` and its stills.
    Points that it has already, with the same frames and settings, are not computed again, but for those of ``again``:
    pairs of a codec and a bitrate. A file is kept as soon as it is encoded, and measured later if the run is
    interrupted.

    Raises:
        UsageError: options that cannot work, or a package that is missing.
        UnsupportedError, CorruptDataError, EncoderError: see their docstrings; points found before are kept.
    """
    source, folder = Path(source), Path(folder)
    stock.ffmpeg()
    if report:
        for package in ("jinja2", "matplotlib"):
            check_installed(package, what="a report", extra=stock.EXTRA)
    codecs = [create(name, options) for name in options.codecs]
    for name, command in missing(options.panel).items():
        logger.warning("%s is left out; to get it: %s", METRICS[name].title, command)
    (folder / STREAMS).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ffhybrid-compare-") as name:
        work = Path(name)
        clip = prepare(
            source, work, frames=options.frames, width=options.width, height=options.height, options=options.source
        )
        check_gop_length(clip, options.gop_length)
        results = Results.load(folder, ClipFacts.of(clip))
        comparison = _Comparison(clip, results, work, options.panel)
        pairs = [(codec, bitrate) for codec in codecs for bitrate in options.bitrates]
        results.shown = [comparison.key(codec, bitrate) for codec, bitrate in pairs]
        for number, (codec, bitrate) in enumerate(pairs):
            step = partial(ComparisonStep, number, len(pairs), codec.name, bitrate)
            anew = (codec.name, bitrate) in again
            comparison.compute(codec, bitrate, partial(_tell, on_step, step), anew=anew)
        results.save()
        if report:
            comparison.report(codecs, options)
    return results


def _tell(on_step: Callable[[ComparisonStep], None] | None, step: Callable[[str], ComparisonStep], note: str) -> None:
    if on_step:
        on_step(step(note))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What stays the same from point to point."""

    clip: Clip
    results: Results
    work: Path
    panel: PanelOptions
    seen: SeenSource[Any] = field(default_factory=SeenSource)

    def key(self, codec: Codec, bitrate: int) -> str:
        """Identify a point."""
        return key_of(codec=codec.name, settings=_settings(codec), bitrate=bitrate, clip=self.clip.md5)

    def compute(self, codec: Codec, bitrate: int, note: Callable[[str], None], *, anew: bool) -> None:
        """Encode, measure and store a point, or what it lacks of that if it is not wanted ``anew``."""
        key = self.key(codec, bitrate)
        if anew or not self.results.has(key):
            self._encode(codec, bitrate, note)
        elif self._is_measured(self.results.points[key]):
            note("known")
        else:
            point = self.results.points[key]
            self._measure(point, codec.show(self.results.path.parent / point.stream, self.work), note)

    def _encode(self, codec: Codec, bitrate: int, note: Callable[[str], None]) -> None:
        key = self.key(codec, bitrate)
        note("encoding")
        target = self.results.path.parent / STREAMS / f"{codec.name}-{bitrate}-{key}.mkv"
        encoded = codec.encode(self.clip, target, bitrate=bitrate, note=note)
        note("restoring")
        began = time.monotonic()
        shown = codec.show(target, self.work)
        restore_seconds = None if shown == target else round(time.monotonic() - began, 3)
        types = picture_types(codec.typed(target, shown))
        point = RatePoint(
            key=key,
            codec=codec.name,
            bitrate=bitrate,
            seconds=self.clip.seconds,
            stream=str(target.relative_to(self.results.path.parent)),
            size=target.stat().st_size,
            split=codec.split(target, types),
            types="".join(types[shown_at] for shown_at in sorted(types)),
            settings=_settings(codec),
            control=encoded.control,
            encodes=encoded.encodes,
            encode_seconds=round(encoded.seconds, 3),
            restore_seconds=restore_seconds,
            panel=Panel.of({}, interval=self.panel.interval),
        )
        self.results.add(point)
        self._measure(point, shown, note)

    def _is_measured(self, point: RatePoint) -> bool:
        """Whether a point has all metrics that are asked for and can be had, of the pictures that are asked for."""
        wanted = measurable(self.clip.spec, self.panel)
        same_pictures = point.panel.interval == self.panel.interval or not any(METRICS[name].sampled for name in wanted)
        return same_pictures and set(wanted) <= set(point.panel.series)

    def _measure(self, point: RatePoint, shown: Path, note: Callable[[str], None]) -> None:
        note("measuring")
        self.results.add(replace(point, panel=measure(self.clip, shown, options=self.panel, seen=self.seen)))

    def report(self, codecs: Sequence[Codec], options: CompareOptions) -> None:
        """Write ``index.html`` and its stills; what they take is loaded here."""
        from ffhybrid.compare.report import write_report
        from ffhybrid.compare.stills import make_stills

        folder = self.results.path.parent
        views = make_stills(self.clip, self.results.selected(), codecs, folder, self.work)
        write_report(self.results, views, gop_length=options.gop_length, missing=missing(options.panel))


def _settings(codec: Codec) -> Mapping[str, Any]:
    """Give settings as results hold them, versions of the libraries among them."""
    settings: dict[str, Any] = json.loads(json.dumps({**codec.settings, **VERSIONS}, default=str))
    return settings
