"""LPIPS, DISTS, SSIMULACRA2 and the error in Oklab of every n-th picture, and of the places in it, in torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import ModelError
from ffhybrid.filters.colour import to_oklab, to_rgb
from ffhybrid.filters.devices import device_of
from ffhybrid.filters.dists import Dists, dists_on
from ffhybrid.filters.losses import pack
from ffhybrid.filters.lpips import Lpips, lpips_on
from ffhybrid.filters.places import Places
from ffhybrid.filters.ssimulacra2 import ssimulacra2
from ffhybrid.panel.values import SeenSource, Series

OKLAB_UNIT = 1000
"""Squared errors are given in thousandths."""

Network = TypeVar("Network", Lpips, Dists)
Value = tuple[float, Tensor | None]
"""Of a picture, and of its places."""
Look = Callable[[Tensor], Value]
"""Compares an RGB picture in 0 to 1, (1, 3, rows, columns), with a source that it knows."""
Prepare = Callable[[Tensor, Places], Look]
"""Looks at a source once, however many pictures are then compared with it."""


def look_at(
    shown: Sequence[Iterable[Picture]],
    source: Iterable[Picture],
    spec: PictureSpec,
    names: Sequence[str],
    *,
    lpips: Path | None,
    device: str = "auto",
    seen: SeenSource[Look] | None = None,
) -> list[dict[str, Series]]:
    """Compare pictures of encodes with their source by the metrics of these names, whose weights are there.

    ``seen`` is what earlier calls for the same pictures of that source have learnt of it.

    Raises:
        ValueError: an encode has another number of pictures.
    """
    on = device_of(device)
    metrics, seen = {name: _metric(name, lpips, on) for name in names}, seen or SeenSource()
    places = Places(spec.height, spec.width)
    found: list[dict[str, _Values]] = [{name: _Values() for name in names} for _ in shown]
    with torch.no_grad():
        for number, (wanted, *pictures) in enumerate(zip(source, *shown, strict=True)):
            theirs = rgb(wanted, spec, on)
            ours = [rgb(picture, spec, on) for picture in pictures]
            for name, prepare in metrics.items():
                look = seen.look(name, number, partial(prepare, theirs, places), samples=spec.width * spec.height)
                for picture, values in zip(ours, found, strict=True):
                    values[name].add(*look(picture))
    return [{name: each.series() for name, each in values.items()} for values in found]


@dataclass(slots=True)
class _Values:
    """Of one metric over the pictures of an encode."""

    pictures: list[float] = field(default_factory=list)
    places: list[float] = field(default_factory=list)

    def add(self, value: float, by_place: Tensor | None) -> None:
        self.pictures.append(value)
        self.places += [] if by_place is None else by_place.flatten().tolist()

    def series(self) -> Series:
        return Series(values=tuple(self.pictures), places=tuple(self.places))


def rgb(picture: Picture, spec: PictureSpec, device: torch.device) -> Tensor:
    """Convert a picture by its own matrix and range to RGB in 0 to 1, (1, 3, rows, columns)."""
    return to_rgb(pack(picture, device), spec.colour)


def _metric(name: str, lpips: Path | None, device: torch.device) -> Prepare:
    if name == "oklab":
        return _oklab
    if name == "ssimulacra2":
        return _ssimulacra2
    if name == "dists":
        return partial(_dists, _present(dists_on(device)))
    if name == "lpips":
        return partial(_lpips, _present(lpips_on(device, path=lpips)))
    return partial(_lpips, _present(lpips_on(device, network="vgg")))


def _present(network: Network | None) -> Network:
    if network is None:
        raise ModelError("weights of a metric are gone that were there")
    return network


def _oklab(theirs: Tensor, places: Places) -> Look:
    wanted = to_oklab(theirs)

    def look(ours: Tensor) -> Value:
        error = OKLAB_UNIT * (to_oklab(ours) - wanted).square().sum(1, keepdim=True)
        return float(error.mean()), places.average(error)

    return look


def _ssimulacra2(theirs: Tensor, _: Places) -> Look:
    return lambda ours: (float(ssimulacra2(ours, theirs)), None)


def _lpips(network: Lpips, theirs: Tensor, places: Places) -> Look:
    wanted = network.activations(theirs)

    def look(ours: Tensor) -> Value:
        maps = network.maps(network.activations(ours), wanted)
        by_place = torch.stack([places.average(differences) for differences in maps]).sum(0)
        return float(sum(differences.mean() for differences in maps)), by_place

    return look


def _dists(network: Dists, theirs: Tensor, places: Places) -> Look:
    wanted = network.features(theirs)

    def look(ours: Tensor) -> Value:
        features = network.features(ours)
        return float(network.distance(features, wanted)), network.distance(features, wanted, places.average)

    return look
