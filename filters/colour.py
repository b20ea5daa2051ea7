"""Y'CbCr to R'G'B' for losses and metrics (ITU-T H.273 section 8.3); never in the path of a reference picture."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ffhybrid.picture import Colour

BT709, BT2020 = 1, 9
_LUMA_WEIGHTS = {BT709: (0.2126, 0.0722), BT2020: (0.2627, 0.0593)}
_BT601_WEIGHTS = (0.299, 0.114)


def to_rgb(packed: Tensor, colour: Colour) -> Tensor:
    """Convert 2x2 luma blocks around mid-grey in 8-bit units to RGB in 0 to 1.

    Args:
        packed: (batch, 6, rows, columns): luma phases, Cb, Cr.
        colour: whose matrix and range are used; an unknown matrix is taken for BT.601.

    Returns:
        (batch, 3, 2 * rows, 2 * columns), clipped.
    """
    red, blue = _LUMA_WEIGHTS.get(colour.matrix, _BT601_WEIGHTS)
    luma = F.pixel_shuffle(packed[:, :4], 2)
    chroma = F.interpolate(packed[:, 4:], scale_factor=2, mode="bilinear", align_corners=False)
    if colour.full_range:
        y, spread = (luma + 128) / 255, 255.0
    else:
        y, spread = (luma + 112) / 219, 224.0
    cb, cr = chroma[:, :1] / spread, chroma[:, 1:] / spread
    r = y + 2 * (1 - red) * cr
    b = y + 2 * (1 - blue) * cb
    g = (y - red * r - blue * b) / (1 - red - blue)
    return torch.cat((r, g, b), 1).clamp(0, 1)
