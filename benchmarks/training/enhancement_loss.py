"""What an enhancer is trained by: likeness of what can be known, and of the statistics of what cannot.

Detail is held to the source sample by sample. The picture is held to local means and deviations of VGG16's early
activations and of band-pass responses (as a Wasserstein distance of normal distributions), to LPIPS of AlexNet and of
VGG16, and to DISTS; texture costs its energy, and more where the source is smooth. SSIMULACRA2, ColorVideoVDP and
VMAF are kept out, to watch by.

A first stage, which needs no other network and takes a third of the time, has gains learn how much is wrong where, by
bands: a part of that is a good beginning for texture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from ffhybrid.core.picture import Colour
from ffhybrid.filters.colour import to_rgb
from ffhybrid.filters.dists import Dists
from ffhybrid.filters.enhance.model import Enhancer, compose
from ffhybrid.filters.enhance.structure import GAIN_SCALE
from ffhybrid.filters.lpips import Lpips, unit_length
from ffhybrid.filters.perceptual_weights import find_dists_weights, find_lpips_weights
from ffhybrid.filters.published_weights import HOW_TO_GET
from training.enhancement_data import PART, Parts

ALEX_PARTS, VGG_PARTS, VGG_SIDE = 4, 2, 96
"""How many parts of a batch AlexNet and VGG16 see, and of how many samples VGG16: they are most of the cost. LPIPS and
DISTS on VGG16 see different parts."""
VGG_WINDOWS = ((8, 16), (8, 16), (4, 8))
"""Of statistics, at the full, half and quarter size."""
BAND_WINDOWS = (8, 16)
VGG_FLOOR, BAND_FLOOR = 1e-3, 4.0
"""Energies of activations, and of responses in squared samples, beside which less does not count."""
PIXEL, LOW, VGG, LPIPS_VGG, LPIPS_ALEX, DISTS, BANDS, SMOOTH, MISSING = 0.25, 0.2, 0.3, 1.5, 0.8, 2.0, 0.3, 0.1, 0.2
"""Weights of the terms."""
ENERGY = 0.12
"""Of texture against what is still wrong beside it: what the price of energy is adjusted to."""
MISSING_PART, MISSING_FLOOR = 0.35, 0.3
"""How much of the deviation of errors texture is to have in the first stage, and samples that do not count."""
HUBER, ERROR_FLOOR = 4.0, 0.5
"""Samples beyond which errors count linearly, and an error beside which that of a part does not count."""
ENERGY_FLOOR = 2.0
"""In squared samples, beside which the energy of errors does not count: pictures that are nearly right."""
SMOOTH_DEVIATION = 2.0
"""Samples of deviation of the source's high frequencies at which texture costs a third."""


@dataclass(slots=True)
class Price:
    """Of texture's energy; it rises while there is more of it than :data:`ENERGY`."""

    value: float = 0.3

    def adjust(self, ratio: float) -> None:
        """Take a batch's ratio of energies into account."""
        factor = math.exp(0.01 * max(min(ratio / ENERGY - 1, 2), -1))
        self.value = min(max(self.value * factor, 1e-3), 30)


