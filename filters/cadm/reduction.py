"""CaDM's encoder (section 3.2): pixels are reduced by a blur and a mean of patches, colours by k-means.

Pixels are (batch, 3, rows, columns) of Y, Cb, Cr around mid-grey in 8-bit units, chroma as fine as luma. The paper has
RGB, which is the same colours in other coordinates; these ones need no matrix.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ffhybrid.filters.codes import MAX_CODE

SAMPLES = 4096
"""Pixels that k-means sees."""
ROUNDS = 12
BLUR = 0.4
"""Deviation of the Gaussian, in sides of a patch."""
REACH = 1
"""Patches on each side that the Gaussian takes samples from."""
MARGIN = 2
"""Reduced pixels on each side that an enlarged one depends on."""
_CHUNK = 1 << 14


def to_pixels(packed: Tensor) -> Tensor:
    """Turn 2x2 luma blocks, (batch, 6, rows, columns), into pixels of full size."""
    chroma = F.interpolate(packed[:, 4:], scale_factor=2, mode="bilinear", align_corners=False)
    return torch.cat((F.pixel_shuffle(packed[:, :4], 2), chroma), 1)


def to_blocks(pixels: Tensor) -> Tensor:
    """Turn pixels of full size and even sides into 2x2 luma blocks; chroma is the mean of its four samples."""
    return torch.cat((F.pixel_unshuffle(pixels[:, :1], 2), F.avg_pool2d(pixels[:, 1:], 2)), 1)


def reduced(packed: Tensor, scale: int) -> Tensor:
    """Make one pixel of each patch of ``scale`` x ``scale``; sides are rounded up, edges repeated.

    A patch's pixel is the mean under a Gaussian around its centre: blur and weighted average in one.
    """
    pixels = to_pixels(packed)
    if scale == 1:
        return pixels
    missing = [-side % scale for side in pixels.shape[-2:]]
    border = REACH * scale
    padded = F.pad(pixels, (border, border + missing[1], border, border + missing[0]), mode="replicate")
    at = torch.arange((2 * REACH + 1) * scale, device=pixels.device, dtype=pixels.dtype) - border - (scale - 1) / 2
    weights = torch.exp(-0.5 * (at / (BLUR * scale)).square())
    kernel = torch.outer(weights, weights) / weights.sum().square()
    return F.conv2d(padded, kernel.expand(3, 1, -1, -1), stride=scale, groups=3)


def enlarged(pixels: Tensor, scale: int) -> Tensor:
    """Enlarge pixels (bicubic, centre aligned, edges repeated)."""
    if scale == 1:
        return pixels
    return F.interpolate(pixels, scale_factor=scale, mode="bicubic", align_corners=False)


def colours_of(pixels: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Find colours by k-means on some pixels: whole numbers of -127 to 127, (count, 3), by rising luma.

    Args:
        pixels: (3, rows, columns).
        count: of colours.
        generator: on the CPU, for the choice of pixels.
    """
    every = pixels.flatten(1).T
    chosen = torch.randint(len(every), (min(SAMPLES, len(every)),), generator=generator)
    samples = every[chosen.to(every.device)]
    colours = _spread_out(samples, count, generator)
    for _ in range(ROUNDS):
        members = F.one_hot(nearest(samples, colours), len(colours)).to(samples.dtype)
        counts = members.sum(0)[:, None]
        colours = torch.where(counts > 0, members.T @ samples / counts.clamp_min(1), colours)
    whole = colours.round().clamp(-MAX_CODE, MAX_CODE)
    return whole[whole[:, 0].argsort(stable=True)]


def nearest(points: Tensor, colours: Tensor) -> Tensor:
    """Give the index of the nearest colour, (points,), of points, (points, 3)."""
    return torch.cat([torch.cdist(part, colours).argmin(1) for part in torch.split(points, _CHUNK)])


def quantised(pixels: Tensor, colours: Tensor) -> Tensor:
    """Replace pixels, (3, rows, columns), by their nearest colours."""
    return colours[nearest(pixels.flatten(1).T, colours)].T.reshape(pixels.shape)


def _spread_out(samples: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Choose first colours as k-means++ does: likelier the farther they are from those chosen before."""
    first = int(torch.randint(len(samples), (), generator=generator))
    chosen = [samples[first]]
    distances = (samples - chosen[0]).square().sum(1)
    for _ in range(count - 1):
        place = float(torch.rand((), generator=generator)) * distances.sum()
        index = int(torch.searchsorted(distances.cumsum(0), place).clamp_max(len(samples) - 1))
        chosen.append(samples[index])
        distances = torch.minimum(distances, (samples - chosen[-1]).square().sum(1))
    return torch.stack(chosen)
