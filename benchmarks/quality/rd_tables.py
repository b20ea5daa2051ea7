"""Tables of the rate-distortion figures that :mod:`quality.rd_results` keeps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from rich.console import Console
from rich.table import Table

from ffhybrid.panel import METRICS, Metric
from quality.rd_results import RdFile, Row, Wavering, order
from quality.rd_verdicts import (
    OTHER_THRESHOLDS,
    OURS,
    THRESHOLDS,
    Duel,
    Pair,
    Pool,
    Verdict,
    duel,
    figure,
    pairs,
    wavers,
)

BEST_PEER = "x265-best"
POOLS: Mapping[str, Pool] = {
    "mean": lambda figures: figures.mean,
    "worst pictures": lambda figures: figures.worst_pictures,
    "worst places": lambda figures: figures.worst_places,
}
PLACED = ("dists", *OTHER_THRESHOLDS)
"""Metrics whose worst places are compared clip by clip."""
SHARED_OUT = (OURS, "x265", BEST_PEER)
"""Codecs whose keyframes are held against their P and B pictures."""
KEYFRAME_PARTS = ("latent", "payload", "placeholder", "I")
MOST_OFF = 0.01
COLOURS = {Verdict.WON: "green", Verdict.LOST: "red", Verdict.EQUAL: "dim"}


def print_tables(file: RdFile, console: Console) -> None:
    """Print everything, clips that were reduced to a width apart from those of their own size."""
    for limit in sorted({row.width_limit for row in file.rows}, key=lambda limit: limit or math.inf):
        rows = [row for row in file.rows if row.width_limit == limit]
        wavering = [one for one in file.wavering if one.width_limit == limit]
        console.rule(f"{limit} samples wide at most" if limit else "native size")
        _print_clips(rows, console)
        _print_averages(rows, console)
        for peer in peers_of(rows):
            _print_duels(rows, wavering, peer, console)
        _print_worst_places(rows, console)
        _print_shares(rows, console)
        _print_misses(rows, console)


def peers_of(rows: Sequence[Row]) -> list[str]:
    """Codecs that hybrid files are held against, in the order of tables."""
    codecs = {row.codec for row in rows}
    return sorted(codecs - {OURS} if OURS in codecs else (), key=lambda codec: (order(codec), codec))


def points_of(rows: Sequence[Row]) -> list[float]:
    """Rates in bits per pixel."""
    return sorted({row.point for row in rows})


def common(rows: Sequence[Row], point: float) -> dict[str, list[Row]]:
    """Rows of a point by codec, of the clips that all codecs have of the same pictures."""
    chosen = [row for row in rows if row.point == point]
    codecs = sorted({row.codec for row in chosen}, key=order)
    by_codec = {codec: {(row.clip, row.md5): row for row in chosen if row.codec == codec} for codec in codecs}
    shared = set.intersection(*(set(found) for found in by_codec.values()))
    return {codec: [found[key] for key in sorted(shared)] for codec, found in by_codec.items()} if shared else {}


def _print_clips(rows: Sequence[Row], console: Console) -> None:
    table = Table("clip", "size", "pictures", "a second", "codecs at bits per pixel", box=None, pad_edge=False)
    for name, md5 in sorted({(row.clip, row.md5) for row in rows}):
        chosen = [row for row in rows if (row.clip, row.md5) == (name, md5)]
        first = chosen[0]
        codecs = {point: ", ".join(row.codec for row in chosen if row.point == point) for point in points_of(chosen)}
        have = "; ".join(f"{point:g}: {names}" for point, names in codecs.items())
        table.add_row(name, f"{first.width}x{first.height}", str(first.frames), first.frame_rate, have)
    console.print(table)


def _print_averages(rows: Sequence[Row], console: Console) -> None:
    console.print("\n[bold]Averages over clips[/], as the files are; * the best")
    titles = [metric.title for metric in METRICS.values()]
    table = Table("bpp", "clips", "of", "codec", *titles, "bytes", box=None, pad_edge=False)
    for point in points_of(rows):
        chosen = common(rows, point)
        for part, pool in POOLS.items():
            cells = {metric.name: _averages(chosen, metric, pool) for metric in METRICS.values()}
            for codec, found in chosen.items():
                miss = f"{100 * fmean(row.miss for row in found):+.1f} %"
                table.add_row(f"{point:g}", str(len(found)), part, codec, *(cells[m][codec] for m in METRICS), miss)
        table.add_row()
    console.print(table)


def _averages(chosen: Mapping[str, Sequence[Row]], metric: Metric, pool: Pool) -> dict[str, str]:
    means = {codec: fmean(figure(row, metric.name, pool) for row in found) for codec, found in chosen.items()}
    known = [mean for mean in means.values() if not math.isnan(mean)]
    best = (min if metric.lower_is_better else max)(known, default=math.nan)
    return {
        codec: "-" if math.isnan(mean) else f"[bold]{metric.text(mean)}[/]*" if mean == best else metric.text(mean)
        for codec, mean in means.items()
    }


def _print_duels(rows: Sequence[Row], wavering: Sequence[Wavering], peer: str, console: Console) -> None:
    console.print(
        f"\n[bold]hybrid against {peer}[/], means over pictures, {peer} at the bytes of the hybrid file; "
        "wavers: standard deviation of one file of a clip, an average over n clips has 1/sqrt(n) of it"
    )
    headings = (
        "bpp",
        "metric",
        "hybrid",
        peer,
        "difference",
        "from",
        "wavers",
        "verdict",
        "clips won",
        "equal",
        "lost",
    )
    table = Table(*headings, box=None, pad_edge=False)
    for point in points_of(rows):
        found = pairs(rows, peer, point)
        duels = [one for metric in THRESHOLDS if (one := duel(metric, found, POOLS["mean"]))]
        for one in duels:
            waver = wavers(wavering, one.metric, POOLS["mean"], point=point)
            table.add_row(f"{point:g}", *_duel_cells(one, waver))
        if duels:
            counts = ", ".join(f"{verdict} {sum(one.verdict is verdict for one in duels)}" for verdict in Verdict)
            table.add_row(f"{point:g}", f"[bold]{counts}[/]", *[""] * 8, f"of {len(found)} clips")
            table.add_row()
    console.print(table)


def _duel_cells(one: Duel, waver: float | None) -> Iterator[str]:
    metric = METRICS[one.metric]
    yield from (metric.title, metric.text(one.ours), metric.text(one.theirs))
    words = relative if metric.lower_is_better else metric.difference
    yield words(one.difference)
    yield words(THRESHOLDS[one.metric]).lstrip("+")
    yield "-" if waver is None else words(waver).lstrip("+")
    yield coloured(one.verdict)
    yield from (str(one.count(verdict)) for verdict in (Verdict.WON, Verdict.EQUAL, Verdict.LOST))


def _print_worst_places(rows: Sequence[Row], console: Console) -> None:
    console.print(f"\n[bold]The worst 5 % of 64x64 places, clip by clip[/]: hybrid, {BEST_PEER}, difference")
    table = Table("bpp", "clip", *(METRICS[name].title for name in PLACED), box=None, pad_edge=False)
    for point in points_of(rows):
        found = pairs(rows, BEST_PEER, point)
        for pair in found:
            table.add_row(f"{point:g}", pair.ours.clip, *(_place_cell(pair, metric) for metric in PLACED))
        if found:
            table.add_row(f"{point:g}", "[bold]not worse / worse / lost[/]", *(_count(found, name) for name in PLACED))
            table.add_row()
    console.print(table)


def _place_cell(pair: Pair, metric: str) -> str:
    values = pair.values(metric, POOLS["worst places"])
    if values is None:
        return "-"
    words = " ".join(METRICS[metric].text(value) for value in values)
    one = duel(metric, [pair], POOLS["worst places"])
    return f"{words} {relative(one.difference)} {coloured(one.verdict)}" if one else "-"


def _count(found: Sequence[Pair], metric: str) -> str:
    duels = [one for pair in found if (one := duel(metric, [pair], POOLS["worst places"]))]
    worse = sum(one.difference > 0 for one in duels)
    lost = sum(one.verdict is Verdict.LOST for one in duels)
    return f"[bold]{len(duels) - worse} / {worse} / {lost}[/]"


def _print_shares(rows: Sequence[Row], console: Console) -> None:
    console.print(
        "\n[bold]Keyframes, and P and B pictures[/] (table 3 of HybridPrompt): bytes of one; averages over clips; "
        "quality of keyframes / of P and B pictures"
    )
    titles = [METRICS[name].title for name in THRESHOLDS]
    headings = ("bpp", "clips", "codec", "a keyframe", "a P", "a B", "keyframes' share", "P and B to x265's")
    table = Table(*headings, *titles, box=None, pad_edge=False)
    for point in points_of(rows):
        chosen = common([row for row in rows if row.codec in SHARED_OUT], point)
        for codec, found in chosen.items():
            share = fmean(_bytes(row, KEYFRAME_PARTS) / row.bytes for row in found)
            table.add_row(
                *(f"{point:g}", str(len(found)), codec),
                _each(found, KEYFRAME_PARTS, "I"),
                *(_each(found, (kind,), kind) for kind in "PB"),
                f"{100 * share:.0f} %",
                _to_x265(found, chosen.get("x265")),
                *(_both_kinds(found, METRICS[name]) for name in THRESHOLDS),
            )
        table.add_row()
    console.print(table)


def _bytes(row: Row, parts: Sequence[str]) -> int:
    return sum(row.split.get(part, 0) for part in parts)


def _each(rows: Sequence[Row], parts: Sequence[str], kind: str) -> str:
    sizes = [_bytes(row, parts) / row.pictures[kind] for row in rows if row.pictures.get(kind)]
    return f"{fmean(sizes):.0f}" if sizes else "-"


def _to_x265(rows: Sequence[Row], theirs: Sequence[Row] | None) -> str:
    if theirs is None:
        return "-"
    ratios = [_bytes(one, "PB") / _bytes(other, "PB") for one, other in zip(rows, theirs, strict=True)]
    return relative(fmean(ratios) - 1)


def _both_kinds(rows: Sequence[Row], metric: Metric) -> str:
    kinds: tuple[Pool, ...] = (lambda figures: figures.keyframes, lambda figures: figures.others)
    means = [fmean(figure(row, metric.name, kind) for row in rows) for kind in kinds]
    return " / ".join("-" if math.isnan(mean) else metric.text(mean) for mean in means)


def _print_misses(rows: Sequence[Row], console: Console) -> None:
    missed = [row for row in rows if abs(row.miss) > MOST_OFF]
    if missed:
        console.print(f"\n[bold]Files off their size by more than {100 * MOST_OFF:g} %[/]")
    for row in missed:
        console.print(
            f"{row.clip} {row.codec} at {row.point:g}: {row.bytes} bytes, {relative(row.miss)}; {row.control}"
        )


def relative(part: float) -> str:
    """Write a part."""
    return f"{100 * part:+.1f} %"


def coloured(verdict: Verdict) -> str:
    """Write a verdict."""
    return f"[{COLOURS[verdict]}]{verdict}[/]"
