"""The super-resolution baseline: the keyframe at half or quarter size as one HEVC intra picture, enlarged again.

Exact, because HEVC decoding and the enlarging filter are integer arithmetic. The latent is one byte with log2 of the
scale, then parameter sets and slice with four-byte lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.codec.context import Flags

from ffhybrid import hevc
from ffhybrid.decoding import coded_picture, decode_access_units
from ffhybrid.errors import CorruptDataError, UsageError, VerificationError
from ffhybrid.filters.base import FitProgress, Objective, Reproducibility
from ffhybrid.filters.scaling import enlarge, reduce
from ffhybrid.picture import Picture, PictureSpec, Plane

SCALES = (2, 4)
DEFAULT_SCALE = 2
DEFAULT_QP = 30
MAX_QP = 51
MIN_SIDE = 32
NAL_UNITS = 4


class Thumbnail:
    """Generator ``thumbnail``; ``scale`` is 2 or 4, ``qp`` 0 to 51, None leaves the choice to the budget."""

    name = "thumbnail"
    reproducibility = Reproducibility.EXACT

    def __init__(self, *, scale: int | None = None, qp: int | None = None) -> None:
        if scale is not None and scale not in SCALES:
            raise UsageError(f"the thumbnail's scale is 2 or 4, not {scale}")
        if qp is not None and not 0 <= qp <= MAX_QP:
            raise UsageError(f"the thumbnail's QP is 0 to {MAX_QP}, not {qp}")
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
        tried: list[tuple[bool, float, bytes]] = []
        candidates = list(self._candidates(objective, spec, budget))
        for step, latent in enumerate(candidates, 1):
            distortion = objective.distortion(self.generate(latent, spec))
            tried.append((budget is not None and len(latent) > budget, distortion, latent))
            if progress:
                _, distortion, best = min(tried)
                progress(FitProgress(step=step, steps=len(candidates), size=len(best), distortion=distortion))
        if not tried:
            raise UsageError(f"{spec.width}x{spec.height} is too small for a thumbnail")
        return min(tried)[2]

    def generate(self, latent: bytes, spec: PictureSpec) -> Picture:
        """Decode the reduced picture and enlarge it.

        Raises:
            CorruptDataError: the latent does not decode, or to a picture of another size.
        """
        scale, nal_units = _parse_latent(latent)
        sizes = _sizes(spec, scale)
        reduced = _decode(nal_units, sizes[-1], spec.bit_depth)
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
                yield _encode(reduced, scale, DEFAULT_QP if self.qp is None else self.qp)
            else:
                yield _within_budget(reduced, scale, budget)


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


def _within_budget(reduced: Picture, scale: int, budget: int) -> bytes:
    """Return the lowest QP whose latent fits the budget, or the highest QP where none does."""
    low, high = 0, MAX_QP
    best = _encode(reduced, scale, MAX_QP)
    while low < high:
        qp = (low + high) // 2
        latent = _encode(reduced, scale, qp)
        if len(latent) <= budget:
            best, high = latent, qp
        else:
            low = qp + 1
    return best


def _encode(reduced: Picture, scale: int, qp: int) -> bytes:
    encoder = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height = reduced.width, reduced.height
    encoder.pix_fmt = "yuv420p" if reduced.bit_depth == 8 else "yuv420p10le"
    encoder.framerate = Fraction(1)
    encoder.time_base = Fraction(1)
    encoder.flags |= Flags.global_header
    params = f"qp={qp}:keyint=1:info=0:repeat-headers=0:hash=0:wpp=0:log-level=error"
    encoder.options = {"preset": "slow", "x265-params": params}
    frame = av.VideoFrame.from_ndarray(reduced.samples().reshape(-1, reduced.width), format=encoder.pix_fmt)
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    sets = hevc.parameter_sets(hevc.split_annexb(bytes(encoder.extradata or b"")))
    slices = [nal for nal in hevc.split_annexb(b"".join(map(bytes, packets))) if hevc.is_slice(nal)]
    return bytes([scale.bit_length() - 1]) + hevc.join_length_prefixed((*sets.nal_units, *slices))


def _parse_latent(latent: bytes) -> tuple[int, list[bytes]]:
    if not latent or 1 << latent[0] not in SCALES:
        raise CorruptDataError("the thumbnail has no valid scale")
    nal_units = hevc.split_length_prefixed(latent[1:])
    if len(nal_units) != NAL_UNITS or not hevc.is_idr(nal_units[-1]):
        raise CorruptDataError("the thumbnail is not three parameter sets and one IDR slice")
    return 1 << latent[0], nal_units


def _decode(nal_units: list[bytes], size: tuple[int, int], bit_depth: int) -> Picture:
    """Decode one picture; its SPS is checked first, so that no decoder allocates for another size."""
    sets = hevc.parameter_sets(nal_units[:-1])
    sps = hevc.parse_sps(sets.sps)
    if (sps.width, sps.height) != size or sps.bit_depth != bit_depth or sps.chroma_format_idc != 1:
        raise CorruptDataError(f"the thumbnail is {sps.width}x{sps.height}, expected {size[0]}x{size[1]}")
    if sps.coded_width > size[0] + 64 or sps.coded_height > size[1] + 64:
        raise CorruptDataError("the thumbnail hides most of a much larger picture")
    try:
        frames = list(decode_access_units([(nal_units[-1],)], sets))
    except VerificationError as error:
        raise CorruptDataError("the thumbnail does not decode") from error
    if len(frames) != 1 or (frames[0].width, frames[0].height) != size:
        raise CorruptDataError("the thumbnail does not decode to one picture of its size")
    return coded_picture(frames[0], bit_depth)
