"""The integer decoder of `enhance` of other compilers, without optimisation and for another machine: same samples."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from core_builds import BUILDS, CEXT, compile_core
from enhance_networks import GOLDEN, Golden, drawn_picture, small_network
from ffhybrid.filters.enhance.codec import STRENGTH_STEPS, WHOLE_LEVEL
from support import tool

DRIVER = Path(__file__).with_name("enhance_picture.c")
ROOMS = {
    "neural": ("compose", "convolution", "enhance", "enhancer", "maps", "noise", "passes"),
    "util": ("pages", "threads"),
}
UNITS = [CEXT / room / f"{name}.c" for room, names in ROOMS.items() for name in names]


def made_md5(golden: Golden, threads: int, folder: Path, *command: str | Path) -> str:
    """Run a program of the driver."""
    network, base = folder / "network", folder / "base"
    network.write_bytes(small_network("golden", gain=golden.gain).file)
    base.write_bytes(b"".join(plane.tobytes() for plane in drawn_picture(golden.spec).planes))
    spec, known, strengths = golden.spec, golden.known, golden.strengths
    numbers = (
        *(spec.width, spec.height, spec.bit_depth),
        *(known.qp, int(known.distance is not None), known.distance or 0),
        *(round(part * STRENGTH_STEPS) for part in (strengths.texture, strengths.detail)),
        *(strengths.noise, threads),
        *(
            round(strengths.texture * STRENGTH_STEPS) * level // WHOLE_LEVEL
            for row in strengths.levels
            for level in row
        ),
    )
    made = subprocess.run([*command, network, base, *map(str, numbers)], capture_output=True, check=True).stdout
    return hashlib.md5(made).hexdigest()


@pytest.mark.parametrize("name", BUILDS)
def test_every_build_gives_the_golden_planes(name: str, tmp_path: Path) -> None:
    program = tmp_path / "program"
    compile_core(program, *BUILDS[name], DRIVER, *UNITS)
    for golden in GOLDEN.values():
        for threads in (1, 2):
            assert made_md5(golden, threads, tmp_path, program) == golden.md5


@pytest.mark.parametrize("kernels", ["-DFFH_PLAIN_KERNELS", "-UFFH_PLAIN_KERNELS"])
def test_another_machine_gives_the_golden_planes(kernels: str, tmp_path: Path) -> None:
    """By plain C and by NEON."""
    emulator, program = tool("qemu-aarch64"), tmp_path / "program"
    compile_core(program, "aarch64-linux-gnu-gcc", "-O3", "-static", kernels, DRIVER, *UNITS)
    for golden in GOLDEN.values():
        for threads in (1, 2):
            assert made_md5(golden, threads, tmp_path, emulator, program) == golden.md5
