"""The enhancement network in floating point: what it adds to a picture, what it costs, what shifts do to it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ffhybrid.core.picture import Picture
from ffhybrid.filters.enhance.model import Enhancement, Enhancer, compose, conditions
from ffhybrid.filters.enhance.structure import (
    ALIGNMENT,
    LAYERS,
    TEXTURE_SIDE,
    TEXTURES,
    WEIGHT_LIMIT,
    macs,
    parameters,
)
from ffhybrid.filters.losses import pack

MOST_MACS = 8000
KNOWN = torch.tensor([conditions(qp=37)])


@pytest.fixture(scope="module")
def base(natural: Picture) -> Tensor:
    return pack(natural, torch.device("cpu"))


@pytest.fixture(scope="module")
def enhancer() -> Enhancer:
    """A network with random weights, its last layers too."""
    torch.manual_seed(5)
    made = Enhancer()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.03)
    return made.eval()


@pytest.fixture(scope="module")
def enhancement(enhancer: Enhancer, base: Tensor) -> Enhancement:
    with torch.no_grad():
        found: Enhancement = enhancer(base, KNOWN)
        return found


@pytest.fixture(scope="module")
def texture(enhancer: Enhancer, enhancement: Enhancement) -> Tensor:
    with torch.no_grad():
        return enhancer.texture(enhancement.gains, torch.randn(1, 1, 144, 176))


def test_it_costs_what_a_decoder_can_pay() -> None:
    assert macs() <= MOST_MACS
    assert parameters() == sum(value.numel() for value in Enhancer().named().values())


def test_layers_give_what_the_next_ones_take() -> None:
    by_name = {layer.name: layer for layer in LAYERS}

    for layer in LAYERS:
        if layer.added_to:
            assert by_name[layer.added_to].inputs == layer.outputs
            assert by_name[layer.added_to].scale == layer.scale


def test_strengths_of_nothing_are_the_base(base: Tensor, enhancement: Enhancement, texture: Tensor) -> None:
    made = compose(base, enhancement.detail, texture, detail_strength=0, texture_strength=0)

    assert torch.equal(made, base)


def test_strength_is_a_factor(base: Tensor, enhancement: Enhancement, texture: Tensor) -> None:
    half, whole = (
        compose(base, enhancement.detail, texture, detail_strength=s, texture_strength=s) - base for s in (0.5, 1)
    )

    assert whole.abs().max() > 1
    assert torch.allclose(2 * half, whole, atol=1e-3)


def test_an_untrained_network_adds_faint_texture_only(base: Tensor) -> None:
    with torch.no_grad():
        found = Enhancer()(base, KNOWN)

    assert found.detail.abs().max() == 0
    assert found.gains.min() > 0


def test_gains_are_never_negative(enhancement: Enhancement) -> None:
    assert enhancement.gains.shape == (1, TEXTURES, 36, 44)
    assert enhancement.gains.min() == 0
    assert enhancement.gains.max() > 0


def test_a_gain_is_a_standard_deviation(enhancer: Enhancer) -> None:
    gains = torch.zeros(1, TEXTURES, 64, 64)
    gains[:, 3] = 2.5
    with torch.no_grad():
        made = enhancer.texture(gains, torch.randn(1, 1, 256, 256))

    inner = made[..., TEXTURE_SIDE:-TEXTURE_SIDE, TEXTURE_SIDE:-TEXTURE_SIDE]
    assert math.isclose(float(inner.std()), 2.5, rel_tol=0.1)
    assert abs(float(inner.mean())) < 0.1


def test_texture_is_luma_only(base: Tensor, texture: Tensor) -> None:
    made = compose(base, torch.zeros_like(base), texture, detail_strength=1, texture_strength=1)

    assert torch.equal(made[:, 4:], base[:, 4:])
    assert not torch.equal(made[:, :4], base[:, :4])


def test_shifts_by_whole_blocks_shift_the_result(enhancer: Enhancer) -> None:
    torch.manual_seed(2)
    wide, shift = 40 * torch.randn(1, 6, 96, 96), ALIGNMENT // 2
    with torch.no_grad():
        whole = enhancer(wide, KNOWN)
        part = enhancer(wide[..., shift:, shift:], KNOWN)

    inner = slice(40, 48)
    moved = slice(inner.start + shift, inner.stop + shift)
    assert torch.allclose(part.detail[..., inner, inner], whole.detail[..., moved, moved], atol=1e-3)
    inner, moved = slice(20, 24), slice(22, 26)
    assert torch.allclose(part.gains[..., inner, inner], whole.gains[..., moved, moved], atol=1e-3)


def test_conditions_matter(enhancer: Enhancer, base: Tensor, enhancement: Enhancement) -> None:
    with torch.no_grad():
        for other in (conditions(qp=20), conditions(qp=37, distance=30)):
            assert not torch.allclose(enhancer(base, torch.tensor([other])).gains, enhancement.gains, atol=1e-3)


@pytest.mark.parametrize(("distance", "expected"), [(None, (0, 0)), (0, (1, 0)), (32, (1, 0.5)), (1000, (1, 2))])
def test_distance_is_of_p_pictures(distance: int | None, expected: tuple[float, float]) -> None:
    assert tuple(conditions(qp=40, distance=distance)) == (0.5, *expected)


def test_a_silent_unit_can_come_back(base: Tensor) -> None:
    torch.manual_seed(3)
    enhancer = Enhancer()
    last = dict(enhancer.named_parameters())["_layers.gain_second.bias"]
    with torch.no_grad():
        last.fill_(-0.1)
    silent = enhancer(base, KNOWN).gains
    assert silent.max() == 0
    silent.sub(1).square().sum().backward()

    assert last.grad is not None
    assert (last.grad < 0).all()


def test_weights_are_kept_within_what_integer_sums_take() -> None:
    enhancer = Enhancer()
    weight = enhancer.named()["trunk1.first.weight"].detach()
    with torch.no_grad():
        weight[5].fill_(1)
    others = weight[:5].clone()
    enhancer.confine()

    assert math.isclose(float(weight[5].abs().sum()), WEIGHT_LIMIT, rel_tol=1e-5)
    assert torch.equal(weight[:5], others)


def test_named_tensors_make_the_same_network(enhancer: Enhancer, base: Tensor, enhancement: Enhancement) -> None:
    other = Enhancer()
    other.load_named({name: value.detach() for name, value in enhancer.named().items()})

    with torch.no_grad():
        assert torch.equal(other(base, KNOWN).detail, enhancement.detail)
    assert torch.allclose(other.normalised_filters(), enhancer.normalised_filters(), atol=1e-6)


def test_strength_of_texture_may_differ_by_place(base: Tensor, enhancement: Enhancement, texture: Tensor) -> None:
    left = torch.zeros_like(texture)
    left[..., :88] = 1
    made, whole, without = (
        compose(base, enhancement.detail, texture, detail_strength=1, texture_strength=s) for s in (left, 1, 0)
    )

    assert torch.equal(made[..., :44], whole[..., :44])
    assert torch.equal(made[..., 44:], without[..., 44:])
