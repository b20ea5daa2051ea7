"""CaDM's decoder: from what is left of a picture to the picture, by colours, enlargement, restoration."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ffhybrid.core.picture import PictureSpec
from ffhybrid.filters.cadm.codec import Body
from ffhybrid.filters.cadm.reduction import enlarged, to_blocks
from ffhybrid.filters.cadm.restorer import Restorer, class_of
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.loading import Model


def grid_of(spec: PictureSpec, reduction: int) -> tuple[int, int]:
    """Give the rows and columns of pixels that 2^reduction times fewer each way leave."""
    scale = 1 << reduction
    return -(-spec.height // scale), -(-spec.width // scale)


def condition_of(body: Body, spec: PictureSpec, reduction: int, restorer: Restorer) -> Tensor:
    """Enlarge the pixels of a body to 2x2 luma blocks of the asked size, (1, 6, rows, columns)."""
    pixels = body.colours[body.indices].astype(np.float32)
    large = enlarged(
        torch.as_tensor(pixels, dtype=restorer.dtype, device=restorer.device).permute(2, 0, 1)[None], 1 << reduction
    )
    return to_blocks(large[..., : spec.height, : spec.width])


def paint(model: Model, spec: PictureSpec, latent: ModelLatent) -> Tensor:
    """Make the picture of a latent in 2x2 luma blocks, (1, 6, rows, columns), in the precision that the model has.

    Raises:
        CorruptDataError: a body that is damaged.
        ModelError: a model that restores nothing.
    """
    restorer = Restorer(model)
    body = Body.from_bytes(latent.body, grid_of(spec, latent.reduction))
    return restorer.restored(
        condition_of(body, spec, latent.reduction, restorer),
        restorer.frame(spec),
        label=class_of(latent.reduction, len(body.colours)),
        steps=body.steps,
        tile=latent.tile,
    )
