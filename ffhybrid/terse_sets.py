"""The parameter sets of a stream: those of x265, made so that the headers and blocks of its slices take fewer bits.

The reference lock needs ``cu-lossless``, and for it x265 puts a flag into every block of every picture of a GOP. It
writes reference picture sets into every slice, and QPs as differences from 26. At low rates all of that weighs: slices
are moved to an SPS that knows the usual sets, and to a PPS with the usual numbers that allows no lossless blocks. A
slice that has lossless blocks keeps its flags and refers to that PPS's twin. So GOPs have the same parameter sets,
whether their keyframe was generated or not, and pay for nothing but what they use.
"""

from __future__ import annotations

from dataclasses import replace

from ffhybrid import hevc
from ffhybrid.gop import AccessUnit, ParameterSets

LOSSY_PPS_ID, LOSSLESS_PPS_ID = 0, 1


def terse(sets: ParameterSets) -> ParameterSets:
    """Give the stream's parameter sets, whichever PPS x265 wrote."""
    pps = sets.pps[0]
    return replace(
        sets,
        sps=hevc.terse_sps(sets.sps),
        pps=(
            hevc.terse_pps(pps, pps_id=LOSSY_PPS_ID, lossless_blocks=False),
            hevc.terse_pps(pps, pps_id=LOSSLESS_PPS_ID, lossless_blocks=True),
        ),
    )


def recoded(unit: AccessUnit, recoder: hevc.SliceRecoder) -> AccessUnit:
    """Move a picture from x265's parameter sets to the stream's; it decodes to the same samples."""
    return replace(unit, nal_units=tuple(recoder.recode(nal) if hevc.is_slice(nal) else nal for nal in unit.nal_units))
