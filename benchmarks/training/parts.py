"""Parts of pictures that both stages of training learn from, with a base picture as a fit has one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ffhybrid.core.picture import Picture
from ffhybrid.filters.losses import pack
from ffhybrid.filters.overfit.codec import grid_steps
from ffhybrid.filters.overfit.session import PLAIN_TEXTURE
from ffhybrid.filters.overfit.start import steps as header_steps
from ffhybrid.hevc.intra_codec import HevcIntraCodec
from training.pictures import PART, Pictures

RATE_CLASSES = (-2.5, 3.7)
TEXTURE_CLASSES = (-3.0, 1.0)
PLAIN_PART = 0.4
QPS = (20, 51)
QP_AT_ZERO, QP_SLOPE, QP_SPREAD = 43.0, 3.0, 4.0
"""QP of the base picture by rate class, and how far it strays: lambda doubles every three. It is x265's, which codes
intra pictures at three less; fits whose rate class is 0 have slices of QP 38 to 43."""
BARE_PART = 0.05
"""The part of the training parts that have no base picture."""
CPU = torch.device("cpu")
INTRA = HevcIntraCodec()


@dataclass(frozen=True, slots=True)
class Classes:
    """Rate and texture wanted of a part."""

    rate: float
    texture: float

    @classmethod
    def random(cls) -> Classes:
        """Draw both."""
        is_plain = random.random() < PLAIN_PART
        return cls(random.uniform(*RATE_CLASSES), PLAIN_TEXTURE if is_plain else random.uniform(*TEXTURE_CLASSES))

    @property
    def values(self) -> tuple[float, float]:
        """As the networks have them."""
        return self.rate, self.texture

    @property
    def steps(self) -> Sequence[float]:
        """Of every grid and of the patterns."""
        return grid_steps(header_steps(self.rate))


@dataclass(frozen=True, slots=True)
class Part:
    """A batch of sources of the same classes and their base pictures, (batch, 6, PART, PART) each."""

    source: Tensor
    base: Tensor | None
    classes: Classes

    @classmethod
    def random(cls, pictures: Pictures, batch: int, device: torch.device) -> Part:
        """Cut parts and code their base pictures."""
        classes = Classes.random()
        sources = [pictures.part() for _ in range(batch)]
        source = torch.stack(sources).to(device)
        if random.random() < BARE_PART:
            return cls(source, None, classes)
        return cls(source, torch.cat([_base(part, classes.rate) for part in sources]).to(device), classes)


def _base(part: Tensor, rate_class: float) -> Tensor:
    low, high = QPS
    qp = round(random.gauss(QP_AT_ZERO + QP_SLOPE * rate_class, QP_SPREAD))
    data = INTRA.encode(_picture(part), qp=min(max(qp, low), high))
    return pack(INTRA.decode(data, size=(2 * PART, 2 * PART), bit_depth=8), CPU)


def _picture(part: Tensor) -> Picture:
    samples = (part + 128).round().clamp(0, 255).to(torch.uint8)
    return Picture(F.pixel_shuffle(samples[:4], 2)[0].numpy(), samples[4].numpy(), samples[5].numpy())
