"""Fitting keyframes with generator `overfit`: better than it began, within its budget, the same for the same seed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import ffhybrid
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import UsageError
from ffhybrid.filters import FitProgress, Likeness, create
from ffhybrid.filters.base import DifferentiableObjective
from ffhybrid.filters.losses import pack
from ffhybrid.filters.lpips import Lpips
from ffhybrid.filters.overfit import base, codec
from ffhybrid.filters.overfit.iterations import PRESETS
from ffhybrid.filters.overfit.model import Network, synthesis_noise, tensor_of
from ffhybrid.filters.overfit.structure import ACTIVATION_BITS, NOISE
from ffhybrid.filters.perceptual_weights import find_lpips_weights
from support import clip, psnr

SMALL = PictureSpec(96, 80)
BUDGET = 350
CPU = torch.device("cpu")


def fit(picture: Picture, budget: int | None, warm_start: bytes | None = None, **options: object) -> bytes:
    options = {"preset": "ultrafast", "tune": "psnr", "device": "cpu"} | options
    generator = create("overfit", **options)
    spec = PictureSpec(picture.width, picture.height)
    return generator.fit(Likeness(picture), spec, budget=budget, warm_start=warm_start, progress=None)


@pytest.fixture(scope="module")
def natural(whole: Picture) -> Picture:
    return whole.cropped(SMALL.width, SMALL.height)


@pytest.fixture(scope="module")
def latents(natural: Picture) -> dict[int, bytes]:
    """By budget."""
    return {budget: fit(natural, budget) for budget in (200, BUDGET, 900)}


@pytest.fixture(scope="module")
def latent(latents: dict[int, bytes]) -> bytes:
    return latents[BUDGET]


@pytest.fixture(scope="module")
def longer(natural: Picture) -> bytes:
    """A fit of the first preset that tunes the network too."""
    return fit(natural, BUDGET, preset="fast")


def made(latent: bytes) -> Picture:
    return create("overfit").generate(latent, SMALL)


def test_a_budget_is_met_within_five_percent(latents: dict[int, bytes]) -> None:
    for budget, latent in latents.items():
        assert len(latent) == pytest.approx(budget, rel=0.05)


def test_more_bytes_give_a_better_picture(natural: Picture, latents: dict[int, bytes]) -> None:
    worst, middle, best = (psnr(made(latent), natural) for latent in latents.values())
    assert 20 < worst < middle < best


@pytest.mark.slow
def test_a_whole_picture_is_fitted_better_with_more_bytes(whole: Picture) -> None:
    latents = {budget: fit(whole, budget) for budget in (400, 900, 2500)}
    for budget, latent in latents.items():
        assert len(latent) == pytest.approx(budget, rel=0.05)
    worst, middle, best = (
        psnr(create("overfit").generate(latent, PictureSpec(whole.width, whole.height)), whole)
        for latent in latents.values()
    )
    assert 20 < worst < middle < best


def test_fitting_improves_on_the_first_guess(natural: Picture, latent: bytes, longer: bytes) -> None:
    ours, theirs = (Likeness(natural).distortion(made(data)) for data in (longer, latent))
    assert ours < theirs


def test_the_same_seed_gives_the_same_latent(natural: Picture, latent: bytes) -> None:
    assert fit(natural, BUDGET) == latent
    assert fit(natural, BUDGET, seed=5) != latent


def test_a_warm_start_begins_where_the_last_picture_ended(natural: Picture, latent: bytes, longer: bytes) -> None:
    again = fit(natural, BUDGET, warm_start=longer)
    assert psnr(made(again), natural) >= psnr(made(latent), natural) - 0.05


def test_progress_tells_bytes_and_quality(natural: Picture) -> None:
    seen: list[FitProgress] = []
    generator = create("overfit", preset="ultrafast", device="cpu")
    generator.fit(Likeness(natural), SMALL, budget=BUDGET, warm_start=None, progress=seen.append)
    assert seen[-1].step == seen[-1].steps == PRESETS["ultrafast"].iterations
    assert seen[-1].size == pytest.approx(BUDGET, rel=0.05)
    assert 20 < seen[-1].psnr < 50
    assert find_lpips_weights() is None or 0 < seen[-1].lpips < 1


def test_lpips_in_the_loss_lowers_lpips(natural: Picture, latent: bytes) -> None:
    weights = find_lpips_weights()
    if weights is None:
        pytest.skip("no LPIPS weights on this machine (see the Makefile)")
    likeness = Lpips(*weights)

    def distance(data: bytes) -> float:
        from ffhybrid.filters.colour import to_rgb

        ours, theirs = (to_rgb(pack(picture, CPU), SMALL.colour) for picture in (made(data), natural))
        with torch.no_grad():
            return float(likeness(ours, theirs))

    assert distance(fit(natural, BUDGET, tune="perceptual")) < distance(latent)


def test_any_differentiable_objective_can_be_minimised(natural: Picture, latent: bytes) -> None:
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
    generator = create("overfit", preset="ultrafast", tune="psnr", device="cpu")
    data = generator.fit(objective, SMALL, budget=BUDGET, warm_start=None, progress=None)
    assert objective.distortion(made(data)) < objective.distortion(made(latent))


@pytest.mark.parametrize(("width", "height"), [(34, 18), (74, 66), pytest.param(130, 66, marks=pytest.mark.slow)])
def test_odd_and_small_sizes_are_fitted(width: int, height: int, whole: Picture) -> None:
    picture = whole.cropped(width, height)
    data = fit(picture, None, tune="perceptual")
    assert psnr(create("overfit").generate(data, PictureSpec(width, height)), picture) > 20


def test_the_float_network_is_the_integer_decoder_up_to_rounding(latent: bytes) -> None:
    read = codec.read_latent(latent, SMALL)
    network = Network.fixed_point(read.values, codec.pattern_basis())
    features = [
        None if grid is None else tensor_of(grid, CPU) * step
        for grid, step in zip(read.grids, codec.grid_steps(read.steps), strict=True)
    ]
    with torch.no_grad():
        below = pack(base.decode(read.base, SMALL), CPU)
        packed = network.synthesise(
            features, below, synthesis_noise(40, 48, device=CPU), codec.real_classes(read.classes)
        )
    assert float((packed.clamp(-128, 127) - pack(made(latent), CPU)).abs().max()) < 1


def test_the_estimated_bits_are_those_that_are_written(latent: bytes) -> None:
    read = codec.read_latent(latent, SMALL)
    network = Network.fixed_point(read.values, codec.pattern_basis())
    grids = [None if grid is None else tensor_of(grid, CPU) for grid in read.grids]
    with torch.no_grad():
        bits = float(network.bits(grids, codec.real_classes(read.classes)))
    _, refinement = codec.split(latent)
    assert len(refinement) == pytest.approx(bits / 8, rel=0.03, abs=15)


def test_noise_is_the_same_in_both(latent: bytes) -> None:
    from ffhybrid._cext import ffi, lib

    planes = synthesis_noise(9, 33, device=CPU)[0] * (1 << ACTIVATION_BITS)
    row = ffi.new("int16_t[33]")
    for channel in range(NOISE):
        lib.ffh_noise_row(channel, 7, 33, row)
        assert list(row) == planes[channel, 7].int().tolist()
    assert 0.5 < float(planes.std()) / (1 << ACTIVATION_BITS) < 2


def test_the_default_generator_restores_without_torch(tmp_path: Path) -> None:
    hybrid, restored = tmp_path / "hybrid.mkv", tmp_path / "restored.mkv"
    options = ffhybrid.EncodeOptions(
        fallback=False,
        generator_options={"preset": "ultrafast", "tune": "psnr", "device": "cpu"},
        keyframe_budget=BUDGET,
        limits=ffhybrid.GopLimits(length=8, scene_threshold=0),
        source=ffhybrid.SourceOptions(filters="crop=96:80"),
        frames=16,
        picture_hashes=True,
        x265=ffhybrid.X265Options(crf=32, preset="veryfast"),
    )
    ffhybrid.encode(clip("carphone_pristine.mp4"), hybrid, options=options)
    script = f"""
import sys, ffhybrid
ffhybrid.probe({str(hybrid)!r})
assert ffhybrid.verify({str(hybrid)!r}).hashes_verified == 16
ffhybrid.restore({str(hybrid)!r}, {str(restored)!r})
assert not [name for name in sys.modules if name.split(".")[0] in ("torch", "safetensors", "lpips")]
"""
    subprocess.run([sys.executable, "-P", "-c", script], check=True)
    assert {gop.generator for gop in ffhybrid.probe(hybrid).gops} == {"overfit"}
    assert restored.exists()


@pytest.mark.parametrize("options", [{"preset": "quick"}, {"tune": "beauty"}, {"device": "abacus"}, {"scale": 2}])
def test_unknown_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        create("overfit", **options)
