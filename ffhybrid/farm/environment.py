"""What a job ran on and with: beside the job itself, all that its bytes may depend on.

Sums of floating point numbers depend on which instructions a processor has and which libraries make use of them, and so
may the encodes that are chosen by such sums. Restoring does not: it is in integers.
"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ffhybrid._version import __version__
from ffhybrid.encoder.options import GopOptions

CPU_INFO = Path("/proc/cpuinfo")
LIBRARIES = ("av", "numpy", "torch", "diffusers", "imageio-ffmpeg")
"""Packages whose code makes, or decides about, pictures."""
_MODEL = re.compile(r"^(?:model name|CPU part)\s*:\s*(.+)$", re.MULTILINE)
_FEATURES = re.compile(r"^(?:flags|Features)\s*:\s*(.+)$", re.MULTILINE)
_OF_ARITHMETIC = re.compile(r"(sse|ssse|avx|fma|f16c|amx|bmi|asimd|sve|neon|fphp|bf16|i8mm).*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Machine, processor and those of its features that arithmetic makes use of; device, threads of fits, versions."""

    machine: str
    processor: str
    features: tuple[str, ...]
    device: str
    fit_threads: int
    versions: Mapping[str, str]


def environment_of(options: GopOptions) -> Environment:
    """Describe what this process encodes with."""
    processor, features = _processor()
    return Environment(
        machine=f"{platform.system()} {platform.machine()}",
        processor=processor,
        features=features,
        device=_device(options.device),
        fit_threads=options.fit_threads,
        versions=_versions(),
    )


@cache
def _processor() -> tuple[str, tuple[str, ...]]:
    try:
        text = CPU_INFO.read_text()
    except OSError:
        return platform.processor(), ()
    model, features = _MODEL.search(text), _FEATURES.search(text)
    names = features[1].split() if features else []
    return model[1] if model else platform.processor(), tuple(sorted(filter(_OF_ARITHMETIC.fullmatch, names)))


@cache
def _device(name: str) -> str:
    if name != "cuda":
        return name
    import torch

    return f"{name} {torch.cuda.get_device_name()}"


@cache
def _versions() -> Mapping[str, str]:
    found = {"ffhybrid": __version__, "python": platform.python_version(), "implementation": sys.implementation.name}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
