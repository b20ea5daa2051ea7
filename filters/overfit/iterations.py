"""Effort of a fit by preset, in x265's words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Iterations on the latents with the built-in network, then on latents and network together.

    ``trial`` is how many iterations every start gets before the best one goes on.
    """

    trial: int
    latents: int
    network: int

    @property
    def iterations(self) -> int:
        """All of them."""
        return self.latents + self.network


PRESETS = {
    "ultrafast": Preset(trial=0, latents=40, network=0),
    "superfast": Preset(trial=0, latents=70, network=0),
    "veryfast": Preset(trial=0, latents=100, network=0),
    "faster": Preset(trial=0, latents=130, network=0),
    "fast": Preset(trial=30, latents=80, network=100),
    "medium": Preset(trial=30, latents=80, network=200),
    "slow": Preset(trial=30, latents=100, network=900),
    "slower": Preset(trial=30, latents=100, network=1900),
    "veryslow": Preset(trial=30, latents=100, network=3900),
    "placebo": Preset(trial=30, latents=100, network=9900),
}
