"""A folder is encoded file by file; what is done is passed over, what fails stops nothing else."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

import ffhybrid
from farm_clips import OPTIONS, SPEED, WORDS, events
from ffhybrid.batching import RECORD, BatchEntry
from ffhybrid.errors import UsageError
from support import run

SHORT = replace(OPTIONS, frames=12)
batch = partial(ffhybrid.batch, options=SHORT, engine="local:1")


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
    entries = batch(folder, out)
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
    batch(folder, out)
    with (out / RECORD).open("a") as file:
        file.write('{"name": "cut sh')
    assert outcomes(batch(folder, out)) == [("a.mkv", "skipped"), ("b.mkv", "skipped")]

    os.utime(folder / "a.mp4")
    with (out / "more" / "b.mkv").open("ab") as file:
        file.write(b"\0")
    entries = batch(folder, out)
    assert outcomes(entries) == [("a.mkv", "failed"), ("b.mkv", "failed")]
    assert all("made otherwise (give -y" in entry.error for entry in entries)
    assert outcomes(batch(folder, out, overwrite=True)) == [("a.mkv", "done"), ("b.mkv", "done")]


def test_outputs_of_other_muxer_options_are_made_otherwise(small_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    shutil.copy(small_clip, tmp_path / "clips")
    fragmented = replace(SHORT, format_options={"movflags": "frag_keyframe+empty_moov"})
    for options, outcome in ((fragmented, "done"), (fragmented, "skipped"), (SHORT, "failed")):
        (entry,) = batch(tmp_path / "clips", tmp_path / "out", options=options, suffix=".mp4")
        assert entry.outcome == outcome
    assert "made otherwise" in entry.error


def test_two_files_for_one_output_are_refused_before_any_work(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "a.mp4", folder / "a.mkv")
    with pytest.raises(UsageError, match=r"a\.mp4 and .*a\.mkv would both become"):
        batch(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="no files with the extensions .mxf"):
        batch(folder, tmp_path / "out", extensions=("mxf",))


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
