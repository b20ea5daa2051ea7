"""Random parts of pictures and clips."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

PART = 128
"""Side of a training part in luma blocks."""
CLIP_INTERVAL = 12
SCALES = (1.0, 0.6)


class Pictures:
    """Every picture, every twelfth frame of clips, and both reduced, as (6, rows, columns)."""

    def __init__(self, paths: list[Path]) -> None:
        self._packed = [packed for path in paths for packed in _frames(path) if min(packed.shape[1:]) >= PART]

    def __len__(self) -> int:
        return len(self._packed)

    def part(self) -> Tensor:
        """Cut a random square out, (6, PART, PART), mirrored half of the time."""
        picture = random.choice(self._packed)
        y, x = (random.randrange(side - PART + 1) for side in picture.shape[1:])
        part = picture[:, y : y + PART, x : x + PART]
        if random.random() < 0.5:
            return part
        return part.flip(2)[[1, 0, 3, 2, 4, 5]]


def _frames(path: Path) -> Iterator[Tensor]:
    with av.open(path) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index % CLIP_INTERVAL == 0:
                yield from (_packed(frame, scale) for scale in SCALES)


def _packed(frame: av.VideoFrame, scale: float) -> Tensor:
    width, height = (round(side * scale) // 2 * 2 for side in (frame.width, frame.height))
    planes = frame.reformat(width=width, height=height, format="yuv420p", interpolation="AREA").to_ndarray()
    luma = torch.from_numpy(planes[:height].astype(np.float32))[None, None]
    chroma = torch.from_numpy(planes[height:].astype(np.float32)).reshape(2, height // 2, width // 2)
    return torch.cat((F.pixel_unshuffle(luma, 2)[0], chroma)) - 128
