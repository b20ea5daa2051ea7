"""Keyframes of one GOP: fitting them, and the small IDR pictures that stand in the stream in their place.

Those are coded by x265 under the parameter sets of the GOP's P and B pictures: base pictures, which latents refine, or
previews, so that stock players have something to show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import Keyframe
from ffhybrid.encoder.crf_search import LOWEST_CRF, MOST_PROBES, SIZE
from ffhybrid.encoder.options import Placeholder
from ffhybrid.encoder.secant_search import Probe, SecantSearch
from ffhybrid.filters.base import BasePicture, FitProgress, KeyframeGenerator, Objective, RefiningGenerator
from ffhybrid.hevc import slice_qp
from ffhybrid.x265.encoding import X265Gop, encode_gop
from ffhybrid.x265.options import HIGHEST_X265_CRF, X265Options

THOROUGH = {"rd": "6", "rdoq-level": "2", "rskip": "0", "fast-intra": "0"}
"""What is worth it for one picture, and changes no parameter set: those are the P and B pictures'."""
PREVIEW_SIZE = 400
"""Bytes of a preview, about: what stands in the stream where a generator refines no base picture."""
BELOW_GOP = 13.0
"""How far the CRF of a keyframe is below that of its GOP, about."""
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
        if self._search.has_begun:
            return self._search.towards(size * NEAR)
        return max(self.options.crf - BELOW_GOP, LOWEST_CRF)

    def _probe(self, crf: float, size: int) -> Probe[X265Gop]:
        coded = self._coded[crf] = self._coded.get(crf) or self._at(crf)
        found, wanted = len(coded.intra_slice), size * NEAR
        return Probe(found, wanted, found / wanted, coded)

    def _at(self, crf: float) -> X265Gop:
        options = replace(self.options, crf=crf, quantiser_cap=HIGHEST_X265_CRF)
        return encode_gop(self.gop.first(), options, params=THOROUGH, keyframe=self.picture)

    def _decoded(self, coded: X265Gop) -> BasePicture:
        spec = self.gop.spec
        whole = coded.keyframe(spec.bit_depth)
        picture, qp = whole.cropped(spec.width, spec.height), slice_qp(coded.intra_slice, coded.parameter_sets)
        return BasePicture(picture, coded.intra_slice, qp)


def fit_keyframe(
    generator: KeyframeGenerator,
    objective: Objective,
    bases: BaseCoder,
    *,
    budget: int,
    before: Keyframe | None = None,
    placeholder: Placeholder = Placeholder.PREVIEW,
    progress: Callable[[FitProgress], None] | None = None,
) -> Keyframe:
    """Fit a keyframe of about ``budget`` bytes (HybridPrompt section 3.2, step I), from ``before`` on if there is one.

    A base picture counts as part of the budget, a preview does not.

    Raises:
        EncoderError: x265 failed.
    """
    spec = bases.gop.spec
    if isinstance(generator, RefiningGenerator):
        start = before.refinement if before else None
        refinement = generator.fit_refinement(
            objective, spec, bases=bases, budget=budget, warm_start=start, progress=progress
        )
        return Keyframe.refined(generator, refinement, spec)
    warm_start = before.latent if before else None
    latent = generator.fit(objective, spec, budget=budget, warm_start=warm_start, progress=progress)
    keyframe = Keyframe.generated(generator, latent, spec)
    if placeholder is Placeholder.GREY:
        return keyframe
    return replace(keyframe, shown=BaseCoder(bases.gop, bases.options, keyframe.picture).within(PREVIEW_SIZE))
