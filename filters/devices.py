"""Devices that torch works on, by the names that options have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ffhybrid.errors import UsageError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda")


def check_device(name: str) -> str:
    """Return the name of a device; this needs no torch.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in DEVICES:
        raise UsageError(f"there is no device {name!r}; known are {', '.join(DEVICES)}")
    return name


def device_of(name: str) -> torch.device:
    """Return torch's device; ``auto`` is CUDA where there is one.

    Raises:
        UsageError: the device is not there.
    """
    import torch

    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise UsageError("there is no CUDA device")
    return torch.device("cuda" if has_cuda and name != "cpu" else "cpu")
