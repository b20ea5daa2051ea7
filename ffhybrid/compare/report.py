"""``index.html``: everything on one page that needs nothing else, neither files nor a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ffhybrid.compare.bjontegaard import Delta
from ffhybrid.compare.codecs import PARTS
from ffhybrid.compare.curves import deltas, goodness, metrics_of
from ffhybrid.compare.plots import cdf_plot, rate_plot
from ffhybrid.compare.results import RatePoint, Results
from ffhybrid.compare.stills import Pair
from ffhybrid.core.atomic_files import pending_output
from ffhybrid.panel import METRICS

REPORT = "index.html"
SHADES = dict(
    zip(PARTS, ("#e0433f", "#f3a29a", "#8d8f94", "#3f7fd0", "#22a3a3", "#96d3c8", "#c79a3b", "#b9bdc4"), strict=True)
)


@dataclass(frozen=True, slots=True)
class RateGroup:
    """Points at one wanted rate, the best of them by metric, and the bytes of the largest."""

    points: Sequence[RatePoint]
    best: Mapping[str, RatePoint]
    largest: int


def write_report(results: Results, pairs: Sequence[Pair], *, gop_length: int, missing: Mapping[str, str]) -> Path:
    """Write the page beside the results and return its path; ``missing`` says how to get metrics that are left out."""
    points = results.selected()
    metrics = metrics_of(points)
    bitrates = sorted({point.bitrate for point in points})
    groups = [_group([point for point in points if point.bitrate == bitrate], metrics) for bitrate in bitrates]
    environment = Environment(
        loader=PackageLoader("ffhybrid.compare", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("report.html.j2").render(
        clip=results.clip,
        rate=float(Fraction(results.clip.frame_rate)),
        gop_length=gop_length,
        interval=points[0].panel.interval,
        missing={METRICS[name].title: command for name, command in missing.items()},
        metrics=[METRICS[name] for name in metrics],
        groups=groups,
        deltas=deltas(points),
        delta_cell=_delta_cell,
        per_cent=lambda part: f"{100 * part:+.1f} %",
        parts=PARTS,
        shades=SHADES,
        rate_plots=[rate_plot(points, metric) for metric in metrics],
        cdf_plots=[cdf_plot(group.points, group.points[0].bitrate) for group in groups] if "lpips" in metrics else [],
        settings={point.codec: _in_words(point.settings) for point in points},
        pairs=pairs,
        viewer=[_viewer(pair) for pair in pairs],
        kbits=lambda rate: f"{rate / 1000:.4g}",
    )
    path = results.path.parent / REPORT
    with pending_output(path, overwrite=True) as pending:
        pending.write_text(page, encoding="utf-8")
    return path


def _group(points: Sequence[RatePoint], metrics: Sequence[str]) -> RateGroup:
    best = {metric: max(points, key=lambda point: goodness(point, metric)) for metric in metrics}
    return RateGroup(points, best, max(point.size for point in points))


def _delta_cell(delta: Delta, words: Callable[[float], str], less_is_better: bool) -> Markup:
    if delta.value is None:
        return Markup('<td class="soft">{}</td>').format(delta.reason)
    better = delta.value < 0 if less_is_better else delta.value > 0
    kind = "" if not delta.value else "good" if better else "bad"
    return Markup('<td class="{}">{}</td>').format(kind, words(delta.value))


def _in_words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {json.dumps(value)}" for name, value in settings.items() if value is not None)


def _viewer(pair: Pair) -> dict[str, Any]:
    """Give what the page's script takes."""
    both = (pair.peer, pair.ours)
    facts = [f"{point.codec}: {point.size} bytes, " + _mean_in_words(point) for point in both]
    return {"peer": pair.peer.codec, "facts": "; ".join(facts), "stills": [asdict(still) for still in pair.stills]}


def _mean_in_words(point: RatePoint) -> str:
    known = [METRICS[name] for name in ("lpips", "vmaf") if name in point.panel.pooled]
    return ", ".join(f"{metric.title} {metric.text(point.mean(metric.name))}" for metric in known[:1])
