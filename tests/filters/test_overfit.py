"""Fitting keyframes with generator `overfit`: better than it began, within its budget, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import UsageError
from ffhybrid.filters import FitProgress, Likeness, create
from ffhybrid.filters.base import DifferentiableObjective, Objective, Refinement, RefiningGenerator
from ffhybrid.filters.losses import pack
from ffhybrid.filters.lpips import Lpips
from ffhybrid.filters.overfit import codec
from ffhybrid.filters.overfit.fitting import EXACT_SHIFTS
from ffhybrid.filters.overfit.iterations import PRESETS
from ffhybrid.filters.overfit.model import Network, synthesis_noise, tensor_of
from ffhybrid.filters.overfit.structure import ACTIVATION_BITS, NOISE
from ffhybrid.filters.perceptual_weights import find_lpips_weights
from golden import random_latent
from support import IntraBases, psnr

pytestmark = pytest.mark.slow

SMALL = PictureSpec(96, 80)
BUDGET = 350
CPU = torch.device("cpu")


def fit(picture: Picture, budget: int, warm_start: Refinement | None = None, **options: object) -> Refinement:
    return fit_to(Likeness(picture), budget, warm_start, **options)


def fit_to(
    objective: Objective,
    budget: int,
    warm_start: Refinement | None = None,
    progress: Callable[[FitProgress], None] | None = None,
    **options: object,
) -> Refinement:
    options = {"preset": "ultrafast", "tune": "psnr", "device": "cpu"} | options
    picture, generator = objective.source, create("overfit", **options)
    assert isinstance(generator, RefiningGenerator)
    return generator.fit_refinement(
        objective,
        PictureSpec(picture.width, picture.height),
        bases=IntraBases(picture),
        budget=budget,
        warm_start=warm_start,
        progress=progress,
    )


@pytest.fixture(scope="module")
def natural(whole: Picture) -> Picture:
    return whole.cropped(SMALL.width, SMALL.height)


@pytest.fixture(scope="module")
def fits(natural: Picture) -> dict[int, Refinement]:
    """By budget."""
    return {budget: fit(natural, budget) for budget in (200, BUDGET, 900)}


@pytest.fixture(scope="module")
def found(fits: dict[int, Refinement]) -> Refinement:
    return fits[BUDGET]


@pytest.fixture(scope="module")
def longer(natural: Picture) -> Refinement:
    """A fit of the first preset that tunes the network too."""
    return fit(natural, BUDGET, preset="fast")


def made(found: Refinement) -> Picture:
    base = found.base.picture
    return codec.decode(found.latent, base, PictureSpec(base.width, base.height), threads=1)


def test_a_budget_is_met_within_five_percent(fits: dict[int, Refinement]) -> None:
    """Base picture and latent together."""
    for budget, found in fits.items():
        assert found.size == len(found.latent) + len(found.base.data)
        assert found.size == pytest.approx(budget, rel=0.05)


def test_more_bytes_give_a_better_picture(natural: Picture, fits: dict[int, Refinement]) -> None:
    worst, middle, best = (psnr(made(found), natural) for found in fits.values())
    assert 20 < worst < middle < best


@pytest.mark.slow
def test_a_whole_picture_is_fitted_better_with_more_bytes(whole: Picture) -> None:
    fits = {budget: fit(whole, budget) for budget in (400, 900, 2500)}
    for budget, found in fits.items():
        assert found.size == pytest.approx(budget, rel=0.05)
    worst, middle, best = (psnr(made(found), whole) for found in fits.values())
    assert 20 < worst < middle < best


def test_a_refined_picture_is_better_than_its_base_and_keeps_its_tones(natural: Picture, longer: Refinement) -> None:
    """Stock players show the base picture: what it lacks is detail, not light or colour."""
    base, refined = longer.base.picture, made(longer)
    assert Likeness(natural).distortion(refined) < Likeness(natural).distortion(base)
    for ours, theirs in zip(refined.planes, base.planes, strict=True):
        assert abs(float(ours.mean()) - float(theirs.mean())) < 0.5


def test_fitting_improves_on_the_first_guess(natural: Picture, found: Refinement, longer: Refinement) -> None:
    ours, theirs = (Likeness(natural).distortion(made(one)) for one in (longer, found))
    assert ours < theirs


def test_the_same_seed_gives_the_same_latent(natural: Picture, found: Refinement) -> None:
    again, other = fit(natural, BUDGET), fit(natural, BUDGET, seed=5)
    assert (again.latent, again.base.data) == (found.latent, found.base.data)
    assert (other.latent, other.base.data) != (found.latent, found.base.data)


def test_a_warm_start_begins_where_the_last_picture_ended(
    natural: Picture, found: Refinement, longer: Refinement
) -> None:
    again = fit(natural, BUDGET, warm_start=longer)
    assert psnr(made(again), natural) >= psnr(made(found), natural) - 0.05


def test_progress_tells_bytes_and_quality(natural: Picture) -> None:
    seen: list[FitProgress] = []
    fit_to(Likeness(natural), BUDGET, progress=seen.append, tune="perceptual")
    assert seen[-1].step == seen[-1].steps == PRESETS["ultrafast"].iterations
    assert seen[-1].size == pytest.approx(BUDGET, rel=0.05)
    assert 20 < seen[-1].psnr < 50
    assert find_lpips_weights() is None or 0 < seen[-1].lpips < 1


def test_lpips_in_the_loss_lowers_lpips(natural: Picture, found: Refinement) -> None:
    weights = find_lpips_weights()
    if weights is None:
        pytest.skip("no LPIPS weights on this machine (see the Makefile)")
    likeness = Lpips(*weights)

    def distance(one: Refinement) -> float:
        from ffhybrid.filters.colour import to_rgb

        ours, theirs = (to_rgb(pack(picture, CPU), SMALL.colour) for picture in (made(one), natural))
        with torch.no_grad():
            return float(likeness(ours, theirs))

    assert distance(fit(natural, BUDGET, tune="perceptual")) < distance(found)


def test_any_differentiable_objective_can_be_minimised(natural: Picture, found: Refinement) -> None:
    class Left:
        """Only the left half matters."""

        source = natural

        def distortion(self, picture: Picture) -> float:
            return float(np.mean((picture.y[:, :48].astype(float) - natural.y[:, :48]) ** 2))

        def loss(self, device: torch.device) -> Left:
            return self

        def sample(self, packed: torch.Tensor) -> torch.Tensor:
            return ((packed - pack(natural, CPU))[..., :24] / 255).square().mean() / 2

        def whole(self, packed: torch.Tensor) -> float:
            return float(self.sample(packed))

    objective = Left()
    assert isinstance(objective, DifferentiableObjective)
    assert objective.distortion(made(fit_to(objective, BUDGET))) < objective.distortion(made(found))


@pytest.mark.parametrize(("width", "height"), [(34, 18), (74, 66), pytest.param(130, 66, marks=pytest.mark.slow)])
def test_odd_and_small_sizes_are_fitted(width: int, height: int, whole: Picture) -> None:
    picture = whole.cropped(width, height)
    assert psnr(made(fit(picture, BUDGET, tune="perceptual")), picture) > 20


def test_the_float_network_is_the_integer_decoder_up_to_rounding(found: Refinement) -> None:
    data, _ = codec.write_latent(random_latent(SMALL), SMALL, EXACT_SHIFTS)
    read = codec.read_latent(data, SMALL)
    network = Network.fixed_point(read.values, codec.pattern_basis())
    features = [
        None if grid is None else tensor_of(grid, CPU) * step
        for grid, step in zip(read.grids, codec.grid_steps(read.steps), strict=True)
    ]
    with torch.no_grad():
        below = pack(found.base.picture, CPU)
        packed = network.synthesise(
            features, below, synthesis_noise(40, 48, device=CPU), codec.real_classes(read.classes)
        )
    exact = made(Refinement(data, found.base))
    assert float((packed.clamp(-128, 127) - pack(exact, CPU)).abs().max()) < 1


def test_the_estimated_bits_are_those_that_are_written() -> None:
    data, _ = codec.write_latent(random_latent(SMALL), SMALL, EXACT_SHIFTS)
    read = codec.read_latent(data, SMALL)
    network = Network.fixed_point(read.values, codec.pattern_basis())
    grids = [None if grid is None else tensor_of(grid, CPU) for grid in read.grids]
    with torch.no_grad():
        bits = float(network.bits(grids, codec.real_classes(read.classes)))
    assert len(data) == pytest.approx(bits / 8, rel=0.03, abs=15)


def test_noise_is_the_same_in_both() -> None:
    from ffhybrid._cext import ffi, lib

    planes = synthesis_noise(9, 33, device=CPU)[0] * (1 << ACTIVATION_BITS)
    row = ffi.new("int16_t[33]")
    for channel in range(NOISE):
        lib.ffh_noise_row(channel, 7, 33, row)
        assert list(row) == planes[channel, 7].int().tolist()
    assert 0.5 < float(planes.std()) / (1 << ACTIVATION_BITS) < 2


@pytest.mark.parametrize("options", [{"preset": "quick"}, {"tune": "beauty"}, {"device": "abacus"}, {"scale": 2}])
def test_unknown_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        create("overfit", **options)
