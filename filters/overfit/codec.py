"""The latent of generator ``overfit`` as values: which prior it is coded against, and what the C core writes and reads.

Nothing here needs torch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffhybrid._cext import ffi, lib
from ffhybrid.core.buffers import built, new_picture, planes_of
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import CorruptDataError, UnsupportedError
from ffhybrid.filters.overfit.structure import (
    ACTIVATION_BITS,
    LEVELS,
    MAX_LATENT,
    OUTPUTS,
    PARAMETER_COUNT,
    PARAMETERS,
    PATTERN_GRID,
    PATTERN_SIDE,
    PATTERNS,
    WEIGHT_BITS,
    array_shapes,
    level_of,
)

Grid = NDArray[np.int8]
VERSION, PRIOR_SIZE = 2, 4
MODULES = len(PARAMETERS)
MAX_STEP = lib.FFH_OVERFIT_MAX_STEP
_CLASS_ZERO, _CLASS_STEPS = 128, 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OverfitLatent:
    """Everything that a latent holds.

    ``grids`` are (rows, columns) int8 arrays, -127 to 127, None for an absent level 0, and behind them the patterns,
    (rows, columns, PATTERNS); ``values`` are the network in file order as int32 with ``WEIGHT_BITS`` fractional bits;
    ``classes`` (rate, texture) and ``steps`` (luma, chroma) are bytes of the header.
    """

    classes: tuple[int, int]
    steps: tuple[int, int]
    values: NDArray[np.int32]
    grids: tuple[Grid | None, ...]


def prior() -> NDArray[np.int32]:
    """Return the built-in network, (PARAMETER_COUNT,), in file order."""
    data = ffi.buffer(lib.ffh_network_prior_values(), 4 * PARAMETER_COUNT)
    return np.array(np.frombuffer(data, np.int32), np.int32)


def pattern_basis() -> NDArray[np.int8]:
    """Return the built-in patterns, (PATTERNS, 6, rows, columns), with ``PATTERN_BITS`` fractional bits."""
    shape = (PATTERNS, OUTPUTS, PATTERN_SIDE, PATTERN_SIDE)
    return np.frombuffer(ffi.buffer(lib.ffh_pattern_basis), np.int8).reshape(shape)


@cache
def prior_digest() -> bytes:
    """First bytes of the SHA-256 of network and patterns, little-endian: by these a latent names its prior."""
    values = prior().astype("<i4").tobytes() + pattern_basis().tobytes()
    return hashlib.sha256(values).digest()[:PRIOR_SIZE]


def real_class(byte: int) -> float:
    """Turn a byte of the header into a class."""
    return (byte - _CLASS_ZERO) / _CLASS_STEPS


def real_classes(classes: tuple[int, int]) -> tuple[float, float]:
    """Turn the header's rate and texture class into what the network sees."""
    rate, texture = classes
    return real_class(rate), real_class(texture)


def nearest_class(real: float) -> int:
    """Find the byte nearest to a class."""
    return min(max(round(real * _CLASS_STEPS) + _CLASS_ZERO, 0), 255)


def grid_steps(steps: tuple[int, int]) -> tuple[float, ...]:
    """Give the features of one latent unit by grid, and of a pattern's, in 8-bit units, from the header's bytes."""
    of_grids = (real_step(steps[int(grid >= LEVELS)], level_of(grid)) for grid in range(PATTERN_GRID))
    return (*of_grids, real_step(steps[0]))


def real_step(step: int, level: int = 0) -> float:
    """Give the features of one latent unit at a level, in 8-bit units."""
    return lib.ffh_overfit_step(step, level) / (1 << ACTIVATION_BITS)


def nearest_step(real: float) -> int:
    """Find the byte whose step is nearest on a logarithmic scale."""
    octaves = np.log2(max(real, 1e-6) * 8)
    return int(np.clip(round(8 * octaves), 0, MAX_STEP))


