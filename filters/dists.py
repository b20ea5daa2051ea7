"""DISTS (Ding et al., 2020): means and structure of VGG16's activations, of a whole picture or around places.

Texture that is like, but not sample for sample, counts as like; structure that differs does not.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

from ffhybrid.filters.backbones import Vgg16, l2_pool
from ffhybrid.filters.perceptual_weights import Convolutions, find_dists_weights
from ffhybrid.filters.places import Average, whole

STABILITY = 1e-6


class Dists(nn.Module):
    """DISTS of two RGB pictures in 0 to 1, (batch, 3, rows, columns); gives (batch,), 0 for equal ones."""

    def __init__(self, convolutions: Convolutions, alpha: Tensor, beta: Tensor) -> None:
        super().__init__()
        self._network = Vgg16(convolutions, l2_pool)
        total = alpha.sum() + beta.sum()
        self.register_buffer("alpha", (alpha / total).view(1, -1, 1, 1))
        self.register_buffer("beta", (beta / total).view(1, -1, 1, 1))

    def features(self, rgb: Tensor) -> list[Tensor]:
        """Give the picture itself, and the activations of five stages."""
        return [rgb, *self._network.activations(rgb)]

    def distance(self, ours: list[Tensor], theirs: list[Tensor], average: Average = whole) -> Tensor:
        """Distance of features by windows, (batch, places down, places across)."""
        sizes = [x.shape[1] for x in ours]
        alphas, betas = (torch.split(self.get_buffer(name), sizes, 1) for name in ("alpha", "beta"))
        likeness = ours[0].new_zeros(())
        for a, b, alpha, beta in zip(ours, theirs, alphas, betas, strict=True):
            means, structure = _similarities(a, b, average)
            likeness = likeness + (alpha * means + beta * structure).sum(1)
        return 1 - likeness

    def forward(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """Distance of two batches."""
        return self.distance(self.features(ours), self.features(theirs))[:, 0, 0]


def _similarities(a: Tensor, b: Tensor, average: Average) -> tuple[Tensor, Tensor]:
    """Likeness of means, and correlation, of every channel.

    Moments are those about the mean of the whole picture, so that small variances on large means survive 32 bits.
    """
    middle_a, middle_b = whole(a), whole(b)
    a, b = a - middle_a, b - middle_b
    offset_a, offset_b = average(a), average(b)
    mean_a, mean_b = middle_a + offset_a, middle_b + offset_b
    variance_a = (average(a.square()) - offset_a.square()).clamp_min(0)
    variance_b = (average(b.square()) - offset_b.square()).clamp_min(0)
    largest = (variance_a + variance_b) / 2
    covariance = torch.maximum(torch.minimum(average(a * b) - offset_a * offset_b, largest), -largest)
    means = (2 * mean_a * mean_b + STABILITY) / (mean_a.square() + mean_b.square() + STABILITY)
    structure = (2 * covariance + STABILITY) / (variance_a + variance_b + STABILITY)
    return means, structure


@cache
def dists_on(device: torch.device) -> Dists | None:
    """Load DISTS, once; None where its weights are not on this machine."""
    weights = find_dists_weights()
    return Dists(*weights).to(device).eval() if weights else None
