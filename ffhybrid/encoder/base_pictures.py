"""Base pictures and previews: small IDR pictures by x265, under the parameter sets of a GOP's P and B pictures.

They stand in the stream where the restored file has its keyframe, so that stock players have something to show, and
a generator that refines a base picture begins from what a decoder makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.crf_search import MOST_PROBES, SIZE
from ffhybrid.encoder.secant_search import Probe, SecantSearch
from ffhybrid.filters.base import BasePicture
from ffhybrid.x265.encoding import X265Gop, encode_gop
from ffhybrid.x265.options import HIGHEST_CRF, HIGHEST_X265_CRF, X265Options

THOROUGH = {"rd": "6", "rdoq-level": "2", "rskip": "0", "fast-intra": "0"}
"""What is worth it for one picture, and changes no parameter set: those are the P and B pictures'."""
PREVIEW_SIZE = 400
"""Bytes of a preview, about: what stands in the stream where a generator refines no base picture."""
NEAR, TOLERANCE = 0.985, 0.015
"""A size is aimed at a little below what is allowed."""


@dataclass(slots=True)
class BaseCoder:
    """Codes a picture, by default the GOP's first, within sizes; a :class:`ffhybrid.filters.base.BaseCoder`."""

    gop: SourceGop
    options: X265Options
    picture: Picture | None = None
    _coded: dict[float, X265Gop] = field(default_factory=dict)
    _search: SecantSearch = field(
        default_factory=lambda: SecantSearch(control=SIZE, tolerance=TOLERANCE, most_probes=MOST_PROBES)
    )

    def within(self, size: int) -> BasePicture:
        """Code it in ``size`` bytes or a little less, or at the highest CRF where that takes more.

        Raises:
            EncoderError: x265 failed.
        """
        self._search.meet(lambda crf: self._probe(crf, size), first=self._first(size))
        sizes = {crf: len(coded.intra_slice) for crf, coded in self._coded.items()}
        fitting = [crf for crf in sizes if sizes[crf] <= size]
        best = max(fitting, key=sizes.__getitem__) if fitting else min(sizes, key=sizes.__getitem__)
        return self._decoded(self._coded[best])

    def _first(self, size: int) -> float:
        return self._search.towards(size * NEAR) if self._search.has_begun else self.options.crf

    def _probe(self, crf: float, size: int) -> Probe[X265Gop]:
        coded = self._coded[crf] = self._coded.get(crf) or self._at(crf)
        found, wanted = len(coded.intra_slice), size * NEAR
        return Probe(found, wanted, found / wanted, coded)

    def _at(self, crf: float) -> X265Gop:
        first = replace(self.gop, pts=self.gop.pts[:1], durations=self.gop.durations[:1])
        options = replace(self.options, crf=min(crf, HIGHEST_CRF), quantiser_cap=HIGHEST_X265_CRF)
        return encode_gop(first, options, params=THOROUGH, keyframe=self.picture)

    def _decoded(self, coded: X265Gop) -> BasePicture:
        spec = self.gop.spec
        whole = coded.keyframe(spec.bit_depth)
        return BasePicture(whole.cropped(spec.width, spec.height), coded.intra_slice)
