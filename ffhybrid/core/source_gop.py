"""One GOP of the source as raw planes in a file: what encoders are given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.core.presentation import Presentation


@dataclass(frozen=True, slots=True)
class SourceGop:
    """The frames of one GOP, spooled as raw planes (Y, Cb, Cr, tightly packed) into ``path``.

    ``pts`` and ``durations`` count units of ``time_base``, one entry a frame; ``sei`` are the SEI NAL units that each
    frame has of its own. ``skipped`` frames of the file come before the first.
    """

    index: int
    path: Path
    spec: PictureSpec
    frame_rate: Fraction
    sample_aspect_ratio: Fraction
    time_base: Fraction
    presentation: Presentation
    pts: tuple[int, ...]
    durations: tuple[int, ...]
    sei: tuple[tuple[bytes, ...], ...]
    skipped: int = 0

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def seconds(self) -> float:
        """From the first picture to the end of the last; durations are rounded, and may add up to one per cent less."""
        return float((self.pts[-1] + self.durations[-1] - self.pts[0]) * self.time_base)

    @property
    def start_seconds(self) -> float:
        """Timestamp of the keyframe."""
        return float(self.pts[0] * self.time_base)

    def first(self) -> SourceGop:
        """Give a GOP of the first picture alone."""
        return self.part(0, 1)

    def part(self, start: int, stop: int) -> SourceGop:
        """Give a GOP of the pictures from ``start`` on, up to ``stop``, in the same file."""
        return replace(
            self,
            pts=self.pts[start:stop],
            durations=self.durations[start:stop],
            sei=self.sei[start:stop],
            skipped=self.skipped + start,
        )

    def picture(self, index: int) -> Picture:
        """Read one frame back."""
        count, kind = self.spec.samples, np.dtype(self.spec.dtype)
        samples = np.fromfile(self.path, kind, count=count, offset=(self.skipped + index) * count * kind.itemsize)
        return Picture.from_samples(samples, self.spec)

    def discard(self) -> None:
        """Remove the spooled frames."""
        self.path.unlink(missing_ok=True)


def write_planes(file: BinaryIO, picture: Picture) -> None:
    """Append the planes of a picture, tightly packed."""
    for plane in picture.planes:
        file.write(np.ascontiguousarray(plane).data)
