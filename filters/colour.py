"""Y'CbCr to R'G'B' and back (ITU-T H.273 section 8.3), and on to Oklab: for losses, metrics and learned codecs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ffhybrid.core.picture import Colour

BT709, BT2020 = 1, 9
_LUMA_WEIGHTS = {BT709: (0.2126, 0.0722), BT2020: (0.2627, 0.0593)}
_BT601_WEIGHTS = (0.299, 0.114)
_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_OPPONENTS = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
"""Of Oklab (Ottosson, 2020): linear RGB of BT.709's primaries to cones, their cube roots to L, a and b."""


def _luma_weights(colour: Colour) -> tuple[float, float, float]:
    red, blue = _LUMA_WEIGHTS.get(colour.matrix, _BT601_WEIGHTS)
    return red, 1 - red - blue, blue


def to_rgb(packed: Tensor, colour: Colour) -> Tensor:
    """Convert 2x2 luma blocks around mid-grey in 8-bit units to RGB in 0 to 1.

    Args:
        packed: (batch, 6, rows, columns): luma phases, Cb, Cr.
        colour: whose matrix and range are used; an unknown matrix is taken for BT.601.

    Returns:
        (batch, 3, 2 * rows, 2 * columns), clipped.
    """
    red, green, blue = _luma_weights(colour)
    luma = F.pixel_shuffle(packed[:, :4], 2)
    chroma = F.interpolate(packed[:, 4:], scale_factor=2, mode="bilinear", align_corners=False)
    if colour.full_range:
        y, spread = (luma + 128) / 255, 255.0
    else:
        y, spread = (luma + 112) / 219, 224.0
    cb, cr = chroma[:, :1] / spread, chroma[:, 1:] / spread
    r = y + 2 * (1 - red) * cr
    b = y + 2 * (1 - blue) * cb
    g = (y - red * r - blue * b) / green
    return torch.cat((r, g, b), 1).clamp(0, 1)


def from_rgb(rgb: Tensor, colour: Colour) -> Tensor:
    """Convert RGB in 0 to 1 to 2x2 luma blocks around mid-grey in 8-bit units; chroma is the mean of its four samples.

    Args:
        rgb: (batch, 3, rows, columns), sides even; values beyond 0 and 1 are not clipped.
        colour: as for :func:`to_rgb`.

    Returns:
        (batch, 6, rows / 2, columns / 2).
    """
    red, green, blue = _luma_weights(colour)
    r, g, b = rgb[:, 0:1], rgb[:, 1:2], rgb[:, 2:3]
    y = red * r + green * g + blue * b
    cb = F.avg_pool2d((b - y) / (2 * (1 - blue)), 2)
    cr = F.avg_pool2d((r - y) / (2 * (1 - red)), 2)
    if colour.full_range:
        luma, spread = 255 * y - 128, 255.0
    else:
        luma, spread = 219 * y - 112, 224.0
    return torch.cat((F.pixel_unshuffle(luma, 2), spread * cb, spread * cr), 1)


def to_linear(rgb: Tensor) -> Tensor:
    """Undo sRGB's transfer function (IEC 61966-2-1), which video of a graphics display is shown with."""
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)


def to_oklab(rgb: Tensor) -> Tensor:
    """Convert RGB in 0 to 1 to Oklab, in which equal distances look about equal; white has L = 1, black 0.

    Args:
        rgb: (batch, 3, rows, columns), taken for BT.709's primaries.
    """
    cones = mix(to_linear(rgb), _CONES)
    return mix(root(cones, 1 / 3), _OPPONENTS)


def mix(channels: Tensor, matrix: Sequence[Sequence[float]]) -> Tensor:
    """Multiply the three channels of (batch, 3, rows, columns) by a matrix."""
    return torch.einsum("ij,bjrc->birc", channels.new_tensor(matrix), channels)


def root(x: Tensor, exponent: float) -> Tensor:
    """Take a power below 1, of what is not positive 0, with no gradient there: the power's own is infinite."""
    positive = x > 0
    return torch.where(positive, torch.where(positive, x, 1) ** exponent, 0)