class EnhancementLoss(nn.Module):
    """Terms by name, and their weighted sum."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        alex, vgg, dists = find_lpips_weights(), find_lpips_weights(network="vgg"), find_dists_weights()
        if alex is None or vgg is None or dists is None:
            raise SystemExit(f"the loss has no weights here: {HOW_TO_GET}")
        self._alex = Lpips(*alex)
        self._vgg = Lpips(*vgg).to(memory_format=torch.channels_last)
        self._dists = Dists(*dists).to(memory_format=torch.channels_last)
        self.register_buffer("bank", Enhancer().normalised_filters().detach()[:, None])
        self.to(device)

    def first(self, enhancer: Enhancer, parts: Parts) -> tuple[Tensor, dict[str, float]]:
        """Enhance parts and look at them, in the first stage."""
        enhancement = enhancer(parts.base, parts.known)
        before = parts.base - parts.source
        error = before + enhancement.detail
        missing = _missing(enhancer.normalised_filters(), enhancement.gains, error.detach())
        terms = {**_likeness(before, error), "missing": MISSING * missing}
        return _sum(terms), _seen(terms, before, error)

    def forward(self, enhancer: Enhancer, parts: Parts, price: Price) -> tuple[Tensor, dict[str, float]]:
        """Enhance parts and look at them."""
        enhancement = enhancer(parts.base, parts.known)
        detail, source = enhancement.detail, parts.source
        noise = torch.randn(len(source), 1, *(2 * side for side in source.shape[-2:]), device=source.device)
        texture = enhancer.texture(enhancement.gains, noise)
        before = parts.base - source
        error = before + detail
        made = compose(parts.base, detail, texture, detail_strength=1, texture_strength=1)
        energy = _energy_ratio(texture, error.detach())
        terms = {
            **_likeness(before, error),
            "bands": BANDS * self._bands(made, source),
            "smooth": SMOOTH * _on_smooth(enhancement.gains, source),
            "energy": price.value * energy,
            **self._perceptual(made, source),
        }
        price.adjust(float(energy.detach()))
        seen = {"ratio": float(energy.detach()), "price": price.value}
        return _sum(terms), {**_seen(terms, before, error), **seen}

    def _perceptual(self, made: Tensor, source: Tensor) -> dict[str, Tensor]:
        ours, theirs = (to_rgb(x, Colour()) for x in (made, source))
        alex = self._alex(ours[:ALEX_PARTS], theirs[:ALEX_PARTS]).mean()
        inner = slice((PART - VGG_SIDE) // 2, (PART + VGG_SIDE) // 2)
        ours, theirs = (x[..., inner, inner].contiguous(memory_format=torch.channels_last) for x in (ours, theirs))
        with torch.no_grad():
            wanted = self._vgg.features(theirs[:VGG_PARTS])
            alike = self._dists.features(theirs[VGG_PARTS : 2 * VGG_PARTS])
        found = self._vgg.features(ours[:VGG_PARTS])
        statistics = [
            _statistics(a, b, windows, floor=VGG_FLOOR)
            for a, b, windows in zip(found, wanted, VGG_WINDOWS, strict=False)
        ]
        likeness = self._vgg.distance(unit_length(found), unit_length(wanted)).mean()
        dists = self._dists.distance(self._dists.features(ours[VGG_PARTS : 2 * VGG_PARTS]), alike).mean()
        return {
            "alex": LPIPS_ALEX * alex,
            "statistics": VGG * torch.stack(statistics).sum(),
            "vgg": LPIPS_VGG * likeness,
            "dists": DISTS * dists,
        }

    def _bands(self, made: Tensor, source: Tensor) -> Tensor:
        """Compare band-pass responses of luma, at full and half size."""
        ours, theirs = (F.pixel_shuffle(x[:, :4], 2) for x in (made, source))
        total = made.new_zeros(())
        for _ in range(2):
            responses = (F.conv2d(x, self.get_buffer("bank")) for x in (ours, theirs))
            total = total + _statistics(*responses, BAND_WINDOWS, floor=BAND_FLOOR)
            ours, theirs = F.avg_pool2d(ours, 2), F.avg_pool2d(theirs, 2)
        return total


def _sum(terms: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(terms.values())).sum()


def _seen(terms: dict[str, Tensor], before: Tensor, after: Tensor) -> dict[str, float]:
    """Give terms as numbers, with the decibels that detail has gained."""
    energies = [float(error.detach().square().mean().clamp_min(0.01)) for error in (before, after)]
    gained = 10 * math.log10(energies[0] / energies[1])
    return {**{name: float(term.detach()) for name, term in terms.items()}, "gained": gained}


def _likeness(before: Tensor, after: Tensor) -> dict[str, Tensor]:
    """Compare errors with those of bases, of each part by itself: of samples, and of means of 8x8."""
    pixel, low = (
        _huber(after) / (_huber(before) + ERROR_FLOOR),
        _huber(_means(after)) / (_huber(_means(before)) + ERROR_FLOOR),
    )
    return {"pixel": PIXEL * pixel.mean(), "low": LOW * low.mean()}


def _huber(error: Tensor) -> Tensor:
    return F.huber_loss(error, torch.zeros_like(error), reduction="none", delta=HUBER).mean((1, 2, 3))


def _means(error: Tensor) -> Tensor:
    return F.avg_pool2d(error, 4)


def _missing(filters: Tensor, gains: Tensor, error: Tensor) -> Tensor:
    """Compare deviations of texture, by the filters' bands, with a part of those of errors, as logarithms."""
    luma = F.pixel_shuffle(error[:, :4], 2)
    bank = filters.detach()[:, None]
    responses = F.conv2d(luma, bank, padding=bank.shape[-1] // 2).square()
    wanted = F.avg_pool2d(F.avg_pool2d(responses, GAIN_SCALE), 5, stride=1, padding=2, count_include_pad=False).sqrt()
    overlaps = F.conv2d(filters[:, None], bank, padding=bank.shape[-1] - 1).square().sum((2, 3))
    made = (torch.einsum("jk,bjrc->bkrc", overlaps, gains.square()) + 1e-4).sqrt()
    ratio = (made + MISSING_FLOOR) / (MISSING_PART * wanted + MISSING_FLOOR)
    return ratio.log().square().mean()


def _statistics(ours: Tensor, theirs: Tensor, windows: Sequence[int], *, floor: float) -> Tensor:
    """Squared differences of local means and deviations, over the energy of the source's activations."""
    energy = theirs.square().mean((1, 2, 3)) + floor
    total = ours.new_zeros(())
    for window in windows:
        for a, b in zip(_local(ours, window, floor), _local(theirs, window, floor), strict=True):
            total = total + ((a - b).square().mean((1, 2, 3)) / energy).mean()
    return total / len(windows)


def _local(x: Tensor, window: int, floor: float) -> Iterator[Tensor]:
    mean = F.avg_pool2d(x, window, stride=window // 2)
    yield mean
    yield (F.avg_pool2d(x.square(), window, stride=window // 2) - mean.square()).clamp_min(0).add(floor / 10).sqrt()


def _energy_ratio(texture: Tensor, error: Tensor) -> Tensor:
    """Energy of texture over that of errors of luma, which it comes on top of."""
    wrong = error[:, :4].square().mean((1, 2, 3)) + ENERGY_FLOOR
    return (texture.square().mean((1, 2, 3)) / wrong).mean()


def _on_smooth(gains: Tensor, source: Tensor) -> Tensor:
    """Gains where the source has no high frequencies."""
    luma = F.pixel_shuffle(source[:, :4], 2)
    high = luma - F.avg_pool2d(luma, 5, stride=1, padding=2, count_include_pad=False)
    deviation = F.avg_pool2d(F.avg_pool2d(high.square(), 4), 5, stride=1, padding=2, count_include_pad=False).sqrt()
    return (gains.sum(1, keepdim=True) * torch.exp(-(deviation / SMOOTH_DEVIATION).square())).mean()
