"""Files say in words what they are, to people and to stock tools, and checking decoders find nothing to complain of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import av
import pytest

import ffhybrid
from ffhybrid.muxer.carriage import split_access_unit, stripped_access_units
from ffhybrid.muxer.matroska.writer import MatroskaWriter
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.muxer.statement import HYBRID_STATEMENT, STATEMENT_UUID, restored_statement
from ffhybrid.restorer.provenance import Provenance
from ffhybrid.restorer.splice import restore_gop
from media import ffmpeg
from support import EXACT, ffhybrid_command, ffmpegs, hybrid_gops, run, statements, tool

RESTORED = restored_statement(["thumbnail"])
MDTA = {"movflags": "use_metadata_tags"}


def tag(path: Path) -> str | None:
    """The statement among the tags of a file."""
    with av.open(path) as container:
        return {name.upper(): value for name, value in container.metadata.items()}.get("FFHYBRID")


@pytest.mark.parametrize(
    ("name", "options", "has_tag"),
    [
        ("there.mkv", {}, True),
        ("there.nut", {}, True),
        ("there.mp4", MDTA, True),
        ("there.mp4", {}, False),
        ("there.ts", {}, False),
    ],
)
def test_a_file_says_whether_it_is_restored(
    tiny_file: Path, name: str, options: Mapping[str, str], has_tag: bool, tmp_path: Path
) -> None:
    hybrid, restored = tmp_path / f"hybrid-{name}", tmp_path / f"restored-{name}"
    output = ffhybrid.OutputOptions(format_options=options)
    ffhybrid.remux(tiny_file, hybrid, options=output)
    ffhybrid.restore(hybrid, restored, options=output)
    assert statements(hybrid) == [HYBRID_STATEMENT, None, None, None]
    assert statements(restored) == [RESTORED, None, None, None]
    assert (tag(hybrid), tag(restored)) == ((HYBRID_STATEMENT, RESTORED) if has_tag else (None, None))


def test_a_stripped_file_says_nothing(tiny_file: Path, tmp_path: Path) -> None:
    ffhybrid.strip(tiny_file, tmp_path / "stripped.mkv")
    assert STATEMENT_UUID in tiny_file.read_bytes()
    assert STATEMENT_UUID not in (tmp_path / "stripped.mkv").read_bytes()
    assert tag(tmp_path / "stripped.mkv") is None


def test_a_tag_of_a_former_life_does_not_stay(tiny_file: Path, tmp_path: Path) -> None:
    liar = tmp_path / "liar.mkv"
    ffmpeg("-i", tiny_file, "-map", "0", "-c", "copy", "-metadata", "ffhybrid=gold", liar)
    assert tag(liar) == "gold"
    ffhybrid.strip(liar, tmp_path / "stripped.mkv")
    ffhybrid.restore(liar, tmp_path / "restored.mkv")
    assert (tag(tmp_path / "stripped.mkv"), tag(tmp_path / "restored.mkv")) == (None, RESTORED)


def test_files_that_were_joined_are_one_when_they_are_restored(tiny_file: Path, tmp_path: Path) -> None:
    joined, restored = tmp_path / "joined.mkv", tmp_path / "restored.mkv"
    run(tool("mkvmerge"), "-q", "-o", joined, tiny_file, "+", tiny_file)
    assert statements(joined) == [HYBRID_STATEMENT, None, None, None] * 2
    ffhybrid.restore(joined, restored)
    assert statements(restored) == [RESTORED, *[None] * 7]
    ffhybrid.remux(joined, tmp_path / "again.mkv")
    assert statements(tmp_path / "again.mkv") == [HYBRID_STATEMENT, *[None] * 7]


def test_a_cut_file_need_not_say_it(tiny_file: Path, tmp_path: Path) -> None:
    cut, restored = tmp_path / "cut.mkv", tmp_path / "restored.mkv"
    ffmpeg("-ss", "1.2", "-i", tiny_file, "-map", "0", "-c", "copy", cut)
    assert statements(cut) == [None, None]
    assert ffhybrid.probe(cut).state == "hybrid, not restored"
    ffhybrid.restore(cut, restored)
    assert statements(restored) == [RESTORED, None]


def test_a_keyframe_names_a_generator_that_was_not_named(tiny_file: Path) -> None:
    """A stream may begin with pictures that nothing generated."""
    whole = restore_gop(hybrid_gops(tiny_file)[0])
    provenance, said = Provenance(), []
    for generator in (None, "overfit", "overfit", None, "vae", "overfit"):
        keyframe, *inter = provenance.stated(replace(whole, generator=generator)).access_units
        unit = split_access_unit(keyframe.nal_units)
        assert (unit.picture, tuple(inter)) == (whole.access_units[0].nal_units, whole.access_units[1:])
        said.append(unit.statement)
    named = (restored_statement(names) for names in ([], ["overfit"], ["overfit", "vae"]))
    assert said == [next(named), next(named), None, None, next(named), None]


def test_probe_and_verify_say_that_a_file_is_not_restored(tiny_file: Path) -> None:
    assert f"{tiny_file}: hybrid, not restored; matroska" in ffhybrid_command("probe", tiny_file).stdout
    assert ffhybrid_command("verify", tiny_file).stdout.startswith("state=hybrid, not restored\n")


@pytest.mark.parametrize("command", ["probe", "restore"])
def test_a_restored_file_is_known_by_its_words(tiny_file: Path, command: str, tmp_path: Path) -> None:
    ffhybrid.restore(tiny_file, tmp_path / "restored.mkv")
    arguments = {"probe": ["restored.mkv"], "restore": ["-i", "restored.mkv", "again.mkv"]}[command]
    paths = [tmp_path / part if part.endswith(".mkv") else part for part in arguments]
    result = ffhybrid_command(command, *paths)
    assert result.returncode == 3
    assert result.stderr.rstrip().endswith(f"so this is no hybrid file; it says: {RESTORED}")


@pytest.mark.parametrize("binary", sorted(ffmpegs()))
def test_decoders_that_check_hashes_find_none_in_a_hybrid_file(tiny_file: Path, binary: str, tmp_path: Path) -> None:
    """Until it is restored; hashes in the open would not be those of what stock decoders show."""
    decode = (ffmpegs()[binary], "-v", "warning", *EXACT, "-i")
    assert run(*decode, tiny_file, "-map", "0:v:0", "-f", "framecrc", "-").stderr == ""
    with HybridReader(tiny_file) as reader, (tmp_path / "open.mkv").open("wb") as file:
        gops = list(reader.gops())
        with MatroskaWriter(file, video=reader.video, carriage=None) as writer:
            for gop in gops:
                units = (stripped_access_units(gop)[0], *gop.inter)
                writer.write_access_units(units, gop.parameter_sets.nal_units, gop.time_base)
    assert run(*decode, tmp_path / "open.mkv", "-f", "framecrc", "-", check=False).returncode != 0


def test_libde265_finds_no_hashes_in_a_hybrid_file_either(tiny_file: Path, tmp_path: Path) -> None:
    ffmpeg("-i", tiny_file, "-map", "0:v:0", "-c", "copy", tmp_path / "hybrid.hevc")
    result = run(tool("libde265-dec265"), "-c", "-q", tmp_path / "hybrid.hevc")
    assert "mismatch" not in result.stdout + result.stderr
