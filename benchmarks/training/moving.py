"""Photos that move, coded as hybrid files are: P pictures behind enhanced ones, for an enhancer to learn from.

A camera pans, zooms and turns over a photo, a part of another one moves in front of it, and the light changes. The
first picture is coded as a keyframe and enhanced by the network as it is; x265 codes what follows against that, as in
the locked encode; then the last P picture is enhanced in its turn, and the next segment is coded against it. So bases
are what a loop through the network itself leaves, and are to be made anew when it has learned.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ffhybrid import X265Options, hevc
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.anchors import decode_segments
from ffhybrid.filters.enhance.codec import NEWEST, Known, Strengths, network
from ffhybrid.x265.encoding import Segment, X265Gop
from ffhybrid.x265.options import Thoroughness
from ffhybrid.x265.reference_lock import encode_nearly_locked
from one_gop import spooled_gop
from stills import Samples, code_still, planes
from training.drawn import Rgb

SEGMENT = (8, 32)
"""Pictures from one enhanced picture to the next."""
SEGMENTS = 2
CRFS = (26, 52, 42)
"""Least, most, and where most are."""
KEYFRAME_BELOW = (4, 14)
"""How far the QP of a keyframe is below the CRF of its GOP."""
STRENGTHS = (0.0, 0.5, 1.0)
MOST_TAKEN = 3
"""P pictures of a segment that are learned from, the last one always."""
PAN, TURN, ZOOM, LIGHT = 3.0, 0.004, 0.006, 0.004
"""The most a picture moves on: in samples, radians, and parts of its size and brightness."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """A P picture as decoded, its source, its QP, and how many pictures the last enhanced one lies behind."""

    source: Samples
    base: Samples
    qp: int
    distance: int


def coded_motion(behind: Rgb, before: Rgb) -> Iterator[Predicted]:
    """Let two photos move, and code what a camera sees; sides are multiples of 16."""
    length = random.randint(*SEGMENT)
    frames = [planes(rgb[0].permute(1, 2, 0).numpy()) for rgb in _moving(behind, before, SEGMENTS * length + 1)]
    spec = PictureSpec(frames[0].shape[1], frames[0].shape[0] * 2 // 3)
    crf = random.triangular(*CRFS)
    options = X265Options(crf=crf, thoroughness=random.choice((Thoroughness.LEAST, Thoroughness.BY_PRESET)))
    base, qp = code_still(frames[0], f"qp={max(round(crf - random.uniform(*KEYFRAME_BELOW)), 20)}", preset="medium")
    first = _enhanced(Picture.from_samples(base.ravel(), spec), Known(qp=qp))
    with tempfile.TemporaryDirectory() as folder:
        pictures = [Picture.from_samples(frame.ravel(), spec) for frame in frames]
        whole = spooled_gop(pictures, spec, Path(folder) / "frames.yuv")
        for start in range(0, SEGMENTS * length, length):
            part = whole.part(start, start + length + 1)
            coded = encode_nearly_locked(part, first, options, segment=Segment(ends_in_anchor=True)).coded
            found = list(_predicted(coded, part))
            *earlier, last = found
            yield from (*random.sample(earlier, min(len(earlier), MOST_TAKEN - 1)), last)
            first = _enhanced(Picture.from_samples(last.base.ravel(), spec), Known(qp=last.qp, distance=last.distance))


def _predicted(coded: X265Gop, part: SourceGop) -> Iterator[Predicted]:
    """Give the P pictures of a segment."""
    pictures = list(decode_segments((coded,), part.spec.bit_depth))
    for unit in coded.inter:
        nal = next(filter(hevc.is_slice, unit.nal_units))
        if hevc.slice_type(nal, coded.parameter_sets) == "P":
            place = part.pts.index(unit.pts)
            yield Predicted(
                source=_samples(part.picture(place)),
                base=_samples(pictures[place]),
                qp=hevc.slice_qp(nal, coded.parameter_sets),
                distance=place,
            )


def _enhanced(base: Picture, known: Known) -> Picture:
    strength = random.choice(STRENGTHS)
    return network(NEWEST).look(base, known, threads=1).picture(Strengths(texture=strength, detail=min(strength, 1)))


def _samples(picture: Picture) -> Samples:
    return picture.samples().reshape(picture.height * 3 // 2, picture.width).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class _Path:
    """A movement from picture to picture."""

    right: float
    down: float
    turn: float
    zoom: float

    @classmethod
    def drawn(cls, speed: float) -> _Path:
        """Draw one of up to a speed."""
        right, down, turn, zoom = (random.uniform(-1, 1) * speed for _ in range(4))
        return cls(PAN * right, PAN * down, TURN * turn, ZOOM * zoom)

    def grid(self, time: float, rows: int, columns: int) -> Tensor:
        """Say where the samples of a picture lie in its photo, as :func:`grid_sample` takes it."""
        angle, scale = self.turn * time, math.exp(self.zoom * time)
        cos, sin = scale * math.cos(angle), scale * math.sin(angle)
        ratio = rows / columns
        theta = torch.tensor(
            [
                [cos, -sin * ratio, 2 * self.right * time / columns],
                [sin / ratio, cos, 2 * self.down * time / rows],
            ]
        )
        return F.affine_grid(theta[None], [1, 3, rows, columns], align_corners=False)


def _moving(behind: Rgb, before: Rgb, count: int) -> Iterator[Tensor]:
    """Draw pictures, (1, 3, rows, columns)."""
    rows, columns = behind.shape[:2]
    photos = [torch.from_numpy(np.ascontiguousarray(photo)).permute(2, 0, 1)[None] for photo in (behind, before)]
    mask = _blob(rows, columns)
    camera, thing = _Path.drawn(random.choice((0.1, 0.5, 1))), _Path.drawn(random.choice((0.3, 1, 2)))
    light, has_thing = random.uniform(-LIGHT, LIGHT) * (random.random() < 0.3), random.random() < 0.7
    for number in range(count):
        time = number - count / 2
        picture = _sampled(photos[0], camera.grid(time, rows, columns))
        if has_thing:
            grid = thing.grid(time, rows, columns)
            covered = F.grid_sample(mask, grid, align_corners=False)
            picture = covered * _sampled(photos[1], grid) + (1 - covered) * picture
        yield picture * (1 + light * time)


def _sampled(photo: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(photo, grid, mode="bicubic", padding_mode="reflection", align_corners=False)


def _blob(rows: int, columns: int) -> Tensor:
    """Draw what a thing covers: an ellipse with a waving outline, (1, 1, rows, columns)."""
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    dy, dx = y - rows * random.uniform(0.3, 0.7), x - columns * random.uniform(0.3, 0.7)
    angle = np.arctan2(dy, dx)
    wave = 1 + 0.2 * np.sin(random.randint(2, 6) * angle + random.uniform(0, 6.28))
    radius = np.hypot(dy / random.uniform(0.1, 0.35) / rows, dx / random.uniform(0.1, 0.35) / columns) / wave
    return torch.from_numpy((40 * (1 - radius)).clip(0, 1))[None, None]
