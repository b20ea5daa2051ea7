"""ColorVideoVDP (Mantiuk et al., 2024) by its package: differences that a person sees in a video on a display, in JOD.

The package imports torchvision for one blur, and for variants of the metric that are not used here; torchvision must
fit torch's build and often does not. So only the modules of the metric itself are loaded, with a blur of ours there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ffhybrid.panel.values import Series

PACKAGE = "pycvvdp"
DISPLAY = "standard_4k"
"""The package's default: 30 inches of 3840x2160 at 0.75 m, 200 cd/m2, a sample of the video on one of the display."""


class GaussianBlur:
    """What ``torchvision.transforms.GaussianBlur`` of a fixed deviation does: a window beyond which edges mirror."""

    def __init__(self, kernel_size: int, sigma: float) -> None:
        offsets = torch.arange(kernel_size) - (kernel_size - 1) / 2
        weights = torch.exp(-(offsets / sigma).square() / 2)
        self._kernel = weights / weights.sum()

    def forward(self, x: Tensor) -> Tensor:
        """Blur planes, (batch, channels, rows, columns)."""
        count, reach = x.shape[1], len(self._kernel) // 2
        kernel = self._kernel.to(x)
        x = F.pad(x, (reach, reach, reach, reach), mode="reflect")
        x = F.conv2d(x, kernel.view(1, 1, 1, -1).expand(count, 1, 1, -1), groups=count)
        return F.conv2d(x, kernel.view(1, 1, -1, 1).expand(count, 1, -1, 1), groups=count)


class Video:
    """Two videos as the metric reads them: every picture once, in order, RGB in 0 to 1, (1, 3, rows, columns)."""

    def __init__(
        self, ours: Iterator[Tensor], theirs: Iterator[Tensor], *, size: tuple[int, int, int], rate: float, display: Any
    ) -> None:
        self._ours, self._theirs = ours, theirs
        self._size, self._rate, self._display = size, rate, display

    def get_video_size(self) -> tuple[int, int, int]:
        """Rows, columns, pictures."""
        return self._size

    def get_frames_per_second(self) -> float:
        """Pictures a second."""
        return self._rate

    def get_batch_size(self) -> int:
        """One pair of videos."""
        return 1

    def get_test_frame(self, frame: int, device: torch.device, colorspace: str) -> Tensor:  # noqa: ARG002
        """Convert the next picture to what the display shows of it."""
        return self._shown(self._ours, device, colorspace)

    def get_reference_frame(self, frame: int, device: torch.device, colorspace: str) -> Tensor:  # noqa: ARG002
        """Convert the source's next picture."""
        return self._shown(self._theirs, device, colorspace)

    def _shown(self, pictures: Iterator[Tensor], device: torch.device, colorspace: str) -> Tensor:
        shown: Tensor = self._display.source_2_target_colorspace(next(pictures)[:, :, None].to(device), colorspace)
        return shown


def look_at_video(
    ours: Iterator[Tensor],
    theirs: Iterator[Tensor],
    *,
    size: tuple[int, int, int],
    rate: float,
    interval: int,
    device: torch.device,
) -> Series:
    """Compare a video with its source: all pictures go through the filters of time, every ``interval``-th is judged.

    Args:
        ours: pictures in order, RGB in 0 to 1, (1, 3, rows, columns).
        theirs: the source's.
        size: rows, columns, pictures.
        rate: pictures a second.
        interval: one picture of so many, from the first on.
        device: for the computation.
    """
    metric = _sampling(interval)(display_name=DISPLAY, quiet=True, device=device)
    video = Video(ours, theirs, size=size, rate=rate, display=metric.display_photometry)
    with torch.no_grad():
        whole, facts = metric.predict_video_source(video)
        parts = torch.from_numpy(facts["Q_per_ch"]).to(device)[:, :, ::interval]
        # Twice, since a single picture would be taken for a still one.
        values = [metric.do_pooling_and_jods(parts[:, :, [index, index]]) for index in range(parts.shape[2])]
    return Series(values=tuple(map(float, values)), whole=float(whole))


@cache
def _sampling(interval: int) -> Any:
    """Make the metric judge every ``interval``-th picture, and take its verdict for those up to the next."""
    base: Any = _load().cvvdp

    class Sampling(base):  # type: ignore[misc]
        _number = 0
        _verdict: Tensor

        def process_block_of_frames(self, block: Tensor, *rest: Any) -> tuple[Tensor, None]:
            """Judge pictures that follow one another."""
            verdicts = []
            for index in range(block.shape[2]):
                if self._number % interval == 0:
                    self._verdict, _ = super().process_block_of_frames(block[:, :, index : index + 1], *rest)
                verdicts.append(self._verdict)
                self._number += 1
            return torch.cat(verdicts, 2), None

    return Sampling


@cache
def _load() -> ModuleType:
    """Import the module of the metric."""
    if PACKAGE in sys.modules:
        return import_module(f"{PACKAGE}.cvvdp_metric")
    spec = find_spec(PACKAGE)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {PACKAGE!r}", name=PACKAGE)
    bare = module_from_spec(spec)
    stand_ins = {
        "torchvision": ModuleType("torchvision"),
        "torchvision.transforms": _module("torchvision.transforms", GaussianBlur=GaussianBlur),
        f"{PACKAGE}.dump_channels": _module(f"{PACKAGE}.dump_channels", DumpChannels=None),
    }
    sys.modules[PACKAGE] = bare
    with _standing_in(stand_ins):
        return import_module(f"{PACKAGE}.cvvdp_metric")


def _module(name: str, **contents: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(contents)
    return module


@contextmanager
def _standing_in(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    """Let imports find these modules for a while, and the path be what it was afterwards."""
    before, path = {name: sys.modules.get(name) for name in modules}, list(sys.path)
    sys.modules.update(modules)
    try:
        yield
    finally:
        sys.path[:] = path
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
