"""Quality of a GOP against its source: the mean squared error of all pictures, LPIPS of some.

This is what rate control compares keyframes by: on the whole GOP, since a keyframe that looks well alone may be a bad
reference (HybridPrompt section 2.4).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.filters import Likeness
from ffhybrid.filters.base import lpips_can_see

logger = logging.getLogger(__name__)

SAMPLING_INTERVAL = 8
"""LPIPS looks at one picture of so many."""
MSE_WEIGHT = 5.0
"""The weight of the mean squared error in [0, 1] against LPIPS: 0.005 at 30 dB."""

Distance = Callable[[Picture, Picture, PictureSpec], float]
"""LPIPS of two pictures."""


@dataclass(frozen=True, slots=True)
class GopQuality:
    """Means over a GOP: squared error of samples in [0, 1], and LPIPS (``nan`` without its weights)."""

    mse: float
    lpips: float

    @property
    def loss(self) -> float:
        """What a GOP is chosen by; less is better."""
        return self.mse if math.isnan(self.lpips) else self.lpips + MSE_WEIGHT * self.mse

    @property
    def psnr(self) -> float:
        """In dB, over all samples of all planes."""
        return -10 * math.log10(max(self.mse, 1e-10))


class Judge:
    """Compares the pictures of GOPs with their source; ``distance`` None means the mean squared error alone."""

    def __init__(self, distance: Distance | None) -> None:
        self._distance = distance

    @property
    def sees(self) -> bool:
        """Whether LPIPS is looked at."""
        return self._distance is not None

    def quality(self, pictures: Iterable[Picture], source: SourceGop) -> GopQuality:
        """Judge pictures in order of presentation."""
        peak = (1 << source.spec.bit_depth) - 1
        errors, distances = [], []
        looks = self._distance if lpips_can_see(source.spec) else None
        for index, picture in enumerate(pictures):
            wanted = source.picture(index)
            errors.append(Likeness(wanted).distortion(picture) / peak**2)
            if looks and index % SAMPLING_INTERVAL == 0:
                distances.append(looks(picture, wanted, source.spec))
        return GopQuality(sum(errors) / len(errors), sum(distances) / len(distances) if distances else math.nan)


def lpips_distance(path: Path | None) -> Distance | None:
    """Load LPIPS; None, with a warning, where its weights or torch are missing."""
    try:
        import torch

        from ffhybrid.filters.colour import to_rgb
        from ffhybrid.filters.losses import pack
        from ffhybrid.filters.lpips import load_lpips
    except ModuleNotFoundError as error:
        logger.warning("GOPs are judged by their mean squared error, since %s", error)
        return None
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaded = load_lpips(path, device, without="GOPs are judged by their mean squared error")
    if loaded is None:
        return None
    lpips = loaded

    def distance(ours: Picture, theirs: Picture, spec: PictureSpec) -> float:
        with torch.no_grad():
            a, b = (to_rgb(pack(picture, device), spec.colour) for picture in (ours, theirs))
            return float(lpips(a, b))

    return distance
