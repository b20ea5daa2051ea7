"""Functions of the C core end in an error where an allocation fails, go on without a thread, and have no races."""

from __future__ import annotations

from pathlib import Path

import pytest

from core_builds import CEXT, compile_core
from enhance_networks import small_network
from ffhybrid._cext import ffi, lib
from golden import FOLDER, HEAD
from support import run

HERE = Path(__file__).parent
SOURCES = (HERE / "entry_points.c", HERE / "faulty_memory.c", *sorted(CEXT.rglob("*.c")))
WRAPPED = ("malloc", "calloc", "realloc", "aligned_alloc", "free", "mmap", "munmap", "pthread_create")
STREAM = HERE.parent / "corpora" / "stream" / "slices-wpp"
RELEASES = {"ffh_buf_free", "ffh_enhancement_free", "ffh_enhancer_free"}
THREADED = {"ffh_write_lossless_irap", "ffh_overfit_decode", "ffh_enhance_look", "ffh_enhance_compose"}


def entry_points(folder: Path, sanitizer: str, *threads: str) -> dict[str, tuple[int, int]]:
    """Call them all; give how many allocations and threads each asked for, none with ``threads``."""
    program, network, latent = folder / "program", folder / "network", folder / "latent"
    wraps = (f"-Wl,--wrap={name}" for name in WRAPPED)
    compile_core(program, "gcc", "-O1", "-g", f"-fsanitize={sanitizer}", f"-I{HERE}", *SOURCES, *wraps)
    network.write_bytes(small_network("golden").file)
    latent.write_bytes((FOLDER / "tuned.latent").read_bytes()[HEAD:])
    lines = run(program, STREAM, network, latent, *threads).stdout.splitlines()
    return {name: (int(allocations), int(started)) for name, allocations, started in map(str.split, lines)}


def is_function(name: str) -> bool:
    value = getattr(lib, name)
    return not isinstance(value, int) and ffi.typeof(value).kind == "function"


@pytest.mark.slow
def test_every_allocation_and_every_thread_may_fail(tmp_path: Path) -> None:
    counts = entry_points(tmp_path, "address")
    assert counts.keys() | RELEASES == {name for name in dir(lib) if is_function(name)}
    assert {name for name, (_, threads) in counts.items() if threads} == THREADED
    assert all(counts[name][0] for name in THREADED)


@pytest.mark.slow
def test_threads_share_nothing_without_a_lock(tmp_path: Path) -> None:
    entry_points(tmp_path, "thread", "4")
