"""Evaluation of a restorer against bicubic enlargement, on pictures that it has not learnt from."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.filters.cadm.reduction import colours_of, enlarged, quantised, reduced, to_blocks
from ffhybrid.filters.cadm.restorer import Restorer, class_of
from ffhybrid.filters.determinism import deterministic
from ffhybrid.filters.losses import LikenessLoss, pack
from ffhybrid.filters.lpips import Lpips

COLOURS = 64
"""The number of colours in the middle of what there is."""
STEPS = (1, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorerQuality:
    """Means over pictures: PSNR of all samples in dB, and LPIPS, beside bicubic's."""

    scale: int
    steps: int
    psnr: float
    psnr_bicubic: float
    lpips: float
    lpips_bicubic: float


@dataclass(frozen=True, slots=True)
class TrainingPicture:
    """A picture and how it is to be shown."""

    picture: Picture
    spec: PictureSpec


def evaluate(
    restorer: Restorer, stills: Sequence[TrainingPicture], *, reductions: tuple[int, ...], lpips: Lpips
) -> list[RestorerQuality]:
    """Reduce, enlarge and restore pictures, at every scale, in one step and in a few."""
    with deterministic(), torch.no_grad():
        return [
            _mean([_one(restorer, still, reduction, steps, lpips) for still in stills])
            for reduction in reductions
            for steps in STEPS
        ]


def _one(restorer: Restorer, still: TrainingPicture, reduction: int, steps: int, lpips: Lpips) -> RestorerQuality:
    source = pack(still.picture, restorer.device)
    scale = 1 << reduction
    pixels = reduced(source, scale)[0]
    few = quantised(pixels, colours_of(pixels, COLOURS, torch.Generator().manual_seed(0)))[None]
    rows, columns = source.shape[-2:]
    bicubic = to_blocks(enlarged(few, scale)[..., : 2 * rows, : 2 * columns])
    frame = restorer.frame(still.spec)
    restored = restorer.restored(bicubic, frame, label=class_of(reduction, COLOURS), steps=steps, tile=frame.tile)
    likeness = LikenessLoss(source, colour=still.spec.colour, lpips=lpips, weight=0.0, generator=torch.Generator())
    return RestorerQuality(
        scale=scale,
        steps=steps,
        psnr=likeness.psnr(restored),
        psnr_bicubic=likeness.psnr(bicubic),
        lpips=likeness.lpips(restored),
        lpips_bicubic=likeness.lpips(bicubic),
    )


def _mean(found: Sequence[RestorerQuality]) -> RestorerQuality:
    def mean(name: str) -> float:
        return statistics.fmean(getattr(quality, name) for quality in found)

    return RestorerQuality(
        scale=found[0].scale,
        steps=found[0].steps,
        psnr=mean("psnr"),
        psnr_bicubic=mean("psnr_bicubic"),
        lpips=mean("lpips"),
        lpips_bicubic=mean("lpips_bicubic"),
    )
