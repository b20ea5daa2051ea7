"""Y'CbCr to R'G'B' and back (ITU-T H.273 section 8.3), in floating point: for losses, metrics and learned codecs."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ffhybrid.core.picture import Colour

BT709, BT2020 = 1, 9
_LUMA_WEIGHTS = {BT709: (0.2126, 0.0722), BT2020: (0.2627, 0.0593)}
_BT601_WEIGHTS = (0.299, 0.114)


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
