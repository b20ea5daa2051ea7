"""Damaged payloads and files give the errors of docstrings and nothing else, cut anywhere and with any byte changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz import file, payload
from support import run, tool

ROOT = Path(__file__).resolve().parents[1]
C_TARGETS = sorted((ROOT / "benchmarks" / "fuzz").glob("*.c"))
CORPORA = Path(__file__).parent / "corpora"
FLIPPED = 0xFF


def damaged(data: bytes, step: int) -> list[bytes]:
    """Cut at every ``step`` bytes, and change one there."""
    cuts = [data[:at] for at in range(0, len(data), step)]
    changed = [data[:at] + bytes([data[at] ^ FLIPPED]) + data[at + 1 :] for at in range(0, len(data), step)]
    return [data, *cuts, *changed]


@pytest.mark.parametrize(
    ("corpus", "one_input", "step"),
    [("payload", payload.one_input, 1), ("file", file.one_input, 29)],
    ids=["payload", "file"],
)
def test_no_other_errors_come_out(corpus: str, one_input: Callable[[bytes], None], step: int) -> None:
    for path in (CORPORA / corpus).iterdir():
        for data in damaged(path.read_bytes(), step):
            one_input(data)


@pytest.mark.parametrize("target", C_TARGETS, ids=lambda target: target.stem)
def test_targets_of_the_c_core_compile(target: Path) -> None:
    run(tool("clang"), "-std=c11", "-fsyntax-only", "-Wall", "-Werror", f"-I{ROOT / 'cext'}", target)
