"""The stored correction: how any machine gets the exact picture that one machine's single-precision arithmetic made.

The encoder cannot know what another machine will make of a latent. But all machines make the same of it in *double*
precision, up to errors some eight orders of magnitude below a sample; rounded, that is a base which both sides can
compute. The correction lists the samples in which the picture differs from this base (where single precision rounded
the other way), and those that lie so near a rounding boundary that a base might. It takes a few hundred bytes where a
lossless copy of the picture takes hundreds of thousands.

Form: a list of samples (:mod:`ffhybrid.core.sample_lists`) at the shown size, with the samples themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ffhybrid.core.picture import Picture
from ffhybrid.core.sample_lists import read_list, write_list
from ffhybrid.errors import CorruptDataError

MARGIN = 2.0**-20
"""Sample units around a rounding boundary in which a base is not trusted."""

Samples = Sequence[NDArray[np.float64]]
"""Y, Cb and Cr before rounding, within the range of samples."""


def rounded(samples: Samples, bit_depth: int) -> Picture:
    """Round to the nearest whole sample, halves upwards."""
    dtype = np.uint8 if bit_depth == 8 else np.uint16
    y, cb, cr = (np.floor(plane + 0.5).astype(dtype) for plane in samples)
    return Picture(y, cb, cr, bit_depth)


def write_correction(picture: Picture, double: Samples) -> bytes:
    """Note what turns the rounded samples of double precision into ``picture``."""
    base = rounded(double, picture.bit_depth)
    position = np.concatenate([(plane + 0.5).ravel() for plane in double])
    is_near = np.abs(position - np.rint(position)) < MARGIN
    ours, theirs = picture.samples(), base.samples()
    listed = np.flatnonzero((ours != theirs) | is_near)
    return write_list(listed, ours[listed].tolist())


def apply_correction(double: Samples, bit_depth: int, data: bytes) -> Picture:
    """Make the exact picture from double-precision samples.

    Raises:
        CorruptDataError: a sample outside the picture or its range.
    """
    base = rounded(double, bit_depth)
    samples = base.samples()
    for place, value in read_list(data):
        if place >= samples.size or value >= 1 << bit_depth:
            raise CorruptDataError("a corrected sample lies outside the picture or its range")
        samples[place] = value
    return base.with_samples(samples)
