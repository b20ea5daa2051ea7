"""Effort of a fit by preset, in x265's words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Iterations on the latents with the built-in network, then on latents and network together.

    ``trial`` is how many iterations every start gets before the best one goes on, ``base`` SVT-AV1's preset for base
    pictures.
    """

    trial: int
    latents: int
    network: int
    base: int

    @property
    def iterations(self) -> int:
        """All of them."""
        return self.latents + self.network


PRESETS = {
    "ultrafast": Preset(trial=0, latents=40, network=0, base=4),
    "superfast": Preset(trial=0, latents=70, network=0, base=4),
    "veryfast": Preset(trial=0, latents=100, network=0, base=4),
    "faster": Preset(trial=0, latents=130, network=0, base=4),
    "fast": Preset(trial=30, latents=80, network=100, base=2),
    "medium": Preset(trial=30, latents=80, network=200, base=2),
    "slow": Preset(trial=30, latents=100, network=900, base=0),
    "slower": Preset(trial=30, latents=100, network=1900, base=0),
    "veryslow": Preset(trial=30, latents=100, network=3900, base=0),
    "placebo": Preset(trial=30, latents=100, network=9900, base=0),
}
