"""Cores and memory in containers: what cgroups leave of the machine, in faked ``/proc`` and ``/sys/fs/cgroup``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ffhybrid.core.ordered_pool import in_order
from ffhybrid.core.resources import available_memory, share_cores, usable_cores
from ffhybrid.errors import UsageError

GIB = 1 << 30
NO_LIMIT_V1 = "9223372036854771712"


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a machine with 8 cores and 16 GiB."""
    monkeypatch.setattr("ffhybrid.core.resources.ROOT", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.delenv("FFHYBRID_CORES", raising=False)
    write(tmp_path / "proc/meminfo", "MemTotal: 33554432 kB", f"MemAvailable: {16 * GIB >> 10} kB")
    return tmp_path


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def test_without_groups_it_is_the_machine() -> None:
    assert (usable_cores(), available_memory()) == (8, 16 * GIB)


def test_a_container_of_version_2_sees_its_own_group_as_the_root(machine: Path) -> None:
    groups = machine / "sys/fs/cgroup"
    write(machine / "proc/self/cgroup", "0::/")
    write(groups / "cpu.max", "200000 100000")
    write(groups / "memory.max", str(4 * GIB))
    write(groups / "memory.current", str(3 * GIB))
    write(groups / "memory.stat", f"anon {GIB}", f"inactive_file {2 * GIB}", f"active_file {GIB}")
    assert (usable_cores(), available_memory()) == (2, 3 * GIB)


def test_the_tightest_of_the_groups_above_counts(machine: Path) -> None:
    slice_, own = machine / "sys/fs/cgroup/farm.slice", machine / "sys/fs/cgroup/farm.slice/job.scope"
    write(machine / "proc/self/cgroup", "0::/farm.slice/job.scope")
    write(own / "cpu.max", "max 100000")
    write(own / "memory.max", "max")
    write(own / "memory.current", str(GIB))
    write(slice_ / "cpu.max", "150000 100000")
    write(slice_ / "memory.max", "max")
    write(slice_ / "memory.high", str(6 * GIB))
    write(slice_ / "memory.current", str(5 * GIB))
    assert (usable_cores(), available_memory()) == (2, GIB)


def test_a_group_of_version_1(machine: Path) -> None:
    cpu, memory = machine / "sys/fs/cgroup/cpu,cpuacct/docker/1f", machine / "sys/fs/cgroup/memory/docker/1f"
    write(machine / "proc/self/cgroup", "4:memory:/docker/1f", "3:cpu,cpuacct:/docker/1f", "0::/")
    write(cpu / "cpu.cfs_quota_us", "300000")
    write(cpu / "cpu.cfs_period_us", "100000")
    write(memory / "memory.limit_in_bytes", str(2 * GIB))
    write(memory / "memory.usage_in_bytes", str(GIB))
    write(memory / "memory.stat", "inactive_file 5", f"total_inactive_file {GIB >> 1}")
    write(memory.parent / "memory.limit_in_bytes", NO_LIMIT_V1)
    write(memory.parent / "memory.usage_in_bytes", str(GIB))
    assert (usable_cores(), available_memory()) == (3, GIB + (GIB >> 1))


def test_a_container_of_version_1_whose_path_is_the_hosts(machine: Path) -> None:
    cpu, memory = machine / "sys/fs/cgroup/cpu", machine / "sys/fs/cgroup/memory"
    write(machine / "proc/self/cgroup", "4:memory:/docker/1f", "3:cpu:/docker/1f")
    write(cpu / "cpu.cfs_quota_us", "50000")
    write(cpu / "cpu.cfs_period_us", "100000")
    write(memory / "memory.limit_in_bytes", str(GIB))
    write(memory / "memory.usage_in_bytes", "0")
    assert (usable_cores(), available_memory()) == (1, GIB)


def test_groups_without_a_limit_leave_the_machine(machine: Path) -> None:
    write(machine / "proc/self/cgroup", "3:cpu:/", "4:memory:/")
    write(machine / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1")
    write(machine / "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000")
    write(machine / "sys/fs/cgroup/memory/memory.limit_in_bytes", NO_LIMIT_V1)
    write(machine / "sys/fs/cgroup/memory/memory.usage_in_bytes", str(GIB))
    assert (usable_cores(), available_memory()) == (8, 16 * GIB)


def test_a_group_that_is_full_leaves_nothing(machine: Path) -> None:
    write(machine / "proc/self/cgroup", "0::/")
    write(machine / "sys/fs/cgroup/memory.max", str(GIB))
    write(machine / "sys/fs/cgroup/memory.current", str(GIB + 4096))
    assert available_memory() == 0


def test_a_parent_may_give_fewer_cores_and_not_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FFHYBRID_CORES", "3")
    assert usable_cores() == 3
    monkeypatch.setenv("FFHYBRID_CORES", "64")
    assert usable_cores() == 8
    monkeypatch.setenv("FFHYBRID_CORES", "all")
    with pytest.raises(UsageError, match="FFHYBRID_CORES=all: it takes a number"):
        usable_cores()


@pytest.mark.parametrize(("threads", "each"), [(1, 8), (3, 2), (8, 1), (20, 1)])
def test_threads_that_work_at_once_share_the_cores(threads: int, each: int) -> None:
    assert set(in_order(range(40), lambda _: usable_cores(), threads=threads)) == {each}
    assert (share_cores(threads), usable_cores()) == (each, 8)


def test_threads_inside_threads_share_the_share() -> None:
    def inner(_: int) -> set[int]:
        return set(in_order(range(4), lambda _: usable_cores(), threads=2))

    assert [*in_order(range(4), inner, threads=2)] == [{2}] * 4


def test_affinity_counts() -> None:
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from ffhybrid.core.resources import usable_cores; print(usable_cores())"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
