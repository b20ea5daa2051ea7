"""Differentiable losses of pictures in 2x2 luma blocks, (1, 6, rows, columns) in 8-bit units around mid-grey."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from numpy.typing import NDArray
from torch import Tensor

from ffhybrid.core.picture import Colour, Picture
from ffhybrid.filters.base import DifferentiableLoss
from ffhybrid.filters.colour import to_rgb
from ffhybrid.filters.lpips import Lpips

PEAK = 255.0
CROP = 112
"""Side of the parts, in luma blocks, that LPIPS sees in one iteration: 224 luma samples, AlexNet's own size."""
LOW = 8
CONTRAST_WEIGHT = 10.0
"""The weight of the weight-free term against LPIPS."""


def pack(picture: Picture, device: torch.device) -> Tensor:
    """Turn a picture into one tensor: luma phases, Cb, Cr."""
    scale = float(1 << (picture.bit_depth - 8))
    return pack_planes(picture.planes, device) / scale - 128


def pack_planes(planes: Iterable[NDArray[Any]], device: torch.device) -> Tensor:
    """Turn Y, Cb and Cr of any unit into one tensor, (1, 6, rows, columns)."""
    y, cb, cr = (torch.as_tensor(plane.astype("float32"), device=device)[None, None] for plane in planes)
    return torch.cat((F.pixel_unshuffle(y, 2), cb, cr), 1)


class LikenessLoss:
    """Mean squared error over all samples in [0, 1], plus ``weight`` times a perceptual distance.

    The distance is LPIPS. For pictures that it cannot see it is the difference of local contrast at three scales, which
    keeps texture from being smoothed away but knows nothing of content.
    """

    def __init__(
        self,
        source: Tensor,
        *,
        colour: Colour,
        lpips: Lpips | None,
        weight: float,
        generator: torch.Generator,
    ) -> None:
        self._source = source
        self._colour = colour
        self._lpips = lpips
        self._weight = weight
        self._generator = generator

    def sample(self, packed: Tensor) -> Tensor:
        """MSE of all, LPIPS of a random part."""
        loss = self._mse(packed)
        if not self._weight:
            return loss
        if self._lpips is None:
            return loss + self._weight * self._contrast(packed)
        y, x, rows, columns = self._window()
        ours, theirs = (
            to_rgb(whole[..., y : y + rows, x : x + columns], self._colour) for whole in (packed, self._source)
        )
        distance: Tensor = self._lpips(ours, theirs).mean()
        return loss + self._weight * distance

    def whole(self, packed: Tensor) -> float:
        """MSE and perceptual distance of the whole picture."""
        with torch.no_grad():
            loss = float(self._mse(packed))
            if not self._weight:
                return loss
            distance = float(self._contrast(packed)) if self._lpips is None else self.lpips(packed)
            return loss + self._weight * distance

    def psnr(self, packed: Tensor) -> float:
        """PSNR over all samples of all planes."""
        with torch.no_grad():
            return -10 * math.log10(max(float(self._mse(packed)), 1e-10))

    def lpips(self, packed: Tensor) -> float:
        """LPIPS of the whole picture; ``nan`` where nobody looks at it."""
        if self._lpips is None:
            return math.nan
        with torch.no_grad():
            return float(self._lpips(to_rgb(packed, self._colour), to_rgb(self._source, self._colour)))

    def _mse(self, packed: Tensor) -> Tensor:
        return ((packed - self._source) / PEAK).square().mean()

    def _contrast(self, packed: Tensor) -> Tensor:
        ours, theirs = (F.pixel_shuffle(x[:, :4], 2) / PEAK for x in (packed, self._source))
        total = ours.new_zeros(())
        for _ in range(3):
            total = total + (_deviation(ours) - _deviation(theirs)).abs().mean()
            ours, theirs = F.avg_pool2d(ours, 2), F.avg_pool2d(theirs, 2)
        return CONTRAST_WEIGHT * total / 3

    def _window(self) -> tuple[int, int, int, int]:
        rows, columns = (min(CROP, side) for side in self._source.shape[-2:])
        y, x = (
            int(torch.randint(side - part + 1, (), generator=self._generator, device=self._generator.device))
            for side, part in zip(self._source.shape[-2:], (rows, columns), strict=True)
        )
        return y, x, rows, columns


class TiedLoss:
    """A loss, plus ``weight`` times the mean squared difference of low frequencies to a base picture, in [0, 1].

    What a stock player shows is the base picture: it may lack texture, not tone.
    """

    def __init__(self, loss: DifferentiableLoss, base: Tensor, *, weight: float) -> None:
        self._loss = loss
        self._base = _low_frequencies(base)
        self._weight = weight

    def sample(self, packed: Tensor) -> Tensor:
        """Give the loss of a random part, and how far all of it is from the base picture."""
        return self._loss.sample(packed) + self._tie(packed)

    def whole(self, packed: Tensor) -> float:
        """Give both for the whole picture."""
        with torch.no_grad():
            return self._loss.whole(packed) + float(self._tie(packed))

    def _tie(self, packed: Tensor) -> Tensor:
        return self._weight * ((_low_frequencies(packed) - self._base) / PEAK).square().mean()


def _low_frequencies(packed: Tensor) -> Tensor:
    """Means of luma over :data:`LOW` x LOW blocks of 2x2 samples, and of Cb and Cr there."""
    planes = torch.cat((packed[:, :4].mean(1, keepdim=True), packed[:, 4:]), 1)
    return F.avg_pool2d(planes, LOW, ceil_mode=True, count_include_pad=False)


def _deviation(x: Tensor) -> Tensor:
    """Local standard deviation over 5x5 samples."""
    mean = F.avg_pool2d(x, 5, stride=1, padding=2, count_include_pad=False)
    square = F.avg_pool2d(x.square(), 5, stride=1, padding=2, count_include_pad=False)
    return (square - mean.square()).clamp_min(0).add(1e-6).sqrt()
