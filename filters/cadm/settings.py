"""Settings that a training of a restorer is begun with, and keeps; nothing here needs torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from ffhybrid.errors import UsageError

NORM_GROUPS = 8
"""The groups of the network's normalisation; every level has a multiple of so many channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What it is begun with.

    Args:
        channels: of the network, a level each, from the finest on; multiples of 8.
        reductions: log2 of the scales that it learns to undo.
        side: of parts, in luma samples.
        batch: parts an iteration.
        seed: of weights and examples.
    """

    channels: tuple[int, ...] = (24, 32, 48)
    reductions: tuple[int, ...] = (1, 2)
    side: int = 128
    batch: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.channels or any(count < 1 or count % NORM_GROUPS for count in self.channels):
            raise UsageError(f"channels are multiples of {NORM_GROUPS}, not {self.channels}")

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Parse what :meth:`to_json` gives."""
        found: dict[str, Any] = json.loads(text)
        found |= {name: tuple(value) for name, value in found.items() if isinstance(value, list)}
        return cls(**found)

    def to_json(self) -> str:
        """Write as JSON."""
        return json.dumps(asdict(self))