def fixed_point(values: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
    """Round real network values to those of the file."""
    scaled = np.clip(values * (1 << WEIGHT_BITS), -(1 << 20), 1 << 20)
    rounded: NDArray[np.int32] = np.rint(scaled).astype(np.int32)
    return rounded


def write_latent(latent: OverfitLatent, spec: PictureSpec, shifts: bytes) -> tuple[bytes, NDArray[np.int32]]:
    """Serialise; ``shifts`` are the steps of every module's differences to the prior, as powers of two.

    Returns:
        The latent, and the network that a decoder will read from it.

    Raises:
        CorruptDataError: a network whose accumulators could overflow, which no decoder takes.
    """
    if len(shifts) != MODULES:
        raise ValueError(f"{MODULES} shifts are needed")
    fine = latent.grids[0]
    header = ffi.new("ffh_overfit_header *", [fine is not None, latent.classes, latent.steps])
    values = np.ascontiguousarray(latent.values, np.int32).copy()
    grids = _checked_grids(latent, spec)
    pointers = [ffi.NULL if grid is None else ffi.from_buffer("int8_t[]", grid) for grid in grids]
    coded = ffi.from_buffer("int32_t[]", values)
    arrays = ffi.new("const int8_t *[]", pointers)
    refinement = built(
        lambda buf: lib.ffh_overfit_encode(header, spec.width, spec.height, coded, shifts, arrays, buf), _check
    )
    return bytes([VERSION]) + prior_digest() + refinement, values


def read_latent(data: bytes, spec: PictureSpec) -> OverfitLatent:
    """Parse a latent, for a warm start.

    Raises:
        CorruptDataError, UnsupportedError: as :func:`decode`.
    """
    refinement = _without_head(data)
    shapes = array_shapes(spec.width, spec.height)
    grids = [np.zeros(shape, np.int8) for shape in shapes]
    values = np.zeros(PARAMETER_COUNT, np.int32)
    header = ffi.new("ffh_overfit_header *")
    pointers = [ffi.from_buffer("int8_t[]", grid) for grid in grids]
    destination, arrays = ffi.from_buffer("int32_t[]", values), ffi.new("int8_t *[]", pointers)
    _check(lib.ffh_overfit_read(refinement, len(refinement), spec.width, spec.height, header, destination, arrays))
    return OverfitLatent(
        classes=(header.classes[0], header.classes[1]),
        steps=(header.steps[0], header.steps[1]),
        values=values,
        grids=(grids[0] if header.has_fine else None, *grids[1:]),
    )


def _without_head(data: bytes) -> bytes:
    if data[:1] != bytes([VERSION]):
        raise UnsupportedError("the overfit latent has a version that this program does not know")
    if len(data) < 1 + PRIOR_SIZE:
        raise CorruptDataError("the overfit latent ends inside its head")
    if data[1 : 1 + PRIOR_SIZE] != prior_digest():
        raise UnsupportedError("the overfit latent belongs to another prior: another version of ffhybrid made it")
    return data[1 + PRIOR_SIZE :]


def decode(data: bytes, base: Picture, spec: PictureSpec, *, threads: int) -> Picture:
    """Make the picture of a base picture and the latent that refines it; the same samples for any number of threads.

    Raises:
        CorruptDataError: a latent that is damaged, or a picture size beyond the format's.
        UnsupportedError: another version of the latent, or another prior.
    """
    refinement, below = _without_head(data), planes_of(base)
    made, to = new_picture(spec)
    size = (spec.width, spec.height)
    _check(lib.ffh_overfit_decode(refinement, len(refinement), *size, below.pointer, to.pointer, threads))
    return made


def _checked_grids(latent: OverfitLatent, spec: PictureSpec) -> list[Grid | None]:
    grids: list[Grid | None] = []
    for grid, shape in zip(latent.grids, array_shapes(spec.width, spec.height), strict=True):
        if grid is None:
            if grids:
                raise ValueError("only level 0 may be absent")
            grids.append(None)
            continue
        if grid.shape != shape or grid.dtype != np.int8 or int(grid.min()) < -MAX_LATENT:
            raise ValueError(f"grid {len(grids)} is no array of {shape} latents from -127 to 127")
        grids.append(np.ascontiguousarray(grid))
    return grids


def _check(code: int) -> None:
    if code == 0:
        return
    if code == lib.FFH_ENOMEM:
        raise MemoryError("a picture")
    raise CorruptDataError("the overfit latent is damaged")
