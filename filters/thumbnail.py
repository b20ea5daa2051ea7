"""The super-resolution baseline: the keyframe at half or quarter size as one HEVC intra picture, enlarged again.

Exact, because HEVC decoding and the enlarging filter are integer arithmetic. The latent is one byte with log2 of the
scale, then what the intra codec wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ffhybrid.core.picture import Picture, PictureSpec, Plane
from ffhybrid.errors import CorruptDataError, UsageError
from ffhybrid.filters.base import FitProgress, IntraCodec, Objective, Reproducibility
from ffhybrid.filters.scaling import enlarge, reduce

SCALES = (2, 4)
DEFAULT_SCALE = 2
DEFAULT_QP = 30
MAX_QP = 51
MIN_SIDE = 32


class Thumbnail:
    """Generator ``thumbnail``; ``scale`` is 2 or 4, ``qp`` 0 to 51, None leaves the choice to the budget.

    ``intra_codec`` codes the reduced picture.
    """

    name = "thumbnail"
    reproducibility = Reproducibility.EXACT

    def __init__(self, *, intra_codec: IntraCodec, scale: int | None = None, qp: int | None = None) -> None:
        if scale is not None and scale not in SCALES:
            raise UsageError(f"the thumbnail's scale is 2 or 4, not {scale}")
        if qp is not None and not 0 <= qp <= MAX_QP:
            raise UsageError(f"the thumbnail's QP is 0 to {MAX_QP}, not {qp}")
        self._codec = intra_codec
        self.scale = scale
        self.qp = qp

    def fit(
        self,
        objective: Objective,
        spec: PictureSpec,
        *,
        budget: int | None = None,
        warm_start: bytes | None = None,  # noqa: ARG002 - one intra picture has nothing to start from
        progress: Callable[[FitProgress], None] | None = None,
    ) -> bytes:
        """Code the reduced source; with a budget in bytes search QP (and scale) for the least distortion.

        Raises:
            UsageError: the picture is too small to be reduced.
        """
        coded: list[tuple[bool, float, bytes]] = []
        candidates = list(self._candidates(objective, spec, budget))
        for step, latent in enumerate(candidates, 1):
            distortion = objective.distortion(self.generate(latent, spec))
            coded.append((budget is not None and len(latent) > budget, distortion, latent))
            if progress:
                _, distortion, best = min(coded)
                progress(FitProgress(step=step, steps=len(candidates), size=len(best), distortion=distortion))
        if not coded:
            raise UsageError(f"{spec.width}x{spec.height} is too small for a thumbnail")
        return min(coded)[2]

    def generate(self, latent: bytes, spec: PictureSpec) -> Picture:
        """Decode the reduced picture and enlarge it.

        Raises:
            CorruptDataError: the latent does not decode, or to a picture of another size.
        """
        scale, coded = _parse_latent(latent)
        sizes = _sizes(spec, scale)
        reduced = self._codec.decode(coded, size=sizes[-1], bit_depth=spec.bit_depth)
        maximum = (1 << spec.bit_depth) - 1
        for width, height in reversed(sizes[:-1]):
            planes: list[Plane] = [enlarge(plane, maximum) for plane in reduced.planes]
            reduced = Picture(planes[0], planes[1], planes[2], spec.bit_depth).cropped(width, height)
        return reduced

    def _candidates(self, objective: Objective, spec: PictureSpec, budget: int | None) -> Iterator[bytes]:
        scales: tuple[int, ...] = SCALES if budget is not None else (DEFAULT_SCALE,)
        for scale in (self.scale,) if self.scale else scales:
            sizes = _sizes(spec, scale)
            if min(sizes[-1]) < MIN_SIDE:
                continue
            reduced = _reduced(objective.source, sizes)
            if self.qp is not None or budget is None:
                yield self._encode(reduced, scale, DEFAULT_QP if self.qp is None else self.qp)
            else:
                yield self._within_budget(reduced, scale, budget)

    def _within_budget(self, reduced: Picture, scale: int, budget: int) -> bytes:
        """Return the lowest QP whose latent fits the budget, or the highest QP where none does."""
        low, high = 0, MAX_QP
        best = self._encode(reduced, scale, MAX_QP)
        while low < high:
            qp = (low + high) // 2
            latent = self._encode(reduced, scale, qp)
            if len(latent) <= budget:
                best, high = latent, qp
            else:
                low = qp + 1
        return best

    def _encode(self, reduced: Picture, scale: int, qp: int) -> bytes:
        return bytes([scale.bit_length() - 1]) + self._codec.encode(reduced, qp=qp)


def _sizes(spec: PictureSpec, scale: int) -> list[tuple[int, int]]:
    """Even sizes from the full picture down to the reduced one."""
    sizes = [(spec.width, spec.height)]
    while scale > 1:
        width, height = ((side + 3) // 4 * 2 for side in sizes[-1])
        sizes.append((width, height))
        scale //= 2
    return sizes


def _reduced(source: Picture, sizes: list[tuple[int, int]]) -> Picture:
    maximum = (1 << source.bit_depth) - 1
    picture = source
    for width, height in sizes[1:]:
        planes = [reduce(plane, maximum) for plane in picture.planes]
        shapes = ((height, width), (height // 2, width // 2), (height // 2, width // 2))
        y, cb, cr = (_extended(plane, shape) for plane, shape in zip(planes, shapes, strict=True))
        picture = Picture(y, cb, cr, source.bit_depth)
    return picture


def _extended(plane: Plane, shape: tuple[int, int]) -> Plane:
    missing = [(0, wanted - have) for wanted, have in zip(shape, plane.shape, strict=True)]
    return np.pad(plane, missing, mode="edge")


def _parse_latent(latent: bytes) -> tuple[int, bytes]:
    if not latent or 1 << latent[0] not in SCALES:
        raise CorruptDataError("the thumbnail has no valid scale")
    return 1 << latent[0], latent[1:]
