"""Options as an ffmpeg user writes them: matched whole, unknown ones named, help that fits, docs that are true."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ffhybrid.cli import main
from ffhybrid.cli.commands import COMMANDS, parser_of
from ffhybrid.errors import UsageError
from ffhybrid.filters import registry
from ffhybrid.muxer.libav.muxer_options import names_of_all_muxers, options_of
from support import ffhybrid_command

ROOT = Path(__file__).parents[2]
CLI_PAGE = (ROOT / "docs" / "CLI.md").read_text()
SCREENS = 60
HEAVY = {"av", "numpy", "rich", "torch"}


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a command says when it is used wrongly."""
    assert main(arguments) == UsageError.exit_code
    found = capsys.readouterr()
    assert (found.out, found.err.count("\n")) == ("", 1)
    return found.err.rstrip()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("encode -i in.mp4 -presett slow out.mkv", "ffhybrid encode: unknown option -presett; did you mean -preset?"),
        ("encode -i in.mp4 -crf30 out.mkv", "ffhybrid encode: unknown option -crf30; did you mean -crf?"),
        ("encode -i in.mp4 -crf=30 out.mkv", "ffhybrid encode: unknown option -crf=30; did you mean -crf?"),
        ("encode -i in.mp4 --crf 30 out.mkv", "ffhybrid encode: unknown option --crf; did you mean -crf?"),
        ("encode -i in.mp4 -ta 0.1 out.mkv", "ffhybrid encode: unknown option -ta; did you mean -t?"),
        ("encode -i in.mp4 -target-lpips 0.1 out.mkv", "option -target-lpips; did you mean -target lpips=VALUE?"),
        ("encode -i in.mp4 -target 0.1 out.mkv", "ffhybrid encode: -target: 0.1: write METRIC=VALUE"),
        ("encode -i in.mp4 -target vmaf=90 -crf 30 out.mkv", "give -target or -crf, not both"),
        ("encode -i in.mp4 -target vmaf=90 -b:v 90k out.mkv", "give -b:v or -target, not both"),
        ("encode -i in.mp4 -maxrate 90k out.mkv", "-maxrate and -bufsize belong to -b:v or -target"),
        ("encode -i in.mp4 -target vmaf=90 -bufsize 90k out.mkv", "-bufsize belongs to -maxrate"),
        ("encode -i in.mp4 -refine 1 out.mkv", "unknown option -refine; did you mean -kf:refine?"),
        ("encode -i in.mp4 -repair out.mkv", "unknown option -repair; did you mean -kf:repair?"),
        ("encode -i in.mp4 -codec promptus out.mkv", "unknown option -codec; did you mean -mode?"),
        ("encode -i in.mp4 -kf:scale 2 out.mkv", "unknown option -kf:scale; did you mean -kf-params scale=VALUE?"),
        ("encode -i in.mp4 -kf:interval 2 out.mkv", "did you mean -kf-params interval=VALUE?"),
        ("encode -i in.mp4 -acodec aac out.mkv", "unknown option -acodec; did you mean -c:a?"),
        ("encode -i in.mp4 -c:v libx265 out.mkv", "unknown option -c:v; did you mean -x265-params (x265 codes all"),
        ("encode -i in.mp4 -s 640x360 out.mkv", "unknown option -s; did you mean -vf scale=W:H?"),
        ("encode -i in.mp4 -crf much out.mkv", "ffhybrid encode: -crf: invalid float value: 'much'"),
        ("encode -i in.mp4 -preset fastr out.mkv", "did you mean faster?"),
        ("encode -i in.mp4 -placeholder gray out.mkv", "-placeholder: 'gray' is none of preview, grey"),
        ("encode -i in.mp4 out.mkv -crf", "ffhybrid encode: -crf needs a value"),
        ("encode -i in.mp4", "required: OUTPUT (ffhybrid encode -h"),
        ("restore -i in.mkv -thread 2 out.mp4", "ffhybrid restore: unknown option -thread; did you mean -threads?"),
        ("restore -i in.mkv -th 2 out.mp4", "ffhybrid restore: unknown option -th"),
        ("remux -i in.mkv -hls_tim 4 out.m3u8", "ffhybrid remux: unknown option -hls_tim; did you mean -hls_time?"),
        ("verify -of xml in.mkv", "ffhybrid verify: -of: 'xml' is none of default, json"),
        ("probe in.mkv other.mkv", "ffhybrid probe: unrecognized arguments: other.mkv"),
        ("probe -movflags faststart in.mkv", "ffhybrid probe: unknown option -movflags"),
        ("job walk 1.json", "ffhybrid job: run: 'walk' is none of run"),
        ("encoed -i in.mp4 out.mkv", "ffhybrid: unknown command encoed; did you mean encode?"),
        ("", "ffhybrid: which command?"),
    ],
)
def test_what_is_not_understood_is_named_on_one_line(
    arguments: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refusal(capsys, *arguments.split())


def test_the_word_behind_an_option_is_its_value() -> None:
    options = parser_of("encode").parse(
        ["-i", "-odd.mp4", "-map", "-0:s", "-map", "0:v", "-kf:seed", "-3", "-vf", "a=b", "-x265-params", "", "-"]
    )
    assert (str(options.input), options.map, options.kf_seed) == ("-odd.mp4", ["-0:s", "0:v"], -3)
    assert (options.filters, options.x265_params, str(options.output)) == ("a=b", "", "-")


def test_options_of_muxers_are_taken_by_name() -> None:
    options = parser_of("remux").parse(
        ["-i", "in.mkv", "-movflags", "+frag_keyframe", "-hls_time", "4", "-flush_packets", "-1", "-y", "out.m3u8"]
    )
    assert options.format_options == {"movflags": "+frag_keyframe", "hls_time": "4", "flush_packets": "-1"}
    assert options.y


def test_libavformat_lists_what_its_muxers_have() -> None:
    assert options_of("hls")["hls_time"].help == "set segment length"
    assert options_of("dash")["media_seg_name"].is_text
    assert not options_of("mp4")["movflags"].is_text
    assert options_of("no such muxer") == {}
    assert {"movflags", "hls_flags", "segment_list", "fflags", "flush_packets"} <= names_of_all_muxers()
    assert not {"faststart", "probesize"} & names_of_all_muxers()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("-kf thumbnail -kf-params scal=2", "generator thumbnail has no 'scal'; did you mean scale?"),
        ("-kf thumbnail -kf-params qp", "-kf-params qp: write it as qp=VALUE"),
        ("-kf thumbnail -kf-params scale=two", "-kf-params scale=two: it takes a whole number"),
        ("-kf promptus -kf-params nested=yes", "-kf-params nested=yes: it takes 0 or 1"),
        ("-kf promptus -kf-params start=early", "-kf-params start=early: it takes a number"),
        ("-kf promptus -kf-params interval=5", "generator promptus has no 'interval' (it has scale, nested, start)"),
        ("-mode promptus -kf-params nested=1", "generator promptus-video has no 'nested' (it has scale, interval)"),
        ("-kf-params scale=2", "generator enhance has no 'scale' (it has none)"),
    ],
)
def test_params_of_a_generator_are_its_own(
    arguments: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "out.mkv")
    assert words in re.sub(r"\s+", " ", refusal(capsys, "encode", "-i", "in.mp4", *arguments.split(), output))


