"""Plots as SVG to be put into a page: text and axes take the page's own colour."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import escape
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ffhybrid.compare.curves import by_codec
from ffhybrid.compare.results import RatePoint
from ffhybrid.panel import METRICS

COLOURS: Mapping[str, str] = {
    "hybrid": "#e0433f",
    "x265": "#3f7fd0",
    "x265-best": "#22a3a3",
    "sr": "#d0559f",
    "svtav1": "#c98a1b",
    "vvenc": "#8a5cc9",
}
"""Colours of lines, to be told apart on white and on black."""
_MARKERS = dict(zip(COLOURS, "osD^vX", strict=True))
"""Of points, so that codecs are not told apart by colour alone."""
_INK = "#010203"
"""A stand-in for the page's text colour, as matplotlib knows no ``currentColor``."""
_SIZE = (4.6, 3.1)


def rate_plot(points: Sequence[RatePoint], metric: str) -> str:
    """Draw the mean of a metric over the rate, a line a codec."""

    def draw(axes: Axes) -> None:
        for codec, chosen in by_codec(points).items():
            rates = [point.rate / 1000 for point in chosen]
            means = [point.mean(metric) for point in chosen]
            axes.plot(rates, means, color=COLOURS[codec], marker=_MARKERS[codec], markersize=5, label=codec)
        axes.set_xlabel("kbit/s")
        axes.set_title(f"{title}, {'lower' if known.lower_is_better else 'higher'} is better", fontsize=10)

    known = METRICS[metric]
    title = f"{known.title}{known.unit and f' in{known.unit}'}"
    return _svg(draw, f"rate-{metric}", f"{title} over the rate")


def cdf_plot(points: Sequence[RatePoint], bitrate: int) -> str:
    """Draw which part of the frames is at or below an LPIPS, a line a codec (HybridPrompt figure 5)."""

    def draw(axes: Axes) -> None:
        for point in points:
            values = np.sort(point.panel.series["lpips"])
            parts = np.arange(1, len(values) + 1) / len(values)
            axes.step([values[0], *values], [0, *parts], where="post", color=COLOURS[point.codec], label=point.codec)
        axes.set_xlabel("LPIPS")
        axes.set_ylabel("part of the frames")
        axes.set_title(f"{bitrate / 1000:g} kbit/s", fontsize=10)

    return _svg(draw, f"cdf-{bitrate}", f"How LPIPS is spread over frames at {bitrate / 1000:g} kbit/s")


def _svg(draw: Callable[[Axes], None], salt: str, label: str) -> str:
    """Render; ``salt`` keeps identifiers of several plots on one page apart, ``label`` is for those who hear it."""
    look: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "font.family": "sans-serif",
        "font.size": 9,
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
    }
    with rc_context(look):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        axes.grid(color=_INK, alpha=0.15, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return _inline(file.getvalue(), label)


def _inline(document: str, label: str) -> str:
    """Leave out what a page does not need: prologue and metadata, which name other sites."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
    return svg.replace(_INK, "currentColor")
