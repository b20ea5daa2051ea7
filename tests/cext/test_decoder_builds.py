"""The integer decoder compiled by other compilers, without optimisation and with sanitizers, gives the same samples."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cffi import FFI

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.filters.overfit import base, codec
from golden import golden_latents, planes_md5

CEXT = Path(__file__).resolve().parents[2] / "cext"
UNITS = sorted(str(path) for room in ("util", "neural") for path in (CEXT / room).glob("*.c"))
BUILDS = {
    "gcc-O0": ("gcc", "-O0"),
    "gcc-O3-native": ("gcc", "-O3", "-march=native"),
    "gcc-avx2": ("gcc", "-O3", "-DFFH_AVX2_KERNELS"),
    "gcc-plain": ("gcc", "-O2", "-DFFH_PLAIN_KERNELS"),
    "clang-O0": ("clang", "-O0"),
    "clang-O3": ("clang", "-O3"),
    "clang-plain": ("clang", "-O3", "-DFFH_PLAIN_KERNELS"),
}
DECLARATIONS = """
typedef struct ffh_planes { uint8_t *planes[3]; ptrdiff_t strides[3]; int bit_depth; } ffh_planes;
int ffh_overfit_decode(const uint8_t *data, size_t size, int width, int height, const ffh_planes *base,
                       const ffh_planes *to, int threads);
"""


def build(folder: Path, compiler: str, *flags: str) -> Path:
    """Compile the decoder into a library of its own."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed (see .ci/run)")
    library = folder / "decoder.so"
    subprocess.run(
        [
            compiler,
            "-std=c11",
            *flags,
            "-Wall",
            "-Wextra",
            "-Werror",
            "-shared",
            "-fPIC",
            "-pthread",
            f"-I{CEXT}",
            *UNITS,
            "-o",
            library,
        ],
        check=True,
    )
    return library


def planes(ffi: FFI, picture: Picture) -> object:
    view = ffi.new("ffh_planes *")
    for i, plane in enumerate(picture.planes):
        view.planes[i] = ffi.cast("uint8_t *", plane.ctypes.data)
        view.strides[i] = plane.strides[0]
    view.bit_depth = picture.bit_depth
    return view


def decode(ffi: FFI, library: Any, data: bytes, spec: PictureSpec, threads: int) -> Picture:
    coded, refinement = codec.split(data)
    below = base.decode(coded, spec) if coded else None
    made = Picture.zeros(spec)
    of_base = planes(ffi, below) if below else ffi.NULL
    size = len(refinement)
    assert (
        library.ffh_overfit_decode(refinement, size, spec.width, spec.height, of_base, planes(ffi, made), threads) == 0
    )
    return made


@pytest.mark.parametrize("name", BUILDS)
def test_every_build_gives_the_golden_planes(name: str, tmp_path: Path) -> None:
    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    library = ffi.dlopen(str(build(tmp_path, *BUILDS[name])))
    for data, spec, md5 in golden_latents().values():
        for threads in (1, 2):
            assert planes_md5(decode(ffi, library, data, spec, threads)) == md5
