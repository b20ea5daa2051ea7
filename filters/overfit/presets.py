"""Effort of a fit by preset, in x265's words."""

from __future__ import annotations

from dataclasses import dataclass

from ffhybrid.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Iterations on the latents with the built-in network, then on latents and network together.

    ``base`` is SVT-AV1's preset for the base picture.
    """

    latents: int
    network: int
    base: int

    @property
    def iterations(self) -> int:
        """All of them."""
        return self.latents + self.network


PRESETS = {
    "ultrafast": Preset(latents=40, network=0, base=4),
    "superfast": Preset(latents=70, network=0, base=4),
    "veryfast": Preset(latents=100, network=0, base=4),
    "faster": Preset(latents=130, network=0, base=4),
    "fast": Preset(latents=80, network=100, base=2),
    "medium": Preset(latents=80, network=200, base=2),
    "slow": Preset(latents=100, network=900, base=0),
    "slower": Preset(latents=100, network=1900, base=0),
    "veryslow": Preset(latents=100, network=3900, base=0),
    "placebo": Preset(latents=100, network=9900, base=0),
}
DEFAULT = "medium"


def preset(name: str | None) -> Preset:
    """Look a preset up; None is the default.

    Raises:
        UsageError: there is none of that name.
    """
    found = PRESETS.get(name or DEFAULT)
    if found is None:
        raise UsageError(f"there is no keyframe preset {name!r}; known are {', '.join(PRESETS)}")
    return found
