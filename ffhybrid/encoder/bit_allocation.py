"""Sharing a file's bytes among its GOPs before any of them is coded, as x265's first pass sees their complexity.

GOPs are coded alone, in whatever order, so no GOP can mend what another overdrew: each has its share beforehand, and
the file is as near to its bitrate as GOPs come to their shares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.crf_search import LOWEST_CRF, Precision
from ffhybrid.errors import UsageError
from ffhybrid.x265.encoding import encode_gop
from ffhybrid.x265.options import HIGHEST_CRF, X265Options

FIRST_PASS = X265Options(crf=32.0, preset="superfast", tune=None)
LEAST_PICTURE = 12
"""Bytes that a picture takes even at the highest CRF."""
EQUAL_CRF, CRF_OF_LOG, BENT, BENT_TO = 42.2, 6.7, 1.3, 1.0
"""The CRF at which a GOP under ``-tune hybrid`` has the bytes of the first pass; by how much it falls where the
logarithm of the bytes rises by 1, and with the square of that, up to where it goes on straight (nine clips at 0.0064
and 0.019 bits a pixel: off by 1.2 in the mean square)."""


@dataclass(frozen=True, slots=True)
class Complexity:
    """One GOP as the first pass saw it: bytes at a constant quality, those of its I picture, pictures, seconds.

    Picture hashes do not count.
    """

    size: int
    intra: int
    pictures: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Share:
    """What one GOP gets, with a target of quality at most.

    ``size`` is in bytes of its elementary streams (:attr:`~ffhybrid.encoder.coded_gop.CodedGop.size`); ``crf`` is the
    one at which the first pass expects x265 to need them, ``intra`` the part of the first pass's bytes that was its I
    picture's.
    """

    size: int
    crf: float
    intra: float


def first_pass(gop: SourceGop) -> Complexity:
    """Encode a GOP quickly at one CRF, of pictures as :meth:`~ffhybrid.core.picture.Picture.halved` makes them.

    They tell as well as whole ones by which CRF a size is met, and take x265 a third of the time
    (``benchmarks/quality/first_pass.py``).
    """
    coded = encode_gop(gop, FIRST_PASS, params={})
    intra = len(coded.intra_slice)
    return Complexity(intra + coded.inter_size, intra, len(gop), gop.seconds)


def shares(
    complexities: Sequence[Complexity],
    *,
    bitrate: int,
    maxrate: int | None = None,
    bufsize: int | None = None,
    of_file: float,
    of_gops: Sequence[int],
    precision: Precision,
) -> list[Share]:
    """Share bytes by complexity; what a GOP leaves because of ``maxrate`` goes to those after it.

    Args:
        complexities: of all GOPs.
        bitrate: of the video in bits a second, container included.
        maxrate: of any window as long as the buffer lasts, in bits a second.
        bufsize: bits of the decoder's buffer; a second of ``maxrate`` where it is None.
        of_file: bytes that the container takes once.
        of_gops: bytes that it takes for each GOP.
        precision: with which GOPs come to their shares.

    Raises:
        UsageError: too few bits for this many pictures.
    """
    left = _bytes_of_gops(complexities, of_file, of_gops, bitrate)
    complexity_left = sum(gop.size for gop in complexities)
    buffer = _Buffer(maxrate, bufsize, precision) if maxrate is not None else None
    found = []
    for gop, around in zip(complexities, of_gops, strict=True):
        wanted = left * gop.size / complexity_left
        if buffer:
            wanted = min(wanted, buffer.most(gop.seconds))
        size = max(round(wanted) - around, LEAST_PICTURE * gop.pictures)
        found.append(Share(size, _crf(size / gop.size), gop.intra / gop.size))
        left -= size + around
        complexity_left -= gop.size
        if buffer:
            buffer.spend(size + around, gop.seconds)
    return found


def _crf(ratio: float) -> float:
    """Guess the CRF that gives ``ratio`` times the bytes of the first pass."""
    more = math.log(ratio)
    bent = min(max(more, -BENT_TO), BENT_TO)
    crf = EQUAL_CRF - CRF_OF_LOG * more - BENT * bent * (2 * more - bent)
    return min(max(crf, LOWEST_CRF), HIGHEST_CRF)


def _bytes_of_gops(complexities: Sequence[Complexity], of_file: float, overheads: Sequence[int], bitrate: int) -> float:
    seconds = sum(gop.seconds for gop in complexities)
    most = bitrate * seconds / 8 - of_file
    least = sum(LEAST_PICTURE * gop.pictures for gop in complexities) + sum(overheads)
    if most < least:
        rate = (least + of_file) * 8 / seconds
        raise UsageError(f"{bitrate} bit/s are too few: this video takes at least {rate:.0f}")
    return most


class _Buffer:
    """The decoder's buffer, full at the beginning; GOPs are taken to exceed their shares by the search's tolerance."""

    def __init__(self, maxrate: int, bufsize: int | None, precision: Precision) -> None:
        self._overdraw = 1 + precision.of_sizes
        self._maxrate = maxrate
        self._size = bufsize or maxrate
        self._bits = float(self._size)

    def most(self, seconds: float) -> float:
        """Bytes that a GOP of so many seconds may take."""
        return (self._bits + self._maxrate * seconds) / 8 / self._overdraw

    def spend(self, size: int, seconds: float) -> None:
        """Count a GOP."""
        self._bits = min(self._bits + self._maxrate * seconds - 8 * size * self._overdraw, self._size)
