"""Latents whose pictures must come out the same on every machine, compiler and build.

They belong to the built-in prior. After training it anew ``PYTHONPATH=tests:benchmarks python -P tests/golden.py``
writes them and prints the MD5s.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.filters.overfit import base, codec
from ffhybrid.filters.overfit.structure import PARAMETER_COUNT, PARAMETERS, PATTERN_GRID, array_shapes, level_of

FOLDER = Path(__file__).parent / "cext" / "data"
GOLDEN = {
    "fitted": (PictureSpec(176, 144), "4b5ed28f1fc80cb4109f71658beb6de3"),
    "tuned": (PictureSpec(176, 144), "a0d7aa79225d6e9760027f0b53d8f6bd"),
    "random": (PictureSpec(202, 118), "8b39fdfa6cdfe6e0e841cabe818b5a66"),
    "ten-bit": (PictureSpec(98, 66, 10), "cb2ef3c7cf626af76fb6221f4694b5a3"),
    "ten-bit-base": (PictureSpec(98, 66, 10), "2fbc890573545cb02af4caa30853667b"),
}
"""By name: what was asked for, and the MD5 of Y, Cb and Cr after each other."""


def golden_latents() -> dict[str, tuple[bytes, PictureSpec, str]]:
    """Read them."""
    return {name: ((FOLDER / f"{name}.latent").read_bytes(), spec, md5) for name, (spec, md5) in GOLDEN.items()}


def planes_md5(picture: Picture) -> str:
    """MD5 of all samples."""
    return hashlib.md5(b"".join(plane.tobytes() for plane in picture.planes)).hexdigest()


def random_latent(
    spec: PictureSpec, *, below: bytes = b"", seed: int = 1, fine: bool = True, changes: int = 0
) -> codec.OverfitLatent:
    """Laplace-distributed latents, larger in coarse grids; a network some way off the prior."""

    def spread(grid: int) -> float:
        return 0.3 if grid == PATTERN_GRID else 0.2 * 2 ** (0.8 * level_of(grid))

    rng = np.random.default_rng(seed)
    grids = [
        np.rint(rng.laplace(0, spread(grid), shape)).clip(-127, 127).astype(np.int8)
        for grid, shape in enumerate(array_shapes(spec.width, spec.height))
    ]
    return codec.OverfitLatent(
        base=below,
        classes=(140, 100),
        steps=(60, 66),
        values=codec.prior() + rng.integers(-changes, changes + 1, PARAMETER_COUNT, np.int32),
        grids=(grids[0] if fine else None, *grids[1:]),
    )


def random_picture(spec: PictureSpec, *, seed: int = 1) -> Picture:
    """Blocks of random levels."""
    rng = np.random.default_rng(seed)
    planes = (
        np.kron(rng.integers(0, 1 << spec.bit_depth, (rows // 8 + 1, columns // 8 + 1)), np.ones((8, 8), int))
        for rows, columns in spec.plane_shapes
    )
    y, cb, cr = (
        plane[:rows, :columns].astype(spec.dtype)
        for plane, (rows, columns) in zip(planes, spec.plane_shapes, strict=True)
    )
    return Picture(y, cb, cr, spec.bit_depth)


def remake() -> dict[str, bytes]:
    """Make all of them from the built-in prior: two fits of a real picture, and three of random latents."""
    from ffhybrid.filters import Likeness, create
    from ffhybrid.source.video import VideoSource
    from support import clip

    with VideoSource(clip("carphone_pristine.mp4")) as source:
        likeness, spec = Likeness(next(source.frames(limit=1)).picture), source.info.spec
    made = {
        name: create("overfit", preset=preset, tune=tune, device="cpu").fit(
            likeness, spec, budget=900, warm_start=None, progress=None
        )
        for name, preset, tune in (("fitted", "ultrafast", "psnr"), ("tuned", "medium", "perceptual"))
    }
    finest = bytes(len(PARAMETERS))
    for name in ("random", "ten-bit", "ten-bit-base"):
        spec = GOLDEN[name][0]
        below = base.encode(random_picture(spec), crf=50, effort=4) if name.endswith("base") else b""
        made[name], _ = codec.write_latent(random_latent(spec, below=below, changes=50), spec, finest)
    return made


if __name__ == "__main__":
    for name, data in remake().items():
        (FOLDER / f"{name}.latent").write_bytes(data)
        sys.stdout.write(f"{name}: {planes_md5(codec.decode(data, GOLDEN[name][0], threads=1))}\n")
