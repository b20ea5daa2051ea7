"""Random parts of the files of ``training.make_bases``, all of which are kept in memory."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from numpy.typing import NDArray
from torch import Tensor

from ffhybrid.filters.enhance.model import conditions

PART = 128
"""Side of a training part in luma samples."""
KINDS = {"photo": 0.3, "camera": 0.17, "changed": 0.12, "drawn": 0.06, "moved": 0.35}
"""How often parts are of a kind."""
ALIGNED = 0.5
"""How many parts begin where blocks of 8x8 do; the others begin anywhere, so that no phase of a grid is learned."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """A batch: sources and bases, (batch, 6, PART / 2, PART / 2) in 2x2 luma blocks, and what is known of each."""

    source: Tensor
    base: Tensor
    known: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class BasePicture:
    """A source and its bases as FFmpeg lays 4:2:0 out, (3/2 rows, columns), and their QPs.

    ``distance`` is how many pictures P pictures are after an enhanced one, None for I pictures.
    """

    source: NDArray[np.uint8]
    bases: NDArray[np.uint8]
    qps: NDArray[np.int64]
    distance: int | None

    @classmethod
    def load(cls, path: Path) -> BasePicture:
        """Read a file."""
        with np.load(path) as arrays:
            distance = int(arrays["distance"]) if "distance" in arrays else 0
            return cls(arrays["source"], arrays["bases"], arrays["qps"], distance or None)

    def known(self, number: int) -> list[float]:
        """Conditions of a base."""
        return conditions(qp=float(self.qps[number]), distance=self.distance)


class BasePictures:
    """The files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._kinds: dict[str, list[BasePicture]] = {}
        for path in sorted(folder.glob("*.npz")):
            picture = BasePicture.load(path)
            if min(picture.source.shape[0] * 2 // 3, picture.source.shape[1]) >= PART + 8:
                self._kinds.setdefault(path.name.split("-")[0], []).append(picture)

    def __len__(self) -> int:
        return sum(map(len, self._kinds.values()))

    def parts(self, batch: int) -> Parts:
        """Cut parts of pictures."""
        kinds = random.choices(list(self._kinds), [KINDS[kind] for kind in self._kinds], k=batch)
        drawn = [_part(random.choice(self._kinds[kind])) for kind in kinds]
        source, base, known = zip(*drawn, strict=True)
        return Parts(torch.stack(source), torch.stack(base), torch.tensor(known))

    def whole(self, limit: int) -> Iterator[tuple[str, BasePicture]]:
        """Give up to so many pictures of each kind."""
        for kind, pictures in self._kinds.items():
            for number, picture in enumerate(pictures[:limit]):
                yield f"{kind} {number}", picture


def packed(samples: NDArray[np.uint8]) -> Tensor:
    """Turn 4:2:0 as FFmpeg lays it out into 2x2 luma blocks around mid-grey, (6, rows / 2, columns / 2)."""
    rows, columns = samples.shape[0] * 2 // 3, samples.shape[1]
    luma = torch.from_numpy(samples[:rows].astype(np.float32))
    chroma = torch.from_numpy(samples[rows:].astype(np.float32)).view(2, rows // 2, columns // 2)
    return torch.cat((F.pixel_unshuffle(luma[None], 2), chroma)) - 128


def _part(picture: BasePicture) -> tuple[Tensor, Tensor, list[float]]:
    number = random.randrange(len(picture.bases))
    sides = (picture.source.shape[0] * 2 // 3, picture.source.shape[1])
    step = 8 if random.random() < ALIGNED else 1
    place = [random.randrange((side - PART - 1) // step + 1) * step for side in sides]
    flipped = random.random() < 0.5
    source, base = (_cut(samples, *place, flipped=flipped) for samples in (picture.source, picture.bases[number]))
    return source, base, picture.known(number)


def _cut(samples: NDArray[np.uint8], y: int, x: int, *, flipped: bool) -> Tensor:
    """Cut a part out; where it begins at an odd sample, chroma is the mean of its neighbours."""
    rows, columns = samples.shape[0] * 2 // 3, samples.shape[1]
    luma = torch.from_numpy(samples[y : y + PART, x : x + PART].astype(np.float32))
    chroma = torch.from_numpy(samples[rows:].reshape(2, rows // 2, columns // 2).astype(np.float32))
    half = PART // 2
    chroma = chroma[:, y // 2 : y // 2 + half + y % 2, x // 2 : x // 2 + half + x % 2]
    if y % 2:
        chroma = (chroma[:, 1:] + chroma[:, :-1]) / 2
    if x % 2:
        chroma = (chroma[:, :, 1:] + chroma[:, :, :-1]) / 2
    if flipped:
        luma, chroma = luma.flip(1), chroma.flip(2)
    return torch.cat((F.pixel_unshuffle(luma[None], 2), chroma)) - 128
