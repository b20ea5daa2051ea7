"""GOPs as values that encode, farm, muxer and restore exchange: closed, each standing alone."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """VPS, SPS and PPS NAL units (two-byte header included, no start code, escaped)."""

    vps: bytes
    sps: bytes
    pps: tuple[bytes, ...]

    @property
    def nal_units(self) -> tuple[bytes, ...]:
        """All of them in the order in which a decoder needs them."""
        return (self.vps, self.sps, *self.pps)


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture: its NAL units without start codes, and when it is shown.

    ``pts`` and ``duration`` count units of the GOP's time base.
    """

    nal_units: tuple[bytes, ...]
    pts: int
    duration: int

    @property
    def size(self) -> int:
        """Bytes of the NAL units."""
        return sum(map(len, self.nal_units))


@dataclass(frozen=True, slots=True)
class HybridGop:
    """A latent payload, what stands in the stream for its keyframe, and the P/B pictures coded against it.

    ``placeholder`` holds the IDR slice that stock players show (the base picture that the latent refines, a preview, or
    mid-grey) without any SEI of the carriage, and before it the SEI messages that the restored keyframe keeps;
    ``inter`` holds the P and B access units in decoding order. ``payload`` is a serialised
    ``ffhybrid.core.payload.Payload``.
    """

    payload: bytes
    parameter_sets: ParameterSets
    placeholder: AccessUnit
    inter: tuple[AccessUnit, ...]
    time_base: Fraction

    @property
    def access_units(self) -> tuple[AccessUnit, ...]:
        """Placeholder first, then P and B pictures, in decoding order."""
        return (self.placeholder, *self.inter)

    @property
    def duration(self) -> int:
        """From the keyframe's timestamp to the end of the last shown picture, in the time base."""
        return max(unit.pts + unit.duration for unit in self.access_units) - self.placeholder.pts
