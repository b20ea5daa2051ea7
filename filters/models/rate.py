"""About how many bits the adaptive coder will take for latents, differentiable in them.

The coder of the C core adapts its prediction by use; here the same kind of prediction is fitted to the latents at hand
by least squares, from time to time, and held in between.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ffhybrid.filters.laplace import laplace_bits

EARLIER = 3
"""Channels before its own that a value is predicted from."""
LEAST_SPREAD = 0.12
_REACH = 1
_NEAR = ((0, -1), (-1, 0), (-1, -1), (-1, 1))
_RIDGE = 1e-2


class RateModel:
    """Predicts values from neighbours, and their spread from the errors of neighbours."""

    def __init__(self, values: Tensor) -> None:
        self._means: list[Tensor] = []
        self._spreads: list[Tensor] = []
        self.refit(values)

    def refit(self, values: Tensor) -> None:
        """Fit to values in units of the quantiser's step, (1, channels, rows, columns)."""
        values = values.detach()
        self._means = [_solved(_inputs(values, c), values[0, c]) for c in range(values.shape[1])]
        errors = self._errors(values).abs()
        self._spreads = [_solved(_inputs(errors, c), errors[0, c]) for c in range(values.shape[1])]

    def bits(self, values: Tensor) -> Tensor:
        """Estimate the bits of all values."""
        errors = self._errors(values)
        magnitudes = errors.detach().abs()
        total = values.new_zeros(())
        for channel, weights in enumerate(self._spreads):
            spread = (_inputs(magnitudes, channel) @ weights).clamp_min(LEAST_SPREAD)
            error = errors[0, channel]
            total = total + laplace_bits(error, torch.zeros_like(error), spread.log()).sum()
        return total

    def _errors(self, values: Tensor) -> Tensor:
        means = [_inputs(values, channel) @ weights for channel, weights in enumerate(self._means)]
        return values - torch.stack(means)[None]


def _inputs(values: Tensor, channel: int) -> Tensor:
    """Give what a channel is predicted from, (rows, columns, inputs)."""
    rows, columns = values.shape[-2:]
    padded = F.pad(values[0, channel], (_REACH, _REACH, _REACH, 0))
    near = [padded[_REACH + dy : _REACH + dy + rows, _REACH + dx : _REACH + dx + columns] for dy, dx in _NEAR]
    earlier = [values[0, channel - before] for before in range(1, min(channel, EARLIER) + 1)]
    return torch.stack([*near, *earlier, torch.ones_like(near[0])], -1)


def _solved(inputs: Tensor, wanted: Tensor) -> Tensor:
    """Least squares with a little ridge, so that flat channels have a solution too."""
    x, y = inputs.flatten(0, 1), wanted.flatten()
    square = x.T @ x + _RIDGE * torch.eye(x.shape[1], device=x.device, dtype=x.dtype)
    found: Tensor = torch.linalg.solve(square, x.T @ y)
    return found
