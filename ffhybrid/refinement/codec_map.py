"""The codec as a linear map from the keyframe to every picture of its GOP, found by decoding other keyframes.

With P and B NAL units frozen a change of the keyframe comes out of the decoder moved and weakened, which is what
HybridPrompt (section 2.4, figure 3) builds from motion vectors. Here no bitstream is parsed: waves are added to the
keyframe, and their phases in a later picture say where each of its samples comes from, through all references between.
Luma has short waves for precision, Cb and Cr have long ones that tell the short ones apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ffhybrid.core.gop import HybridGop
from ffhybrid.core.picture import Picture, Plane
from ffhybrid.hevc import sei
from ffhybrid.hevc.decoding import decode_pictures
from ffhybrid.restorer.splice import splice

Field = NDArray[np.float32]
Waves = NDArray[np.complex64]

AMPLITUDE, HEADROOM = 24, 8
"""The amplitude of waves in 8-bit units, and how far from black and white they stay."""
FINE, MIDDLE, COARSE = 16, 128, 1024
"""Wavelengths in luma samples of the waves in luma, Cb and Cr."""
FINE_MISS, MIDDLE_MISS = 6, 48
"""Luma samples by which waves may disagree about a position before nothing is believed."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameMap:
    """Where the luma samples of a picture come from: (rows, columns) each, at the coded size.

    ``x`` and ``y`` are positions in the keyframe in luma samples, ``gain`` is the part of a change there that arrives,
    0 where waves disagree.
    """

    gain: Field
    x: Field
    y: Field

    def moved(self, change: Field) -> Field:
        """Predict the change of this picture that a change of the keyframe's luma makes."""
        return self.gain * _interpolated(change, self.x, self.y)

    def cropped(self, width: int, height: int) -> FrameMap:
        """Keep the top left ``width`` x ``height`` samples."""
        return FrameMap(*(field[:height, :width] for field in (self.gain, self.x, self.y)))

    def halved(self) -> FrameMap:
        """Give the map of the chroma planes."""
        gain, x, y = (_block_means(field) for field in (self.gain, self.x, self.y))
        half = np.float32(0.5)
        return FrameMap(gain, (x - half) * half, (y - half) * half)

    def gathered(self, values: Field) -> Field:
        """Apply the transposed map: add the values of this picture's samples up where they come from."""
        total = np.zeros(values.size)
        for index, part in _corners(self.x, self.y, values.shape):
            total += np.bincount(index.ravel(), (part * self.gain * values).ravel(), minlength=values.size)
        return total.reshape(values.shape).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class MappedPicture:
    """A picture of a GOP as it was decoded and as it should be, at the size that is shown, and its map."""

    decoded: Picture
    wanted: Picture
    map: FrameMap


def decode_with(gop: HybridGop, keyframe: Picture) -> Iterator[Picture]:
    """Decode P and B pictures against another keyframe of the coded size, in order of presentation.

    The GOP must be one without picture hashes, which would not match.
    """
    restored = splice(gop, keyframe, sei.picture_md5s(keyframe))
    units = (unit.nal_units for unit in restored.access_units)
    yield from decode_pictures(units, restored.parameter_sets, keyframe.bit_depth, crop=False)


def frame_maps(gop: HybridGop, keyframe: Picture) -> Iterator[FrameMap]:
    """Measure the map of every picture near a keyframe, in order of presentation; five decodes side by side.

    Args:
        gop: without picture hashes.
        keyframe: the reference picture, at the coded size.
    """
    unit = 1 << (keyframe.bit_depth - 8)
    top = (255 - AMPLITUDE - HEADROOM) * unit
    luma, cb, cr = (plane.clip((AMPLITUDE + HEADROOM) * unit, top) for plane in keyframe.planes)
    calm = Picture(luma, cb, cr, keyframe.bit_depth)
    streams = [decode_with(gop, picture) for picture in (calm, *_with_waves(calm, unit))]
    for middle, *waved in zip(*streams, strict=True):
        yield _frame_map(middle, waved, AMPLITUDE * unit)


def explained_variance(actual: Field, predicted: Field) -> float:
    """Part of the variance of ``actual`` that is in ``predicted``: 1 for all of it."""
    return 1 - float(np.square(actual - predicted).sum() / np.square(actual).sum())


