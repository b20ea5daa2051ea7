"""Noise that is the same on every machine: hashes of channel, row and column, in integers."""

from __future__ import annotations

import torch
from torch import Tensor

_MASK = 0xFFFFFFFF
_BYTES = (0, 8, 16, 24)
WORDS = 3
"""Hashes in a value of :func:`gaussian`: twelve bytes, whose sum is all but normal."""
SEED_STRIDE = 256
"""Channel numbers that belong to one seed."""


def byte_sums(channels: Tensor, rows: int, columns: int) -> Tensor:
    """Sum the four bytes of a hash of every place, less their mean.

    Args:
        channels: numbers of channels, int64, (channels,).
        rows: of the result.
        columns: of the result.

    Returns:
        Whole numbers of -510 to 510, int64, (1, channels, rows, columns).
    """
    device = channels.device
    row = torch.arange(rows, dtype=torch.int64, device=device).view(1, 1, -1, 1)
    column = torch.arange(columns, dtype=torch.int64, device=device).view(1, 1, 1, -1)
    value = (column * 0x9E3779B1 ^ row * 0x85EBCA77 ^ (channels.view(1, -1, 1, 1) + 1) * 0xC2B2AE3D) & _MASK
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        value = ((value ^ (value >> shift)) * factor) & _MASK
    value = value ^ (value >> 16)
    return torch.stack([(value >> shift) & 0xFF for shift in _BYTES]).sum(0) - 510


def gaussian(shape: tuple[int, int, int], *, seed: int, device: torch.device) -> Tensor:
    """Draw nearly normal values of mean 0 and variance 1, multiples of 1/256 in single precision.

    Args:
        shape: channels (at most 85), rows, columns.
        seed: at most 24 bits.
        device: of the result, (1, channels, rows, columns).
    """
    channels, rows, columns = shape
    if channels * WORDS > SEED_STRIDE:
        raise ValueError(f"{channels} channels are more than a seed has")
    numbers = SEED_STRIDE * seed + torch.arange(channels * WORDS, dtype=torch.int64, device=device)
    sums = byte_sums(numbers, rows, columns).view(channels, WORDS, rows, columns).sum(1)
    return sums[None].to(torch.float32) / 256
