"""A folder is encoded file by file; what is done is passed over, what fails stops nothing else."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from farm_clips import OPTIONS, SPEED, WORDS, events
from ffhybrid.batching import RECORD, Batch, BatchEntry
from ffhybrid.errors import UsageError
from support import run

BATCH = Batch(options=replace(OPTIONS, frames=12), engine="local:1")


@pytest.fixture
def folder(small_clip: Path, tmp_path: Path) -> Path:
    """Two good clips, one below a folder, a bad one, and something else."""
    clips = tmp_path / "clips"
    (clips / "more").mkdir(parents=True)
    shutil.copy(small_clip, clips / "a.mp4")
    shutil.copy(small_clip, clips / "more" / "b.MP4")
    (clips / "bad.mp4").write_bytes(small_clip.read_bytes()[:500])
    (clips / "notes.txt").write_text("no video")
    (clips / ".hidden.mp4").write_bytes(b"")
    return clips


def outcomes(entries: tuple[BatchEntry, ...]) -> list[tuple[str, str]]:
    return [(entry.output.name, entry.outcome) for entry in entries]


def test_good_files_are_done_and_bad_ones_named(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    entries = BATCH.run(folder, out)
    assert outcomes(entries) == [("a.mkv", "done"), ("bad.mkv", "failed"), ("b.mkv", "done")]
    assert "no media file" in entries[1].error
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()) == [
        RECORD,
        "a.mkv",
        "more/b.mkv",
    ]


def test_what_is_done_and_verified_is_passed_over_until_it_changes(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (folder / "bad.mp4").unlink()
    BATCH.run(folder, out)
    with (out / RECORD).open("a") as file:
        file.write('{"name": "cut sh')
    assert outcomes(BATCH.run(folder, out)) == [("a.mkv", "skipped"), ("b.mkv", "skipped")]

    os.utime(folder / "a.mp4")
    with (out / "more" / "b.mkv").open("ab") as file:
        file.write(b"\0")
    entries = BATCH.run(folder, out)
    assert outcomes(entries) == [("a.mkv", "failed"), ("b.mkv", "failed")]
    assert all("made otherwise (give -y" in entry.error for entry in entries)
    assert outcomes(replace(BATCH, overwrite=True).run(folder, out)) == [("a.mkv", "done"), ("b.mkv", "done")]


def test_two_files_for_one_output_are_refused_before_any_work(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "a.mp4", folder / "a.mkv")
    with pytest.raises(UsageError, match=r"a\.mp4 and .*a\.mkv would both become"):
        BATCH.run(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="no files with the extensions .mxf"):
        replace(BATCH, extensions=("mxf",)).run(folder, tmp_path / "out")


def test_the_command_ends_with_the_list_of_what_failed(folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.ndjson"
    command = [sys.executable, "-P", "-m", "ffhybrid", "batch", folder, tmp_path / "out", *WORDS, *SPEED]
    once = (*command, "-frames:v", "4", "-engine", "local:1", "-log", log, "-of", "json")
    result = run(*map(str, once), check=False)
    assert result.returncode == 1
    assert "1 of 3 files failed" in result.stderr
    assert "bad.mp4" in result.stderr.splitlines()[-1]
    assert [entry["outcome"] for entry in json.loads(result.stdout)] == ["done", "failed", "done"]
    assert len(events(log, "end")) == 2
    assert [Path(event["file"]).name for event in events(log, "error")] == ["bad.mp4"]