def _with_waves(picture: Picture, unit: int) -> Iterator[Picture]:
    """Add cosines and sines along x, then along y."""
    for axis in (1, 0):
        for wave in (np.cos, np.sin):
            planes = [
                plane + np.rint(AMPLITUDE * unit * wave(_phases(plane, axis, length, step)))
                for plane, length, step in zip(picture.planes, (FINE, MIDDLE, COARSE), (1, 2, 2), strict=True)
            ]
            y, cb, cr = (plane.astype(picture.y.dtype) for plane in planes)
            yield Picture(y, cb, cr, picture.bit_depth)


def _phases(plane: Plane, axis: int, length: int, step: int) -> NDArray[np.float64]:
    """Phases of a wave along an axis; a chroma sample lies in the middle of its ``step`` luma samples."""
    positions = np.arange(plane.shape[axis]) * step + (step - 1) / 2
    phases = 2 * np.pi * positions / length
    return np.broadcast_to(phases if axis == 1 else phases[:, None], plane.shape)


def _frame_map(middle: Picture, waved: Sequence[Picture], amplitude: float) -> FrameMap:
    rows, columns = middle.y.shape
    along_x = _positions(middle, waved[:2], np.broadcast_to(np.arange(columns), (rows, columns)))
    along_y = _positions(middle, waved[2:], np.broadcast_to(np.arange(rows)[:, None], (rows, columns)))
    (x, x_strength, x_agrees), (y, y_strength, y_agrees) = along_x, along_y
    gain = np.minimum(np.minimum(x_strength, y_strength) / amplitude, 1) * (x_agrees & y_agrees)
    return FrameMap(gain.astype(np.float32), x.astype(np.float32), y.astype(np.float32))


def _positions(
    middle: Picture, waved: Sequence[Picture], own: NDArray[np.int64]
) -> tuple[NDArray[np.float64], Field, NDArray[np.bool_]]:
    """Read positions off the phases, from the longest wave to the shortest; what is left of it, and whether they agree.

    A sample's ``own`` position settles what even the longest wave leaves open.
    """
    fine, middling, coarse = (_wave(middle, waved, plane) for plane in range(3))
    within = own % 2 - 0.5
    long = _nearest(own - within, _doubled(coarse), COARSE)
    between = _nearest(long, _doubled(middling), MIDDLE) + within
    found = _nearest(between, fine, FINE)
    agrees = (np.abs(found - between) < FINE_MISS) & (np.abs(between - within - long) < MIDDLE_MISS)
    return found, np.abs(fine), agrees


def _wave(middle: Picture, waved: Sequence[Picture], plane: int) -> Waves:
    base = middle.planes[plane].astype(np.float32)
    real, imaginary = (picture.planes[plane] - base for picture in waved)
    return (real + 1j * imaginary).astype(np.complex64)


def _nearest(guess: NDArray[np.float64], wave: Waves, length: int) -> NDArray[np.float64]:
    """Of all positions that have this phase, the one nearest to a guess."""
    position = np.angle(wave) * (length / (2 * np.pi))
    nearest: NDArray[np.float64] = position + length * np.round((guess - position) / length)
    return nearest


def _doubled(wave: Waves) -> Waves:
    return wave.repeat(2, axis=0).repeat(2, axis=1)


def _block_means(field: Field) -> Field:
    rows, columns = field.shape
    means: Field = field.reshape(rows // 2, 2, columns // 2, 2).mean((1, 3))
    return means


def _corners(x: Field, y: Field, shape: tuple[int, ...]) -> Iterator[tuple[NDArray[np.int64], Field]]:
    """Give the four samples around each position, as indices of a flat plane, and their bilinear weights."""
    rows, columns = shape
    x, y = x.clip(0, columns - 1), y.clip(0, rows - 1)
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    for bottom in (0, 1):
        for right in (0, 1):
            part_y = y - top if bottom else 1 - (y - top)
            part_x = x - left if right else 1 - (x - left)
            row, column = np.minimum(top + bottom, rows - 1), np.minimum(left + right, columns - 1)
            yield row * columns + column, (part_y * part_x).astype(np.float32)


def _interpolated(plane: Field, x: Field, y: Field) -> Field:
    flat = plane.ravel()
    total = np.zeros(plane.shape, np.float32)
    for index, part in _corners(x, y, plane.shape):
        total += part * flat[index]
    return total
