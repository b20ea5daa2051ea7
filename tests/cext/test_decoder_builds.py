"""The integer decoder of other compilers, without optimisation and for another machine gives the same samples."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cffi import FFI

from core_builds import BUILDS, CEXT, compile_core
from ffhybrid.core.picture import Picture
from golden import HEAD, Golden, golden_latents, planes_md5
from support import tool

pytestmark = pytest.mark.slow

DRIVER = Path(__file__).with_name("decode_latent.c")
UNITS = sorted(str(path) for room in ("util", "neural") for path in (CEXT / room).glob("*.c"))
DECLARATIONS = """
typedef struct ffh_planes { uint8_t *planes[3]; ptrdiff_t strides[3]; int bit_depth; } ffh_planes;
int ffh_overfit_decode(const uint8_t *data, size_t size, int width, int height, const ffh_planes *base,
                       const ffh_planes *to, int threads);
"""


def planes(ffi: FFI, picture: Picture) -> object:
    view = ffi.new("ffh_planes *")
    for i, plane in enumerate(picture.planes):
        view.planes[i] = ffi.cast("uint8_t *", plane.ctypes.data)
        view.strides[i] = plane.strides[0]
    view.bit_depth = picture.bit_depth
    return view


def decode(ffi: FFI, library: Any, golden: Golden, threads: int) -> Picture:
    refinement, spec = golden.latent[HEAD:], golden.spec
    made = Picture.zeros(spec)
    below, to = planes(ffi, golden.base), planes(ffi, made)
    size = (spec.width, spec.height)
    assert library.ffh_overfit_decode(refinement, len(refinement), *size, below, to, threads) == 0
    return made


@pytest.mark.parametrize("name", BUILDS)
def test_every_build_gives_the_golden_planes(name: str, tmp_path: Path) -> None:
    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    compile_core(tmp_path / "decoder.so", *BUILDS[name], "-shared", "-fPIC", *UNITS)
    library = ffi.dlopen(str(tmp_path / "decoder.so"))
    for golden in golden_latents().values():
        for threads in (1, 2):
            assert planes_md5(decode(ffi, library, golden, threads)) == golden.md5


def test_another_machine_gives_the_golden_planes(tmp_path: Path) -> None:
    emulator = tool("qemu-aarch64")
    program = tmp_path / "decoder"
    compile_core(program, "aarch64-linux-gnu-gcc", "-O3", "-static", DRIVER, *sorted(CEXT.rglob("*.c")))
    latent, below = tmp_path / "latent", tmp_path / "base"
    for golden in golden_latents().values():
        spec = golden.spec
        latent.write_bytes(golden.latent[HEAD:])
        below.write_bytes(b"".join(plane.tobytes() for plane in golden.base.planes))
        for threads in (1, 2):
            sizes = map(str, (spec.width, spec.height, spec.bit_depth, threads))
            made = subprocess.run((emulator, program, *sizes, latent, below), capture_output=True, check=True).stdout
            assert hashlib.md5(made).hexdigest() == golden.md5
