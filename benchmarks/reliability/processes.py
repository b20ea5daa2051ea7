"""Processes of an encode as Linux lists them: whom there is to kill, and who is left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

WORKER, FORK_SERVER, DASK_WORKER = "ffhybrid.farm.worker", "ffhybrid.x265.fork_server", "multiprocessing.spawn"


@dataclass(frozen=True, slots=True)
class Process:
    """A process, and its command line."""

    pid: int
    parent: int
    command: str


def running() -> list[Process]:
    """List processes that are not over."""
    found = []
    for folder in Path("/proc").iterdir():
        state, parent, *_ = (*_read(f"{folder}/stat").rpartition(b")")[2].split(), b"Z", b"0")
        if folder.name.isdigit() and state != b"Z":
            command = _read(f"{folder}/cmdline").replace(b"\0", b" ").decode(errors="replace")
            found.append(Process(int(folder.name), int(parent), command))
    return found


def below(root: int) -> list[Process]:
    """Find children of a process, and theirs."""
    everybody = running()
    found: list[Process] = []
    generation = {root}
    while generation:
        children = [process for process in everybody if process.parent in generation]
        found += children
        generation = {child.pid for child in children}
    return found


def workers(family: list[Process]) -> list[Process]:
    """Choose those that run jobs, of ``local:N`` or of Dask."""
    return [process for process in family if WORKER in process.command or DASK_WORKER in process.command]


def encodes(family: list[Process]) -> list[Process]:
    """Choose those in which x265 encodes: what its fork servers have forked."""
    servers = {process.pid for process in family if FORK_SERVER in process.command}
    return [process for process in family if process.pid in servers and process.parent in servers]


def told_of(folder: Path) -> list[Process]:
    """Find processes whose environment names a folder: those of one run, whoever their parent is by now."""
    name = str(folder).encode()
    return [process for process in running() if name in _read(f"/proc/{process.pid}/environ")]


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:  # it is over, or another user's
        return b""
