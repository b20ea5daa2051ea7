"""Integer 4:2:0 pictures, the form in which keyframes travel between the rooms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Plane: TypeAlias = NDArray[Any]
"""Samples of one plane, (rows, columns): uint8 at 8 bits, uint16 above."""


LIMITED_RANGE, FULL_RANGE = 1, 2
"""Ranges of samples as FFmpeg numbers them (``AVColorRange``)."""


@dataclass(frozen=True, slots=True)
class Colour:
    """How samples are to be shown: code points of ITU-T H.273, 2 meaning unspecified."""

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    full_range: bool = False

    @property
    def range(self) -> int:
        """The code point of the range."""
        return FULL_RANGE if self.full_range else LIMITED_RANGE

    @property
    def code_points(self) -> tuple[int, int, int, int]:
        """All of them: primaries, transfer, matrix, range."""
        return self.primaries, self.transfer, self.matrix, self.range


@dataclass(frozen=True, slots=True)
class PictureSpec:
    """What a generator must produce: a 4:2:0 picture of even ``width`` x ``height`` luma samples."""

    width: int
    height: int
    bit_depth: int = 8
    colour: Colour = Colour()

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        """The sample type: 8-bit samples take one byte, deeper ones two."""
        return np.uint8 if self.bit_depth == 8 else np.uint16

    @property
    def plane_shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes (rows, columns) of Y, Cb and Cr."""
        chroma = (self.height // 2, self.width // 2)
        return (self.height, self.width), chroma, chroma

    @property
    def samples(self) -> int:
        """How many samples Y, Cb and Cr have together."""
        return sum(rows * columns for rows, columns in self.plane_shapes)

    def halved(self) -> PictureSpec:
        """Give the size of :meth:`Picture.halved`."""
        return replace(self, width=self.width // 4 * 2, height=self.height // 4 * 2)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Y, Cb and Cr planes; ``y`` is (rows, columns), the chroma planes half of it both ways.

    Samples are uint8 at 8 bits and uint16 above, never beyond ``(1 << bit_depth) - 1``.
    """

    y: Plane
    cb: Plane
    cr: Plane
    bit_depth: int = 8

    @classmethod
    def zeros(cls, spec: PictureSpec) -> Picture:
        """Make a picture whose samples are all zero, to be written to."""
        y, cb, cr = (np.zeros(shape, spec.dtype) for shape in spec.plane_shapes)
        return cls(y, cb, cr, spec.bit_depth)

    @classmethod
    def from_samples(cls, samples: Plane, spec: PictureSpec) -> Picture:
        """Make a picture of what :meth:`samples` gives, without a copy."""
        shapes = spec.plane_shapes
        ends = np.cumsum([rows * columns for rows, columns in shapes])[:-1]
        parts: list[Plane] = list(np.split(samples, ends))
        y, cb, cr = (part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
        return cls(y, cb, cr, spec.bit_depth)

    @property
    def planes(self) -> tuple[Plane, Plane, Plane]:
        """The planes in coding order."""
        return self.y, self.cb, self.cr

    @property
    def width(self) -> int:
        """Luma columns."""
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        """Luma rows."""
        return int(self.y.shape[0])

    def samples(self) -> Plane:
        """Copy all samples into one array: Y, then Cb, then Cr, in raster order."""
        return np.concatenate([plane.ravel() for plane in self.planes])

    def with_samples(self, samples: Plane) -> Picture:
        """Make a picture of this size from what :meth:`samples` gives."""
        return Picture.from_samples(samples, PictureSpec(self.width, self.height, self.bit_depth))

    def padded(self, width: int, height: int) -> Picture:
        """Extend to a coded size by repeating the last row and column, as x265 pads its source."""
        if (width, height) == (self.width, self.height):
            return self
        right, bottom = width - self.width, height - self.height
        y = np.pad(self.y, ((0, bottom), (0, right)), mode="edge")
        chroma = ((0, bottom // 2), (0, right // 2))
        cb, cr = (np.pad(plane, chroma, mode="edge") for plane in (self.cb, self.cr))
        return Picture(y, cb, cr, self.bit_depth)

    def cropped(self, width: int, height: int) -> Picture:
        """Keep the top left ``width`` x ``height`` luma samples."""
        return self.part(0, 0, width, height)

    def part(self, x: int, y: int, width: int, height: int) -> Picture:
        """Keep ``width`` x ``height`` luma samples from column ``x`` and row ``y`` on, both even."""
        rows, columns = slice(y // 2, (y + height) // 2), slice(x // 2, (x + width) // 2)
        return Picture(
            self.y[y : y + height, x : x + width], self.cb[rows, columns], self.cr[rows, columns], self.bit_depth
        )

    def halved(self) -> Picture:
        """Reduce to half of the size both ways, by means of 2x2 samples; a last odd row or column is left out."""
        whole = self.cropped(self.width // 4 * 4, self.height // 4 * 4)
        y, cb, cr = map(_halved, whole.planes)
        return Picture(y, cb, cr, self.bit_depth)

    def same_samples(self, other: Picture) -> bool:
        """Whether every sample of every plane is equal."""
        return all(np.array_equal(a, b) for a, b in zip(self.planes, other.planes, strict=True))


def _halved(plane: Plane) -> Plane:
    pairs = np.add(plane[::2], plane[1::2], dtype=np.uint32)
    return ((pairs[:, ::2] + pairs[:, 1::2] + 2) >> 2).astype(plane.dtype)
