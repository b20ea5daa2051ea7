"""Files that earlier versions have written restore to what they always did."""

from __future__ import annotations

from pathlib import Path

import pytest

from frozen.freeze import FOLDER, manifest, restored_md5

FROZEN = manifest()


@pytest.mark.parametrize("name", FROZEN)
def test_a_frozen_file_restores_to_its_md5(name: str) -> None:
    assert restored_md5(FOLDER / name) == FROZEN[name]["md5"]


def test_every_frozen_file_is_known_and_there(tmp_path: Path) -> None:
    files = {path.name for path in FOLDER.iterdir() if path.suffix in (".mkv", ".mp4", ".ts")}
    assert files == set(FROZEN)
    assert {"hevc"} < {name for entry in FROZEN.values() for name in str(entry["generators"]).split()}
