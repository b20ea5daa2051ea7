"""A short version of ``reliability.kills``: one kill of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from reliability.encode_runs import EncodeRun, make_clip
from reliability.kills import COMMAND, WORKER, X265, Kill, kill_and_finish, undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("victim", [COMMAND, WORKER, X265])
def test_what_is_killed_is_finished_to_the_same_bytes(victim: str, tmp_path: Path) -> None:
    source, folder = make_clip(tmp_path / "source.mp4", gops=4), tmp_path / "killed"
    wanted, _ = undisturbed(source, tmp_path / "first", "local:1", "thumbnail")
    folder.mkdir()
    run = EncodeRun(source, folder, "local:2", "thumbnail")
    survived = kill_and_finish(run, Kill(victim, 0.3), wanted)
    assert survived is not None
    assert survived.is_good
    assert (survived.exit_code == 0) == (victim != COMMAND)
