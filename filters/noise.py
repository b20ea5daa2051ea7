"""Randomness that is the same on every machine: ``ffh_noise_row`` of the C core (docs/FORMAT.md) as tensors."""

from __future__ import annotations

import torch
from torch import Tensor

_MASK = 0xFFFFFFFF
_PLANES = 3
"""The planes of noise in a channel of :func:`gaussian`: twelve bytes, whose sum is all but normal."""
_CHANNELS_A_SEED = 256


def noise_planes(channels: int, rows: int, columns: int, *, device: torch.device, first: int = 0) -> Tensor:
    """Make whole numbers of -510 to 510, (1, channels, rows, columns) int64, nearly normal, of deviation 147.8.

    Channels are numbered from ``first`` on.
    """
    channel = torch.arange(first, first + channels, dtype=torch.int64, device=device).view(1, -1, 1, 1)
    row = torch.arange(rows, dtype=torch.int64, device=device).view(1, 1, -1, 1)
    column = torch.arange(columns, dtype=torch.int64, device=device).view(1, 1, 1, -1)
    value = (column * 0x9E3779B1 ^ row * 0x85EBCA77 ^ (channel + 1) * 0xC2B2AE3D) & _MASK
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        value = ((value ^ (value >> shift)) * factor) & _MASK
    value = value ^ (value >> 16)
    return torch.stack([(value >> shift) & 0xFF for shift in (0, 8, 16, 24)]).sum(0) - 510


def gaussian(shape: tuple[int, int, int], *, seed: int, device: torch.device) -> Tensor:
    """Draw nearly normal values of mean 0 and variance 1, multiples of 1/256 in single precision.

    Args:
        shape: channels (at most 85), rows, columns.
        seed: at most 24 bits.
        device: of the result, (1, channels, rows, columns).
    """
    channels, rows, columns = shape
    if channels * _PLANES > _CHANNELS_A_SEED:
        raise ValueError(f"{channels} channels are more than a seed has")
    planes = noise_planes(channels * _PLANES, rows, columns, device=device, first=_CHANNELS_A_SEED * seed)
    return planes.view(1, channels, _PLANES, rows, columns).sum(2).to(torch.float32) / 256
