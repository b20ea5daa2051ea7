"""Visual distance of pictures from their source: SSIMULACRA2 of places, LPIPS, and the worst errors in Oklab.

One number alone is easily fooled: mean LPIPS cannot see a person torn into blocks on a crisp lawn, a mean squared error
takes blur for likeness. The distance is the product of three, each to the power of its weight, so that one per cent of
a part counts alike in good and in bad pictures. Gradients pass. How often it prefers what a panel of metrics does:
``benchmarks/quality/judge.py``, which the weights are from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ffhybrid.filters.colour import to_oklab
from ffhybrid.filters.lpips import Lpips
from ffhybrid.filters.places import Places
from ffhybrid.filters.ssimulacra2 import SeenScale, seen_scales, ssimulacra2_by_place

PERFECT = 100
"""SSIMULACRA2 of equal pictures."""
LEAST = 1e-6
"""Of a part: that of equal pictures has no logarithm."""
WORST_PART = 20
"""The worst places are one in so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Powers of the parts."""

    ssimulacra2: float = 0.55
    lpips: float = 0.3
    oklab: float = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class SeenSource:
    """What is to be known of a source picture, however many are compared with it."""

    scales: list[SeenScale]
    oklab: Tensor
    activations: list[Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class PictureParts:
    """Of one picture: distances of SSIMULACRA2 and squared errors in Oklab by place, (places down, places across).

    ``lpips`` is of the whole picture, ``lpips_places`` by place.
    """

    ssimulacra2: Tensor
    oklab: Tensor
    lpips: Tensor
    lpips_places: Tensor


class VisualDistance:
    """Compares RGB pictures in 0 to 1, (1, 3, rows, columns), that LPIPS can see."""

    def __init__(self, lpips: Lpips, weights: Weights | None = None) -> None:
        self._lpips = lpips
        self._weights = weights or Weights()

    @property
    def device(self) -> torch.device:
        """Where pictures are compared."""
        return self._lpips.device

    def source(self, rgb: Tensor) -> SeenSource:
        """Look at a source picture."""
        with torch.no_grad():
            return SeenSource(seen_scales(rgb), to_oklab(rgb), self._lpips.activations(rgb))

    def parts(self, ours: Tensor, source: SeenSource) -> PictureParts:
        """Compare a picture with its source."""
        places = Places(*ours.shape[-2:])
        maps = self._lpips.maps(self._lpips.activations(ours), source.activations)
        error = (to_oklab(ours) - source.oklab).square().sum(1, keepdim=True)
        return PictureParts(
            ssimulacra2=PERFECT - ssimulacra2_by_place(ours, source.scales, places.average)[0],
            oklab=places.average(error)[0, 0],
            lpips=torch.stack([differences.mean() for differences in maps]).sum(),
            lpips_places=torch.stack([places.average(differences)[0, 0] for differences in maps]).sum(0),
        )

    def by_place(self, ours: PictureParts, first: PictureParts) -> Tensor:
        """Tell how much every place adds to the logarithm of a picture's distance, (places down, places across).

        It is taken straight around ``first``, a picture of the same source, so that of several pictures the one that
        adds least at a place is best there; of the worst errors, which are of all places together, it knows nothing.
        """
        return (
            self._weights.ssimulacra2 * ours.ssimulacra2 / first.ssimulacra2.mean().clamp_min(LEAST)
            + self._weights.lpips * ours.lpips_places / first.lpips.clamp_min(LEAST)
        ) / ours.oklab.numel()

    def pooled(self, pictures: Sequence[PictureParts]) -> dict[str, Tensor]:
        """Pool parts over pictures, by name: means of SSIMULACRA2 and LPIPS, the worst places of the error in Oklab."""
        errors = torch.cat([picture.oklab.flatten() for picture in pictures])
        return {
            "ssimulacra2": torch.cat([picture.ssimulacra2.flatten() for picture in pictures]).mean().float(),
            "oklab": errors.topk(math.ceil(len(errors) / WORST_PART)).values.mean(),
            "lpips": torch.stack([picture.lpips for picture in pictures]).mean(),
        }

    def distance(self, pictures: Sequence[PictureParts]) -> Tensor:
        """Take all pictures of a video together, or those that were looked at: a number, less is better."""
        return self._sum({name: part.clamp_min(LEAST).log() for name, part in self.pooled(pictures).items()}).exp()

    def change(self, pictures: Sequence[PictureParts], before: Mapping[str, Tensor]) -> Tensor:
        """Take pictures against what was pooled before: 1 there, with the gradient of the distance's logarithm.

        Unlike that it can be averaged over pictures, or parts of them, that are looked at one by one.
        """
        return self._sum({name: part / before[name].clamp_min(LEAST) for name, part in self.pooled(pictures).items()})

    def _sum(self, parts: Mapping[str, Tensor]) -> Tensor:
        weights = [getattr(self._weights, name) for name in parts]
        weighted: Tensor = torch.stack(
            [weight * part for weight, part in zip(weights, parts.values(), strict=True)]
        ).sum()
        return weighted.div(sum(weights))
