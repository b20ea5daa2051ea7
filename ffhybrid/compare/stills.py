"""Stills for the eye, in files beside the page: what is around the places where codecs differ most, without loss."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from ffhybrid.compare.clip import Clip
from ffhybrid.compare.codecs import Codec
from ffhybrid.compare.differences import Spot, errors_by_place, spots
from ffhybrid.compare.results import RatePoint
from ffhybrid.compare.standings import by_rate
from ffhybrid.core import stock
from ffhybrid.core.atomic_files import pending_output
from ffhybrid.core.images import png
from ffhybrid.core.picture import PictureSpec

STILLS = "stills"
SOURCE = "source"
WINDOW = (320, 180)
"""Most samples of a still, across and down: 640x360 at twofold size."""


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a picture that a still shows, in even samples."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class View:
    """One place as two codecs (or the source and a codec) show it; ``images`` are paths in the folder of the page."""

    names: tuple[str, str]
    spot: Spot
    window: Window
    images: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RateViews:
    """Views of all pairs at one rate."""

    bitrate: int
    views: tuple[View, ...]


@dataclass(slots=True)
class _Cutting:
    """What has to be cut out of a decodable file: names of images by frame and window."""

    path: Path
    images: dict[int, dict[Window, str]] = field(default_factory=lambda: defaultdict(dict))

    def write(self, spec: PictureSpec, folder: Path) -> None:
        """Decode the frames once, and write the images."""
        frames = sorted(self.images)
        for frame, picture in zip(frames, stock.pictures(self.path, spec, frames), strict=True):
            for window, name in self.images[frame].items():
                part = picture.part(window.x, window.y, window.width, window.height)
                data = png(part, replace(spec, width=window.width, height=window.height))
                with pending_output(folder / name, overwrite=True) as pending:
                    pending.write_bytes(data)


def make_stills(
    clip: Clip, points: Sequence[RatePoint], codecs: Sequence[Codec], folder: Path, work: Path
) -> list[RateViews]:
    """Find where any two codecs differ most at each rate, and write what they and the source show there.

    ``folder`` is that of the results; images of earlier runs that are not shown any more are removed.
    """
    by_name = {codec.name: codec for codec in codecs}
    cuttings = {SOURCE: _Cutting(clip.path)}
    found = []
    for group in by_rate(points):
        shown = {point.codec: by_name[point.codec].show(folder / point.stream, work) for point in group}
        bitrate = group[0].bitrate
        cuttings |= {_owner(name, bitrate): _Cutting(path) for name, path in shown.items()}
        interval = group[0].panel.interval
        errors = {name: errors_by_place(clip, path, interval) for name, path in shown.items()}
        errors = {SOURCE: np.zeros_like(next(iter(errors.values()))), **errors}
        views = [
            _view(pair, spot, clip.spec, bitrate, cuttings)
            for pair in combinations(errors, 2)
            for spot in spots(errors[pair[0]], errors[pair[1]], clip.spec, interval)
        ]
        found.append(RateViews(bitrate, tuple(views)))
    (folder / STILLS).mkdir(exist_ok=True)
    for cutting in cuttings.values():
        cutting.write(clip.spec, folder)
    _remove_all_but({path for rate in found for view in rate.views for path in view.images.values()}, folder)
    return found


def _view(pair: tuple[str, str], spot: Spot, spec: PictureSpec, bitrate: int, cuttings: Mapping[str, _Cutting]) -> View:
    """Plan the images of a view."""
    window = window_around(spot, spec)
    images = {}
    for name in dict.fromkeys((*pair, SOURCE)):
        owner = _owner(name, bitrate)
        images[name] = f"{STILLS}/{owner}-{spot.frame}-{window.x}-{window.y}.png"
        cuttings[owner].images[spot.frame][window] = images[name]
    return View(pair, spot, window, images)


def _owner(name: str, bitrate: int) -> str:
    return name if name == SOURCE else f"{name}-{bitrate}"


def window_around(spot: Spot, spec: PictureSpec) -> Window:
    """Put the place in the middle, or as near to it as the edges of the picture allow."""
    width, height = min(WINDOW[0], spec.width), min(WINDOW[1], spec.height)
    x = min(max(spot.x + (spot.width - width) // 2, 0), spec.width - width)
    y = min(max(spot.y + (spot.height - height) // 2, 0), spec.height - height)
    return Window(x - x % 2, y - y % 2, width, height)


def _remove_all_but(kept: set[str], folder: Path) -> None:
    for path in (folder / STILLS).glob("*.png"):
        if path.relative_to(folder).as_posix() not in kept:
            path.unlink()
