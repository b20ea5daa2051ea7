"""Effort of a fit by preset, in x265's words."""

from __future__ import annotations

from dataclasses import dataclass

from ffhybrid.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Iterations on the latents with the built-in network, then on latents and network together."""

    latents: int
    network: int

    @property
    def iterations(self) -> int:
        """All of them."""
        return self.latents + self.network


PRESETS = {
    "ultrafast": Preset(latents=40, network=0),
    "superfast": Preset(latents=70, network=0),
    "veryfast": Preset(latents=100, network=0),
    "faster": Preset(latents=130, network=0),
    "fast": Preset(latents=80, network=100),
    "medium": Preset(latents=80, network=200),
    "slow": Preset(latents=100, network=900),
    "slower": Preset(latents=100, network=1900),
    "veryslow": Preset(latents=100, network=3900),
    "placebo": Preset(latents=100, network=9900),
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
