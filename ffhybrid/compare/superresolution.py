"""Pictures of twice the size, by FSRCNN on luma and bicubic interpolation of chroma."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ffhybrid.core.picture import Picture, PictureSpec, Plane
from ffhybrid.errors import ModelError
from ffhybrid.filters.fsrcnn import Fsrcnn, bicubic


@dataclass(frozen=True, slots=True, eq=False)
class Doubler:
    """A network, and whether what it gives is added to bicubic interpolation or stands alone."""

    network: Fsrcnn
    adds_to_bicubic: bool

    @classmethod
    def load(cls, path: Path) -> Doubler:
        """Load published weights, in safetensors.

        Raises:
            ModelError: the file is not there, or has no such weights.
        """
        try:
            return cls(Fsrcnn(load_file(path)), adds_to_bicubic=False)
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise ModelError(f"{path} has no weights of FSRCNN: {error}") from error

    def luma(self, small: Tensor) -> Tensor:
        """Double planes, (batch, 1, rows, columns) of 0 to 1; gradients pass."""
        made: Tensor = self.network(small)
        return made + bicubic(small) if self.adds_to_bicubic else made

    def picture(self, small: Picture) -> Picture:
        """Double a picture."""
        with torch.no_grad():
            y = _samples(self.luma(to_unit(small.y, small.bit_depth)), small.bit_depth)
        cb, cr = (_samples(bicubic(to_unit(plane, small.bit_depth)), small.bit_depth) for plane in (small.cb, small.cr))
        return Picture(y, cb, cr, small.bit_depth)


def to_unit(plane: Plane, bit_depth: int) -> Tensor:
    """Turn samples into (1, 1, rows, columns) of 0 to 1."""
    return torch.from_numpy(plane.astype(np.float32))[None, None] / ((1 << bit_depth) - 1)


def _samples(unit: Tensor, bit_depth: int) -> NDArray[np.unsignedinteger]:
    maximum = (1 << bit_depth) - 1
    values: NDArray[np.unsignedinteger] = (
        (unit[0, 0] * maximum).round().clamp(0, maximum).numpy().astype(PictureSpec(2, 2, bit_depth).dtype)
    )
    return values
