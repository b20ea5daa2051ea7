"""Randomness that is the same on every machine: ``ffh_noise_row`` of the C core (docs/FORMAT.md) as tensors."""

from __future__ import annotations

import torch
from torch import Tensor

_MASK = 0xFFFFFFFF


def noise_planes(channels: int, rows: int, columns: int, *, device: torch.device) -> Tensor:
    """Make whole numbers of -510 to 510, (1, channels, rows, columns) int64, nearly normal, of deviation 147.8."""
    channel = torch.arange(channels, dtype=torch.int64, device=device).view(1, -1, 1, 1)
    row = torch.arange(rows, dtype=torch.int64, device=device).view(1, 1, -1, 1)
    column = torch.arange(columns, dtype=torch.int64, device=device).view(1, 1, 1, -1)
    value = (column * 0x9E3779B1 ^ row * 0x85EBCA77 ^ (channel + 1) * 0xC2B2AE3D) & _MASK
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        value = ((value ^ (value >> shift)) * factor) & _MASK
    value = value ^ (value >> 16)
    return torch.stack([(value >> shift) & 0xFF for shift in (0, 8, 16, 24)]).sum(0) - 510
