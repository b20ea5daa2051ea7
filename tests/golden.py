"""Latents whose pictures must come out the same on every machine, compiler and build.

They belong to the built-in prior. After training it anew ``PYTHONPATH=tests:benchmarks python -P tests/golden.py``
writes them and prints the MD5s.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np

from ffhybrid.filters.overfit import codec
from ffhybrid.filters.overfit.structure import PARAMETER_COUNT, PARAMETERS, PATTERN_GRID, array_shapes, level_of
from ffhybrid.picture import Picture, PictureSpec

FOLDER = Path(__file__).parent / "cext" / "data"
GOLDEN = {
    "fitted": (PictureSpec(176, 144), "06dac45b875e9383144498052c8f82a9"),
    "tuned": (PictureSpec(176, 144), "3759a4994736c0f83c09cbcf707ffdc2"),
    "random": (PictureSpec(202, 118), "a6074cbb30a581975b2b2c01e8af95ab"),
    "ten-bit": (PictureSpec(98, 66, 10), "c7ae2a3d4ec0224da1d7996287ed228e"),
}
"""By name: what was asked for, and the MD5 of Y, Cb and Cr after each other."""


def golden_latents() -> dict[str, tuple[bytes, PictureSpec, str]]:
    """Read them."""
    return {name: ((FOLDER / f"{name}.latent").read_bytes(), spec, md5) for name, (spec, md5) in GOLDEN.items()}


def planes_md5(picture: Picture) -> str:
    """MD5 of all samples."""
    return hashlib.md5(b"".join(plane.tobytes() for plane in picture.planes)).hexdigest()


def random_latent(spec: PictureSpec, *, seed: int = 1, fine: bool = True, changes: int = 0) -> codec.Latent:
    """Laplace-distributed latents, larger in coarse grids; a network some way off the prior."""

    def spread(grid: int) -> float:
        return 0.3 if grid == PATTERN_GRID else 0.2 * 2 ** (0.8 * level_of(grid))

    rng = np.random.default_rng(seed)
    grids = [
        np.rint(rng.laplace(0, spread(grid), shape)).clip(-127, 127).astype(np.int8)
        for grid, shape in enumerate(array_shapes(spec.width, spec.height))
    ]
    return codec.Latent(
        classes=(140, 100),
        steps=(60, 66),
        values=codec.prior() + rng.integers(-changes, changes + 1, PARAMETER_COUNT, np.int32),
        grids=(grids[0] if fine else None, *grids[1:]),
    )


def remake() -> dict[str, bytes]:
    """Make all of them from the built-in prior: two fits of a real picture, and two of random latents."""
    from ffhybrid.filters import Likeness, create
    from ffhybrid.source import VideoSource
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
    for name in ("random", "ten-bit"):
        spec = GOLDEN[name][0]
        made[name], _ = codec.write_latent(random_latent(spec, changes=50), spec, finest)
    return made


if __name__ == "__main__":
    for name, data in remake().items():
        (FOLDER / f"{name}.latent").write_bytes(data)
        sys.stdout.write(f"{name}: {planes_md5(codec.decode(data, GOLDEN[name][0], threads=1))}\n")
