"""The two PPSs of a stream: one that allows no lossless blocks, for nearly all slices, and its twin that allows them.

The reference lock needs ``cu-lossless``, and for it x265 puts a flag into every block of every picture of a GOP, which
at low rates weighs. Slices are coded anew without those flags; one that has lossless blocks keeps them and refers to
the twin. So GOPs have the same parameter sets, whether their keyframe was generated or not, and pay for nothing but
what they use.
"""

from __future__ import annotations

from dataclasses import replace

from ffhybrid import hevc
from ffhybrid.gop import AccessUnit, ParameterSets

LOSSY_PPS_ID, LOSSLESS_PPS_ID = 0, 1


def shared(sets: ParameterSets) -> ParameterSets:
    """Give the stream's parameter sets, whichever PPS x265 wrote."""
    pps = sets.pps[0]
    return replace(
        sets,
        pps=(
            hevc.with_lossless_blocks(pps, False, pps_id=LOSSY_PPS_ID),
            hevc.with_lossless_blocks(pps, True, pps_id=LOSSLESS_PPS_ID),
        ),
    )


def recoded(unit: AccessUnit, sets: ParameterSets) -> AccessUnit:
    """Move a picture from x265's parameter sets to the stream's; it decodes to the same samples."""
    if not hevc.allows_lossless_blocks(sets.pps[0]):
        return unit
    return replace(unit, nal_units=tuple(_recoded(nal, sets) if hevc.is_slice(nal) else nal for nal in unit.nal_units))


def _recoded(nal: bytes, sets: ParameterSets) -> bytes:
    return hevc.recode_slice(nal, sets, lossy_pps_id=LOSSY_PPS_ID, lossless_pps_id=LOSSLESS_PPS_ID)
