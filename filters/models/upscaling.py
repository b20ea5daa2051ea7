"""The second of two stages (HybridPrompt section 3.2): doubling the sides of the model's picture, differentiably."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ffhybrid.errors import ModelError
from ffhybrid.filters.fsrcnn import Fsrcnn, bicubic

FOLDER = "enlarger"
"""The folder of the enlarger beside the other parts of a model."""
WEIGHTS = "fsrcnn_x2.safetensors"
LUMA = (0.299, 0.587, 0.114)


class Enlarger(nn.Module):
    """Doubles luma by FSRCNN and what is left of R, G and B by interpolation."""

    def __init__(self, network: Fsrcnn) -> None:
        super().__init__()
        self.network = network

    def forward(self, rgb: Tensor) -> Tensor:
        """Double RGB of 0 to 1, (1, 3, rows, columns)."""
        luma = (rgb * rgb.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
        doubled: Tensor = self.network(luma) + bicubic(rgb - luma)
        return doubled


def load_enlarger(folder: Path) -> Enlarger | None:
    """Load the network of a model's folder; None where it has none.

    Raises:
        ModelError: weights that are not those of FSRCNN.
    """
    path = folder / FOLDER / WEIGHTS
    if not path.is_file():
        return None
    try:
        return Enlarger(Fsrcnn(load_file(path)))
    except (KeyError, ValueError, OSError, SafetensorError) as error:
        raise ModelError(f"{path} is no FSRCNN that doubles: {error}") from error
