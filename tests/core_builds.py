"""The C core as other compilers, other kernels and other machines have it."""

from __future__ import annotations

from pathlib import Path

from support import run, tool

CEXT = Path(__file__).resolve().parents[1] / "cext"
BUILDS = {
    "gcc-O0": ("gcc", "-O0"),
    "gcc-O3-native": ("gcc", "-O3", "-march=native"),
    "gcc-avx2": ("gcc", "-O3", "-DFFH_AVX2_KERNELS"),
    "gcc-plain": ("gcc", "-O2", "-DFFH_PLAIN_KERNELS"),
    "clang-O0": ("clang", "-O0"),
    "clang-O3": ("clang", "-O3"),
    "clang-plain": ("clang", "-O3", "-DFFH_PLAIN_KERNELS"),
}
"""By name, a compiler and its options."""


def compile_core(target: Path, compiler: str, *arguments: str | Path) -> None:
    """Compile sources with a compiler, or skip."""
    run(tool(compiler), "-std=c11", "-Wall", "-Wextra", "-Werror", "-pthread", f"-I{CEXT}", *arguments, "-o", target)
