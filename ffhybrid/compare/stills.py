"""Frames for the eye: the source, x265 and the hybrid file at one rate, as images inside the page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ffhybrid.compare.clip import Clip
from ffhybrid.compare.codecs import Codec
from ffhybrid.compare.curves import better_peer
from ffhybrid.compare.results import RatePoint
from ffhybrid.core import stock
from ffhybrid.core.images import webp
from ffhybrid.panel import METRICS

QUALITY = 92
OURS = "hybrid"


@dataclass(frozen=True, slots=True)
class Still:
    """One frame, number ``index``; images are ``data:`` addresses."""

    index: int
    why: str
    source: str
    peer: str
    ours: str


@dataclass(frozen=True, slots=True)
class Pair:
    """x265's better point and the hybrid one at one rate."""

    peer: RatePoint
    ours: RatePoint
    stills: tuple[Still, ...]


def make_stills(
    clip: Clip, points: Sequence[RatePoint], codecs: Sequence[Codec], folder: Path, work: Path
) -> list[Pair]:
    """Decode the first, the middle and the worst frame at each rate; none without x265 and hybrid."""
    peers = {point.bitrate: point for point in better_peer(points)}
    by_name = {codec.name: codec for codec in codecs}
    pairs = []
    for ours in points:
        if ours.codec == OURS and ours.bitrate in peers:
            peer = peers[ours.bitrate]
            frames = chosen_frames(ours, clip.frames)
            shown = [by_name[point.codec].show(folder / point.stream, work) for point in (peer, ours)]
            images = [_images(clip, path, sorted(frames)) for path in (clip.path, *shown)]
            stills = tuple(
                Still(index, frames[index], *parts)
                for index, parts in zip(sorted(frames), zip(*images, strict=True), strict=True)
            )
            pairs.append(Pair(peer, ours, stills))
    return pairs


def chosen_frames(point: RatePoint, frames: int) -> dict[int, str]:
    """Numbers of the frames to look at, and why: the first, the middle and the one with the worst LPIPS (or VMAF)."""
    metric = METRICS["lpips" if "lpips" in point.panel.series else "vmaf"]
    chosen = {}
    if metric.name in point.panel.series:
        values = point.panel.series[metric.name]
        worst = (max if metric.lower_is_better else min)(range(len(values)), key=values.__getitem__)
        chosen[worst * (point.panel.interval if metric.sampled else 1)] = f"hybrid's worst {metric.title}"
    for index, why in ((frames // 2, "the middle"), (0, "the first")):
        chosen[index] = f"{why}, {chosen[index]}" if index in chosen else why
    return chosen


def _images(clip: Clip, path: Path, indices: Sequence[int]) -> list[str]:
    return [
        "data:image/webp;base64," + base64.b64encode(webp(picture, clip.spec, quality=QUALITY)).decode()
        for picture in stock.pictures(path, clip.spec, indices)
    ]
