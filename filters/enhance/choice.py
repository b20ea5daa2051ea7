"""Choosing the strengths of detail and texture for a picture: what is tried by preset, and by what it is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.filters.base import DifferentiableObjective, Objective, lpips_can_see
from ffhybrid.filters.devices import device_of
from ffhybrid.filters.effort import PERCEPTUAL
from ffhybrid.filters.enhance.codec import Enhancement, Strengths

Judge = Callable[[Picture], float]
"""Gives the loss of a picture; less is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Strengths that are tried: of texture, with all the detail; then of detail, with the best texture."""

    textures: tuple[float, ...] = (1.0,)
    details: tuple[float, ...] = (1.0,)

    @property
    def count(self) -> int:
        """How many pictures are made."""
        return len(self.textures) + len(self.details) - 1

    @property
    def is_choice(self) -> bool:
        """Whether there is something to be judged."""
        return self.count > 1


_UNJUDGED = Trials()
_FEW = Trials(textures=(1.0, 0.0))
_SOME = Trials(textures=(1.0, 0.0, 0.5, 1.5), details=(1.0, 0.0))
_MANY = Trials(textures=(1.0, 0.0, 0.25, 0.5, 0.75, 1.25, 1.5), details=(1.0, 0.0, 0.5, 1.5))
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

    def loss(strengths: Strengths) -> float:
        found = judge(seen.picture(strengths))
        report(found)
        return found

    tried: dict[Strengths, float] = {}
    for texture in trials.textures:
        strengths = Strengths(texture=texture, detail=trials.details[0], noise=noise)
        tried[strengths] = loss(strengths)
    best = min(tried, key=tried.__getitem__)
    for detail in trials.details[1:]:
        strengths = replace(best, detail=detail)
        tried[strengths] = loss(strengths)
    return min(tried, key=tried.__getitem__)


def judge_of(objective: Objective, spec: PictureSpec, *, tune: str, device: str, lpips: Path | None) -> Judge:
    """Find what judges pictures: an objective's own loss, the visual distance from the source, or the squared error.

    Raises:
        UsageError: the device is not there.
        ModelError: the weights of LPIPS are not.
    """
    if isinstance(objective, DifferentiableObjective):
        return _own_loss(objective, device)
    if tune != PERCEPTUAL or not lpips_can_see(spec):
        return objective.distortion
    return _visual(objective, spec, device, lpips)


def _own_loss(objective: DifferentiableObjective, device: str) -> Judge:
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

    def judge(picture: Picture) -> float:
        with torch.no_grad():
            return float(distance.distance([distance.parts(to_rgb(pack(picture, on), spec.colour), source)]))

    return judge
