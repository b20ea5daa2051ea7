"""``index.html``: tables, plots and a slider on one page that needs no network; its stills lie beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ffhybrid.compare.bjontegaard import Delta
from ffhybrid.compare.codecs import PARTS
from ffhybrid.compare.curves import better_peer, deltas, metrics_of
from ffhybrid.compare.plots import COLOURS, cdf_plot, rate_plot
from ffhybrid.compare.results import RatePoint, Results
from ffhybrid.compare.standings import Standings, by_rate, standings
from ffhybrid.compare.stills import SOURCE, RateViews, View
from ffhybrid.core.atomic_files import pending_output
from ffhybrid.panel import METRICS, PANEL

REPORT = "index.html"
OURS = "hybrid"
TOO_FAR = 0.02
"""Part of its size by which a file may miss it without being coloured."""
SHADES = dict(
    zip(PARTS, ("#e0433f", "#f3a29a", "#8d8f94", "#3f7fd0", "#22a3a3", "#96d3c8", "#c79a3b", "#b9bdc4"), strict=True)
)


@dataclass(frozen=True, slots=True)
class RateGroup:
    """Points at one wanted rate, and the bytes of the largest."""

    points: Sequence[RatePoint]
    largest: int


def write_report(results: Results, views: Sequence[RateViews], *, gop_length: int, missing: Mapping[str, str]) -> Path:
    """Write the page beside the results and return its path; ``missing`` says how to get metrics that are left out."""
    points = results.selected()
    metrics = metrics_of(points)
    tables = standings(points)
    groups = [RateGroup(group, max(point.size for point in group)) for group in by_rate(points)]
    rate = Fraction(results.clip.frame_rate)
    environment = Environment(
        loader=PackageLoader("ffhybrid.compare", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("report.html.j2").render(
        clip=results.clip,
        rate=float(rate),
        gop_length=gop_length,
        interval=points[0].panel.interval,
        standings=tables,
        missing={METRICS[name].title: command for name, command in missing.items()},
        not_taken=_not_taken(tables, missing),
        metrics=[METRICS[name] for name in metrics],
        groups=groups,
        deltas=deltas(points),
        delta_cell=_delta_cell,
        per_cent=lambda part: f"{100 * part:+.1f} %",
        of_target=lambda point: f"{100 * _off(point):+.1f} %",
        is_off=lambda point: abs(_off(point)) > TOO_FAR,
        parts=PARTS,
        shades=SHADES,
        colours=COLOURS,
        rate_plots=[rate_plot(points, metric) for metric in metrics],
        cdf_plots=[cdf_plot(group.points, group.points[0].bitrate) for group in groups] if "lpips" in metrics else [],
        settings={point.codec: _in_words(point.settings) for point in points},
        viewer=_viewer(views, points, rate),
        kbits=_kbits,
    )
    path = results.path.parent / REPORT
    with pending_output(path, overwrite=True) as pending:
        pending.write_text(page, encoding="utf-8")
    return path


def _not_taken(tables: Sequence[Standings], missing: Mapping[str, str]) -> list[str]:
    """Titles of metrics that are in no table, though nothing is missing for them."""
    shown = {metric.name for table in tables for metric in table.metrics}
    return [metric.title for metric in PANEL if metric.name not in shown and metric.name not in missing]


def _off(point: RatePoint) -> float:
    """By which part a file is larger than wanted."""
    return point.rate / point.bitrate - 1


def _delta_cell(delta: Delta, words: Callable[[float], str], less_is_better: bool) -> Markup:
    if delta.value is None:
        return Markup('<td class="soft">{}</td>').format(delta.reason)
    better = delta.value < 0 if less_is_better else delta.value > 0
    kind = "" if not delta.value else "good" if better else "bad"
    return Markup('<td class="{}">{}</td>').format(kind, words(delta.value))


def _in_words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {json.dumps(value)}" for name, value in settings.items() if value is not None)


def _kbits(rate: float) -> str:
    return f"{rate / 1000:.4g}"


def _viewer(found: Sequence[RateViews], points: Sequence[RatePoint], frame_rate: Fraction) -> dict[str, Any]:
    """Give what the page's script takes: views of each rate, and the names that it begins with."""
    rates = [
        {"rate": f"{_kbits(rate.bitrate)} kbit/s", "views": [_view(view, frame_rate) for view in rate.views]}
        for rate in found
    ]
    names = list(dict.fromkeys([SOURCE, *(point.codec for point in points)]))
    return {"rates": rates, "names": names, "opening": _opening(points, names)}


def _view(view: View, frame_rate: Fraction) -> dict[str, Any]:
    spot, window = view.spot, view.window
    return {
        "images": view.images,
        "errors": dict(zip(view.names, spot.errors, strict=True)),
        "frame": spot.frame,
        "seconds": float(spot.frame / frame_rate),
        "place": {"x": spot.x, "y": spot.y, "width": spot.width, "height": spot.height},
        "window": {"x": window.x, "y": window.y, "width": window.width, "height": window.height},
    }


def _opening(points: Sequence[RatePoint], names: Sequence[str]) -> tuple[str, str]:
    """Begin with x265's better one beside the hybrid file, or else with the last two there are."""
    peers = [peer.codec for peer in better_peer(points)]
    return (peers[0], OURS) if peers and OURS in names else (names[-2], names[-1])