def test_params_have_the_types_of_their_generator() -> None:
    found = registry.parse_keyframe_params("promptus", "nested=1:start=0.3:scale=2:scale=4")
    assert found == {"nested": True, "start": 0.3, "scale": 4}
    assert {name: registry.own_options(name) for name in registry.names()} == {
        "enhance": (),
        "overfit": (),
        "promptus": ("scale", "nested", "start"),
        "thumbnail": ("scale", "qp"),
        "vae": ("scale",),
        "vqgan": ("scale",),
        "cadm": ("scale",),
    }


def test_help_fits_on_two_screens_and_full_help_has_everything(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        short, full = shown(capsys, command, "-h"), shown(capsys, command, "-h", "full")
        assert len(short.splitlines()) <= SCREENS
        assert max(map(len, full.splitlines())) <= 100
        names = set(re.findall(r"^  (-[\w:-]+)", full, re.MULTILINE))
        assert names == set(parser_of(command).option_names())
        hidden = names - set(re.findall(r"^  (-[\w:-]+)", short, re.MULTILINE))
        assert (f"{command} -h full has {len(hidden)} more options" in short) == bool(hidden)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code in (0, None)
    return capsys.readouterr().out


def test_help_on_a_muxer_is_what_libavformat_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert re.search(r"^  -hls_time +set segment length$", shown(capsys, "remux", "-h", "muxer=hls"), re.MULTILINE)
    assert "FFmpeg has no muxer hsl" in refusal(capsys, "remux", "-h", "muxer=hsl")


def test_help_names_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-h"]) == 0
    assert re.findall(r"^  ([\w-]+)", capsys.readouterr().out, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("word", ["-version", "--version"])
def test_the_version_is_there_before_anything_heavy_is(word: str) -> None:
    command = [sys.executable, "-P", "-X", "importtime", "-m", "ffhybrid", word]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"ffhybrid \d+\.\d+\.\d+\S*\n", result.stdout)
    assert not HEAVY & {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in result.stderr.splitlines()}


def test_a_command_brings_its_own_modules_only() -> None:
    code = "import sys; from ffhybrid.cli.commands import parser_of; parser_of('probe'); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert not {"ffhybrid.compare", "ffhybrid.training", "ffhybrid.batching", "torch"} & set(result.stdout.split())


OPTION = re.compile(r"(?<![\w/.])-[a-z][\w:-]*")


def test_every_option_stands_in_the_docs() -> None:
    in_docs = set(OPTION.findall(CLI_PAGE))
    for command in COMMANDS:
        assert set(parser_of(command).option_names()) - in_docs == set(), command


def test_the_docs_name_no_option_that_there_is_not() -> None:
    rows = [line.split("|")[1] for line in CLI_PAGE.replace("\\|", "/").splitlines() if line.startswith("| `-")]
    named = {name for row in rows for span in re.findall(r"`[^`]+`", row) for name in OPTION.findall(span)}
    known = {name for command in COMMANDS for name in parser_of(command).option_names()}
    assert named - known - {f"-{name}" for name in names_of_all_muxers()} == {"-kf:"}


def commands_of(page: Path) -> list[str]:
    lines = re.findall(r"^    (ffhybrid \w+ [^|\n]*?)(?: +#.*)?$", page.read_text(), re.MULTILINE)
    return [line for line in lines if not re.search(r"\.\.\.|\[|COMMAND|\$\(", line)]


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))])
def test_the_commands_of_the_docs_are_understood(page: str) -> None:
    for line in commands_of(ROOT / page):
        _, command, *words = shlex.split(line)
        parser_of(command).parse(words)


def test_the_command_line_itself(tmp_path: Path) -> None:
    result = ffhybrid_command("restore", "-t1", "-i", "in.mkv", tmp_path / "out.mkv")
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith("ffhybrid restore: unknown option -t1")
