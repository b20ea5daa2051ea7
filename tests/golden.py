"""Latents and base pictures whose refined pictures must come out the same on every machine, compiler and build.

They belong to the built-in prior. After training it anew ``PYTHONPATH=tests:benchmarks python -P tests/golden.py``
writes them and prints the MD5s.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.filters.overfit import codec
from ffhybrid.filters.overfit.structure import PARAMETER_COUNT, PARAMETERS, PATTERN_GRID, array_shapes, level_of
from ffhybrid.hevc.intra_codec import HevcIntraCodec

FOLDER = Path(__file__).parent / "cext" / "data"
HEAD = 1 + codec.PRIOR_SIZE
"""Bytes of a latent before those that the C core reads: the version, and which prior it belongs to."""
GOLDEN = {
    "fitted": (PictureSpec(176, 144), "7427596582d193d87b1fa59d244c835d"),
    "tuned": (PictureSpec(176, 144), "f9c105fef8a2fd8c8292e2665a5944f0"),
    "random": (PictureSpec(202, 118), "90bfb510d04787226a36724719c3c12c"),
    "ten-bit": (PictureSpec(98, 66, 10), "0c8b8f0814514b82f8273dab1a448092"),
}
"""By name: what was asked for, and the MD5 of Y, Cb and Cr after each other."""


class Golden(NamedTuple):
    """A latent, the base picture that it refines, and what has to come of it."""

    latent: bytes
    base: Picture
    spec: PictureSpec
    md5: str


def golden_latents() -> dict[str, Golden]:
    """Read them."""
    return {
        name: Golden((FOLDER / f"{name}.latent").read_bytes(), _base(name, spec), spec, md5)
        for name, (spec, md5) in GOLDEN.items()
    }


def _base(name: str, spec: PictureSpec) -> Picture:
    coded = FOLDER / f"{name}.base"
    if not coded.exists():
        return blocks(spec)
    return HevcIntraCodec().decode(coded.read_bytes(), size=(spec.width, spec.height), bit_depth=spec.bit_depth)


def planes_md5(picture: Picture) -> str:
    """MD5 of all samples."""
    return hashlib.md5(b"".join(plane.tobytes() for plane in picture.planes)).hexdigest()


def random_latent(spec: PictureSpec, *, seed: int = 1, fine: bool = True, changes: int = 0) -> codec.OverfitLatent:
    """Laplace-distributed latents, larger in coarse grids; a network some way off the prior."""

    def spread(grid: int) -> float:
        return 0.3 if grid == PATTERN_GRID else 0.2 * 2 ** (0.8 * level_of(grid))

    rng = np.random.default_rng(seed)
    grids = [
        np.rint(rng.laplace(0, spread(grid), shape)).clip(-127, 127).astype(np.int8)
        for grid, shape in enumerate(array_shapes(spec.width, spec.height))
    ]
    return codec.OverfitLatent(
        classes=(140, 100),
        steps=(60, 66),
        values=codec.prior() + rng.integers(-changes, changes + 1, PARAMETER_COUNT, np.int32),
        grids=(grids[0] if fine else None, *grids[1:]),
    )


def blocks(spec: PictureSpec) -> Picture:
    """Draw blocks of scattered levels, from the darkest to the brightest."""

    def plane(rows: int, columns: int) -> np.ndarray:
        row, column = np.mgrid[:rows, :columns] // 8
        return ((101 * row + 57 * column) * 181 % (1 << spec.bit_depth)).astype(spec.dtype)

    y, cb, cr = (plane(*shape) for shape in spec.plane_shapes)
    return Picture(y, cb, cr, spec.bit_depth)


def remake() -> dict[str, tuple[bytes, bytes | None]]:
    """Make all of them from the built-in prior: two fits of a real picture, and two of random latents on blocks.

    Returns:
        By name the latent, and the base picture where it is a coded one.
    """
    from ffhybrid.filters import Likeness, create
    from ffhybrid.source.video import VideoSource
    from support import IntraBases, clip

    with VideoSource(clip("carphone_pristine.mp4")) as source:
        picture, spec = next(source.frames(limit=1)).picture, source.info.spec
    made: dict[str, tuple[bytes, bytes | None]] = {}
    for name, preset, tune in (("fitted", "ultrafast", "psnr"), ("tuned", "medium", "perceptual")):
        found = create("overfit", preset=preset, tune=tune, device="cpu").fit_refinement(
            Likeness(picture), spec, bases=IntraBases(picture), budget=900, warm_start=None, progress=None
        )
        made[name] = found.latent, found.base.data
    for name in ("random", "ten-bit"):
        spec = GOLDEN[name][0]
        latent, _ = codec.write_latent(random_latent(spec, changes=50), spec, bytes(len(PARAMETERS)))
        made[name] = latent, None
    return made


if __name__ == "__main__":
    for name, (latent, coded) in remake().items():
        (FOLDER / f"{name}.latent").write_bytes(latent)
        if coded is not None:
            (FOLDER / f"{name}.base").write_bytes(coded)
    for name, golden in golden_latents().items():
        sys.stdout.write(f"{name}: {planes_md5(codec.decode(golden.latent, golden.base, golden.spec, threads=1))}\n")
