"""kill -9 at random moments of an encode by processes or by Dask, then the same command to its end.

    python -m reliability.kills [--engine local:2] [--count 50]
    python -m reliability.kills --engine dask --count 50

Each time one process is chosen: the command itself, a process that runs jobs, one in which x265 encodes, or Dask's
scheduler. A row says who was killed and when, how many results were kept, how many GOPs were encoded after that, how
many of those had a result already ("repeated"), whether the output is the file of an undisturbed encode to the last
byte, and what was left: files beside the output, temporary ones, processes.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from reliability.dask_cluster import DaskCluster
from reliability.encode_runs import EncodeRun, make_clip
from reliability.processes import below, encodes, told_of, workers

COMMAND, WORKER, X265, SCHEDULER = "command", "worker", "x265", "scheduler"
DASK = "dask"
GRACE = 30.0
"""Seconds in which processes of a killed command have to end."""


@dataclass(frozen=True, slots=True)
class Kill:
    """Whom to kill, and when: so many seconds after the start, or as soon as there is such a process then."""

    victim: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Survived:
    """What became of an encode: see the columns of the table."""

    kill: Kill
    exit_code: int
    kept: int
    encoded: int
    repeated: int
    is_same: bool
    left: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether everything is as promised."""
        return self.is_same and not self.repeated and not self.left


def kill_and_finish(run: EncodeRun, kill: Kill, wanted: bytes, cluster: DaskCluster | None = None) -> Survived | None:
    """Start an encode, kill one of its processes, and have it finished; None where it was over before."""
    with run.start() as process:
        kept = _killed(process, kill, run, cluster)
        process.communicate()
    if kept is None:
        return None
    code, left = process.returncode, _outliving(run)
    kept |= run.kept()
    before = run.encoded()
    if code:
        again = replace(run, engine=cluster.engine()) if cluster else run
        final, said = again.finish()
        if final:
            raise RuntimeError(f"{kill}: the command does not finish: {said}")
    encoded = run.encoded()
    now = encoded - before if code else Counter(set(encoded) - kept)
    return Survived(
        kill=kill,
        exit_code=code,
        kept=len(kept),
        encoded=now.total(),
        repeated=len(kept & set(now)) + sum(times - 1 for times in encoded.values()),
        is_same=run.output.read_bytes() == wanted,
        left=(*run.left(), *left),
    )


def _killed(process: subprocess.Popen[str], kill: Kill, run: EncodeRun, cluster: DaskCluster | None) -> set[int] | None:
    """Kill as soon as it is time and there is somebody; say what was kept by then, None where it never came to that."""
    due = time.monotonic() + kill.seconds
    while process.poll() is None:
        left = due - time.monotonic()
        time.sleep(min(max(left, 0.002), 0.05))
        victims = _victims(kill.victim, process.pid, cluster) if left <= 0 else []
        if victims:
            kept = run.kept()
            with suppress(ProcessLookupError):  # it was over first
                os.kill(random.choice(victims), signal.SIGKILL)
                return kept
    return None


def _victims(kind: str, command: int, cluster: DaskCluster | None) -> list[int]:
    if kind == COMMAND:
        return [command]
    if kind == SCHEDULER and cluster and cluster.scheduler:
        return [cluster.scheduler.pid]
    roots = [command, *(nanny.pid for nanny in cluster.nannies)] if cluster else [command]
    family = [process for root in roots for process in below(root)]
    chosen = workers(family) if kind == WORKER else encodes(family)
    return [process.pid for process in chosen]


def _outliving(run: EncodeRun) -> list[str]:
    """Name processes that are still there when the command has long been over."""
    deadline = time.monotonic() + GRACE
    while (late := told_of(run.folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [process.command for process in late]


def undisturbed(source: Path, folder: Path, engine: str, generator: str) -> tuple[bytes, float]:
    """Encode without a kill; the file, and how many seconds that took."""
    folder.mkdir()
    run = EncodeRun(source, folder, engine, generator)
    begin = time.monotonic()
    code, said = run.finish()
    if code:
        raise RuntimeError(said)
    return run.output.read_bytes(), time.monotonic() - begin


def sweep(engine: str, generator: str, *, count: int, gops: int, seed: int) -> list[Survived]:
    """Kill ``count`` times, and print a row each."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        source = make_clip(work / "source.mp4", gops)
        wanted, _ = undisturbed(source, work / "one-process", "local:1", generator)
        cluster = DaskCluster(work, workers=2) if engine == DASK else None
        try:
            _, seconds = undisturbed(source, work / "first", cluster.engine() if cluster else engine, generator)
            print(f"{gops} GOPs, {generator}, {engine}: undisturbed in {seconds:.1f} s\n")
            print("| killed | after | exit code | kept | encoded then | repeated | same bytes | left |")
            print("|---|---|---|---|---|---|---|---|", flush=True)
            chance, number = random.Random(seed), 0
            victims = (COMMAND, WORKER, X265, SCHEDULER) if cluster else (COMMAND, WORKER, X265)
            while len(found) < count:
                number += 1
                folder = work / str(number)
                folder.mkdir()
                run = EncodeRun(source, folder, cluster.engine() if cluster else engine, generator)
                kill, begin = Kill(victims[len(found) % len(victims)], chance.uniform(0, seconds)), time.monotonic()
                survived = kill_and_finish(run, kill, wanted, cluster)
                if survived is None:
                    seconds = min(seconds, time.monotonic() - begin)
                    continue
                found.append(survived)
                print(_row(survived), flush=True)
        finally:
            if cluster:
                cluster.close()
        print(f"\ntemporary files left: {len(list(work.glob('**/ffhybrid-*')))}")
    return found


def _row(one: Survived) -> str:
    left, is_same = ", ".join(one.left) or "nothing", "yes" if one.is_same else "NO"
    figures = f"{one.exit_code} | {one.kept} | {one.encoded} | {one.repeated} | {is_same} | {left}"
    return f"| {one.kill.victim} | {one.kill.seconds:.2f} s | {figures} |"


def main() -> None:
    """Read the command line and kill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="local:2", help="local:N or dask")
    parser.add_argument("--kf", default="enhance", help="generator of keyframes")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--gops", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    found = sweep(arguments.engine, arguments.kf, count=arguments.count, gops=arguments.gops, seed=arguments.seed)
    good = sum(one.is_good for one in found)
    kinds = Counter(one.kill.victim for one in found)
    print(f"{good} of {len(found)} as promised ({', '.join(f'{kinds[kind]} {kind}' for kind in kinds)})")


if __name__ == "__main__":
    main()
