"""LPIPS, DISTS, SSIMULACRA2 and the error in Oklab of every n-th picture, and of the places in it, in torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from ffhybrid.compare.panel.places import Places
from ffhybrid.compare.panel.values import Series
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import ModelError
from ffhybrid.filters.colour import to_oklab, to_rgb
from ffhybrid.filters.devices import device_of
from ffhybrid.filters.dists import Dists, dists_on
from ffhybrid.filters.losses import pack
from ffhybrid.filters.lpips import Lpips, lpips_on
from ffhybrid.filters.ssimulacra2 import ssimulacra2

OKLAB_UNIT = 1000
"""Squared errors are given in thousandths."""

Network = TypeVar("Network", Lpips, Dists)
Value = tuple[float, Tensor | None]
"""Of a picture, and of its places."""
Look = Callable[[Tensor, Tensor, Places], Value]
"""Compares two RGB pictures in 0 to 1, (1, 3, rows, columns), the source second."""


def look_at(
    pairs: Iterable[tuple[Picture, Picture]], spec: PictureSpec, names: Sequence[str], *, lpips: Path | None
) -> dict[str, Series]:
    """Compare pictures with their source by the metrics of these names, whose weights are there."""
    device = device_of("auto")
    looks = {name: _look(name, lpips, device) for name in names}
    places = Places(spec.height, spec.width)
    values: dict[str, list[float]] = {name: [] for name in names}
    placed: dict[str, list[float]] = {name: [] for name in names}
    with torch.no_grad():
        for pair in pairs:
            ours, theirs = (rgb(picture, spec, device) for picture in pair)
            for name, look in looks.items():
                value, by_place = look(ours, theirs, places)
                values[name].append(value)
                placed[name] += [] if by_place is None else by_place.flatten().tolist()
    return {name: Series(values=tuple(values[name]), places=tuple(placed[name])) for name in names}


def rgb(picture: Picture, spec: PictureSpec, device: torch.device) -> Tensor:
    """Convert a picture by its own matrix and range to RGB in 0 to 1, (1, 3, rows, columns)."""
    return to_rgb(pack(picture, device), spec.colour)


def _look(name: str, lpips: Path | None, device: torch.device) -> Look:
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


def _oklab(ours: Tensor, theirs: Tensor, places: Places) -> Value:
    error = OKLAB_UNIT * (to_oklab(ours) - to_oklab(theirs)).square().sum(1, keepdim=True)
    return float(error.mean()), places.average(error)


def _ssimulacra2(ours: Tensor, theirs: Tensor, _: Places) -> Value:
    return float(ssimulacra2(ours, theirs)), None


def _lpips(network: Lpips, ours: Tensor, theirs: Tensor, places: Places) -> Value:
    maps = network.maps(network.activations(ours), network.activations(theirs))
    by_place = torch.stack([places.average(differences) for differences in maps]).sum(0)
    return float(sum(differences.mean() for differences in maps)), by_place


def _dists(network: Dists, ours: Tensor, theirs: Tensor, places: Places) -> Value:
    features, wanted = network.features(ours), network.features(theirs)
    return float(network.distance(features, wanted)), network.distance(features, wanted, places.average)
