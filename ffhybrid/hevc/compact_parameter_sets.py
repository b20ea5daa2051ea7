"""The parameter sets of a stream: those of x265, made so that the headers and blocks of its slices take fewer bits.

Where the reference lock needs ``cu-lossless``, x265 puts a flag into every block of every picture of a GOP. It
writes reference picture sets into every slice, and QPs as differences from 26. At low rates all of that weighs: slices
are moved to an SPS that knows the usual sets, and to a PPS with the usual numbers that allows no lossless blocks. A
slice that has lossless blocks keeps its flags and refers to that PPS's twin. So GOPs have the same parameter sets,
whether their keyframe was generated or not, and pay for nothing but what they use.
"""

from __future__ import annotations

from dataclasses import replace

from ffhybrid._cext import ffi, lib
from ffhybrid.core.gop import AccessUnit, ParameterSets
from ffhybrid.errors import CorruptDataError
from ffhybrid.hevc.nal import is_slice, written
from ffhybrid.hevc.parameter_sets import parsed
from ffhybrid.hevc.slices import slice_pps_id

LOSSY_PPS_ID, LOSSLESS_PPS_ID = 0, 1


def compact_parameter_sets(sets: ParameterSets) -> ParameterSets:
    """Give the stream's parameter sets, whichever PPS x265 wrote."""
    pps = sets.pps[0]
    return replace(
        sets,
        sps=_compact_sps(sets.sps),
        pps=(
            _compact_pps(pps, LOSSY_PPS_ID, lossless_blocks=False),
            _compact_pps(pps, LOSSLESS_PPS_ID, lossless_blocks=True),
        ),
    )


def _compact_sps(sps: bytes) -> bytes:
    return written("the SPS", lambda buf: lib.ffh_write_compact_sps(sps, len(sps), buf))


def _compact_pps(pps: bytes, pps_id: int, *, lossless_blocks: bool) -> bytes:
    return written("the PPS", lambda buf: lib.ffh_write_compact_pps(pps, len(pps), pps_id, lossless_blocks, buf))


class SliceRecoder:
    """Moves slices that are their whole picture from parameter sets of x265, or of a stream, to a stream's ``sets``."""

    def __init__(self, sets: ParameterSets) -> None:
        self.sets = compact_parameter_sets(sets)
        lossy, lossless = (parsed("pps", pps)[0] for pps in self.sets.pps)
        self._sps = parsed("sps", sets.sps)
        self._pps = {pps.pps_pic_parameter_set_id: pps for pps in (parsed("pps", nal) for nal in sets.pps)}
        self._to = ffi.new(
            "ffh_compact_sets *", {"sps": parsed("sps", self.sets.sps)[0], "lossy": lossy, "lossless": lossless}
        )

    def unit(self, unit: AccessUnit, *, anchor: int = 0) -> AccessUnit:
        """Move a picture; it decodes to the same samples.

        ``anchor``, if it is not 0, is added to its picture order count: its picture 0 becomes a P picture of that
        count, from which no motion vectors are taken (docs/FORMAT.md section 5).

        Raises:
            CorruptDataError, UnsupportedError: see :mod:`ffhybrid.hevc`.
        """
        return replace(
            unit, nal_units=tuple(self._slice(nal, anchor) if is_slice(nal) else nal for nal in unit.nal_units)
        )

    def _slice(self, nal: bytes, anchor: int) -> bytes:
        pps = self._pps.get(slice_pps_id(nal))
        if pps is None:
            raise CorruptDataError("a slice refers to a PPS that its stream does not have")
        return written(
            "a slice", lambda buf: lib.ffh_recode_slice(nal, len(nal), self._sps, pps, self._to, anchor, buf)
        )
