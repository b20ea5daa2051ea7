"""The visual distance: what is worse to look at is farther, bad places are seen, and gradients are those of its log."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ffhybrid.filters.colour import to_rgb
from ffhybrid.filters.losses import pack
from ffhybrid.filters.lpips import load_lpips
from ffhybrid.filters.visual_distance import VisualDistance, Weights
from ffhybrid.source.video import VideoSource
from support import clip

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def photograph() -> Tensor:
    """256x128 of a clip of bicycles."""
    with VideoSource(clip("bikes.mp4")) as source:
        rgb = to_rgb(pack(next(source.frames(limit=1)).picture, CPU), source.info.spec.colour)
    return rgb[..., 100:228, 300:556]


def loss(ours: Tensor, theirs: Tensor, *, weights: Weights | None = None) -> float:
    distance = VisualDistance(load_lpips(None, CPU), weights)
    return float(distance.distance([distance.parts(ours, distance.source(theirs))]))


def blurred(rgb: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(rgb, 5, 1, 2, count_include_pad=False)


def test_more_blur_is_farther_and_the_same_picture_is_nearest(photograph: Tensor) -> None:
    shown = (photograph, (photograph + 0.004).clamp(0, 1), blurred(photograph), blurred(blurred(photograph)))
    losses = [loss(ours, photograph) for ours in shown]
    assert losses == sorted(losses)
    assert losses[0] < 1e-3 * losses[1]


def test_a_torn_place_is_worse_than_the_same_squared_error_all_over(photograph: Tensor) -> None:
    torn = photograph.clone()
    torn[..., 32:96, 64:128] = torn[..., 32:96, 64:128].roll(24, 3)
    error = (torn - photograph).square().mean()
    noise = torch.randn(photograph.shape, generator=torch.Generator().manual_seed(0))
    spread = photograph + noise * (error / noise.square().mean()).sqrt()
    errors_alone = Weights(ssimulacra2=0, lpips=0, oklab=1)
    assert loss(torn, photograph, weights=errors_alone) > 2 * loss(spread.clamp(0, 1), photograph, weights=errors_alone)


def test_the_gradient_of_the_change_is_that_of_the_distances_logarithm(photograph: Tensor) -> None:
    distance = VisualDistance(load_lpips(None, CPU))
    source = distance.source(photograph)
    first = distance.parts(blurred(photograph), source)
    before = distance.pooled([first])
    assert float(distance.change([first], before)) == pytest.approx(1)

    def gradient(of_change: bool) -> Tensor:
        ours = blurred(photograph).requires_grad_()
        parts = [distance.parts(ours, source)]
        value = distance.change(parts, before) if of_change else distance.distance(parts).log()
        (found,) = torch.autograd.grad(value, ours)
        return found

    torch.testing.assert_close(gradient(True), gradient(False), rtol=1e-3, atol=1e-9)


def test_black_and_flat_parts_have_finite_gradients(photograph: Tensor) -> None:
    theirs = photograph.clone()
    theirs[..., :64, :] = 0
    ours = theirs.clone()
    ours[..., 64:, :] = blurred(ours[..., 64:, :])
    ours.requires_grad_()
    distance = VisualDistance(load_lpips(None, CPU))
    distance.distance([distance.parts(ours, distance.source(theirs))]).backward()
    assert ours.grad is not None
    assert ours.grad.isfinite().all()
    assert ours.grad.abs().sum() > 0


def test_pictures_count_alike_however_many_are_looked_at_together(photograph: Tensor) -> None:
    distance = VisualDistance(load_lpips(None, CPU))
    source = distance.source(photograph)
    good, bad = (distance.parts(ours, source) for ours in (blurred(photograph), blurred(blurred(photograph))))
    losses = [float(distance.distance(parts)) for parts in ([good], [good, good], [good, bad], [bad])]
    assert losses[0] == pytest.approx(losses[1])
    assert losses[0] < losses[2] <= losses[3]
