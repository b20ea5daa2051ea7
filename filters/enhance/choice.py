"""Choosing the strengths of detail and texture for a picture: what is tried by preset, and by what it is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.filters.base import DifferentiableObjective, Objective, lpips_can_see
from ffhybrid.filters.devices import device_of
from ffhybrid.filters.effort import PERCEPTUAL
from ffhybrid.filters.enhance.codec import WHOLE_LEVEL, Enhancement, Strengths

if TYPE_CHECKING:
    from ffhybrid.filters.visual_distance import PictureParts


Judge = Callable[[Picture], tuple[float, NDArray[np.float64] | None]]
"""Gives the loss of a picture, less being better, and what every place of 64x64 adds to it, where that is known: all
pictures that one judge is given are of one source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Strengths that are tried: of texture, with all the detail; then of detail, with the best texture.

    With ``blocks`` the best texture of every block is tried too.
    """

    textures: tuple[float, ...] = (1.0,)
    details: tuple[float, ...] = (1.0,)
    blocks: bool = False

    @property
    def count(self) -> int:
        """How many pictures are made at most."""
        return len(self.textures) + len(self.details) - 1 + self.blocks

    @property
    def is_choice(self) -> bool:
        """Whether there is something to be judged."""
        return self.count > 1


_UNJUDGED = Trials()
_FEW = Trials(textures=(1.0, 0.0))
_SOME = Trials(textures=(1.0, 0.0, 0.5, 1.5), details=(1.0, 0.0), blocks=True)
_MANY = Trials(textures=(1.0, 0.0, 0.25, 0.5, 0.75, 1.25, 1.5), details=(1.0, 0.0, 0.5, 1.5), blocks=True)
PRESETS = {
    "ultrafast": _UNJUDGED,
    "superfast": _UNJUDGED,
    "veryfast": _FEW,
    "faster": _FEW,
    "fast": _SOME,
    "medium": _SOME,
    "slow": _MANY,
    "slower": _MANY,
    "veryslow": _MANY,
    "placebo": _MANY,
}
"""By x265's names; all the strength there is where nothing is tried."""


def choose(
    seen: Enhancement, trials: Trials, judge: Judge, *, noise: int, report: Callable[[float], None]
) -> Strengths:
    """Try strengths, and return the best; ``report`` is told the loss of each."""
    tried: dict[Strengths, float] = {}

    def attempt(strengths: Strengths) -> NDArray[np.float64] | None:
        tried[strengths], places = judge(seen.picture(strengths))
        report(tried[strengths])
        return places

    detail = trials.details[0]
    places = {texture: attempt(Strengths(texture=texture, detail=detail, noise=noise)) for texture in trials.textures}
    levels = _best_levels(places) if trials.blocks else ()
    if levels:
        attempt(Strengths(detail=detail, noise=noise, levels=levels))
    best = min(tried, key=tried.__getitem__)
    for other in trials.details[1:]:
        attempt(replace(best, detail=other))
    return min(tried, key=tried.__getitem__)


def _best_levels(places: Mapping[float, NDArray[np.float64] | None]) -> tuple[tuple[int, ...], ...]:
    """Take for every block the texture that is best there, of those that are levels; nothing where all are the same."""
    known = {
        round(texture * WHOLE_LEVEL): losses
        for texture, losses in places.items()
        if losses is not None and (texture * WHOLE_LEVEL).is_integer()
    }
    if len(known) < 2:
        return ()
    best = np.array(list(known))[np.stack(list(known.values())).argmin(0)]
    return () if (best == best[0, 0]).all() else tuple(tuple(row) for row in best.tolist())


def judge_of(objective: Objective, spec: PictureSpec, *, tune: str, device: str, lpips: Path | None) -> Judge:
    """Find what judges pictures: an objective's own loss, the visual distance from the source, or the squared error.

    Raises:
        UsageError: the device is not there.
        ModelError: the weights of LPIPS are not.
    """
    if isinstance(objective, DifferentiableObjective):
        return _whole(_own_loss(objective, device))
    if tune != PERCEPTUAL or not lpips_can_see(spec):
        return _whole(objective.distortion)
    return _visual(objective, spec, device, lpips)


def _whole(loss: Callable[[Picture], float]) -> Judge:
    return lambda picture: (loss(picture), None)


def _own_loss(objective: DifferentiableObjective, device: str) -> Callable[[Picture], float]:
    from ffhybrid.filters.losses import pack

    on = device_of(device)
    loss = objective.loss(on)
    return lambda picture: loss.whole(pack(picture, on))


def _visual(objective: Objective, spec: PictureSpec, device: str, lpips: Path | None) -> Judge:
    import torch

    from ffhybrid.filters.colour import to_rgb
    from ffhybrid.filters.losses import pack
    from ffhybrid.filters.lpips import load_lpips
    from ffhybrid.filters.visual_distance import VisualDistance

    on = device_of(device)
    distance = VisualDistance(load_lpips(lpips, on))
    source = distance.source(to_rgb(pack(objective.source, on), spec.colour))

    first: PictureParts | None = None

    def judge(picture: Picture) -> tuple[float, NDArray[np.float64]]:
        nonlocal first
        with torch.no_grad():
            parts = distance.parts(to_rgb(pack(picture, on), spec.colour), source)
            first = first or parts
            return float(distance.distance([parts])), distance.by_place(parts, first).double().cpu().numpy()

    return judge
