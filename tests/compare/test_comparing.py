"""A comparison from end to end: sizes, bytes, resuming, and what the page has of it."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ffhybrid.cli import main
from ffhybrid.compare import CompareOptions, Results, compare
from ffhybrid.compare.comparing import ComparisonStep
from ffhybrid.errors import CorruptDataError, UsageError
from ffhybrid.options import EncodeOptions
from ffhybrid.panel import PanelOptions, missing
from ffhybrid.source.gop_planning import GopLimits
from ffhybrid.x265.options import X265Options
from support import clip

RATES = (50_000, 100_000)
OPTIONS = CompareOptions(
    bitrates=RATES,
    codecs=("hybrid", "x265"),
    encode=EncodeOptions(
        generator="thumbnail",
        x265=X265Options(preset="veryfast"),
        limits=GopLimits(length=30, scene_threshold=0),
        budgets=1,
        candidates=1,
    ),
    frames=30,
    width=160,
    panel=PanelOptions(metrics=("lpips", "oklab", "ssimulacra2", "vmaf", "psnr", "ssim"), interval=6),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the report of a small clip: two codecs at two rates."""
    return tmp_path_factory.mktemp("comparison") / "report"


@pytest.fixture(scope="module")
def results(folder: Path) -> Results:
    """What was found on the way there."""
    return compare(clip("bikes.mp4"), folder, options=OPTIONS)


def test_every_codec_is_measured_at_every_rate(results: Results) -> None:
    points = results.selected()
    assert [(point.codec, point.bitrate) for point in points] == [
        (codec, rate) for codec in OPTIONS.codecs for rate in RATES
    ]
    for point in points:
        assert point.rate == pytest.approx(point.bitrate, rel=0.08)
        counts = {name: len(values) for name, values in point.panel.series.items()}
        assert {counts.pop(name) for name in ("psnr", "ssim", "vmaf")} == {sum(point.pictures.values())} == {30}
        assert set(counts) == {"lpips", "oklab", "ssimulacra2"} - set(missing())
        assert set(counts.values()) == {5}
        assert (point.restore_seconds is not None) == (point.codec == "hybrid")


def test_more_bytes_are_better(results: Results) -> None:
    low, high = results.selected()[2:]
    assert low.mean("psnr") < high.mean("psnr")
    assert low.mean("vmaf") < high.mean("vmaf")


def test_the_split_of_bytes_adds_up_to_the_file(results: Results, folder: Path) -> None:
    for point in results.selected():
        assert sum(point.split.values()) == point.size == (folder / point.stream).stat().st_size


def test_results_are_one_json_object_with_values_of_every_frame(results: Results, folder: Path) -> None:
    found = json.loads((folder / "results.json").read_text())
    assert found["clip"]["frames"] == 30
    assert [entry["key"] for entry in found["points"]] == found["shown"] == results.shown
    first = found["points"][0]
    panel = first["panel"]
    assert panel["pooled"]["psnr"]["mean"] == pytest.approx(sum(panel["series"]["psnr"]) / 30)
    assert panel["pooled"]["oklab"]["worst_places"] > panel["pooled"]["oklab"]["mean"]
    assert first["settings"]["x265"]["preset"] == "veryfast"


def test_nothing_is_computed_twice(results: Results, folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (folder / "streams").iterdir()}
    steps: list[ComparisonStep] = []
    again = compare(clip("bikes.mp4"), folder, options=OPTIONS, report=False, on_step=steps.append)
    assert [step.note for step in steps] == ["known"] * 4
    assert again.selected() == results.selected()
    assert {path: path.stat().st_mtime_ns for path in (folder / "streams").iterdir()} == before


def test_what_is_new_is_computed_and_what_was_there_is_kept(results: Results, folder: Path) -> None:
    more = replace(OPTIONS, codecs=("x265",), bitrates=(50_000, 70_000))
    steps: list[ComparisonStep] = []
    found = compare(clip("bikes.mp4"), folder, options=more, report=False, on_step=steps.append)
    assert {(step.bitrate, step.note == "known") for step in steps} == {(50_000, True), (70_000, False)}
    assert len(found.selected()) == 2
    assert len(found.points) == 5


def test_what_is_asked_for_anew_is_measured_without_encoding(results: Results, folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("again"))
    one = replace(OPTIONS, codecs=("x265",), bitrates=RATES[:1], panel=PanelOptions(metrics=("xpsnr", "psnr")))
    steps: list[ComparisonStep] = []
    again = compare(clip("bikes.mp4"), folder.with_name("again"), options=one, report=False, on_step=steps.append)
    assert [step.note for step in steps] == ["measuring"]
    before, after = results.selected()[2], again.selected()[0]
    assert set(after.panel.series) == {"xpsnr", "psnr"}
    assert after.panel.series["psnr"] == before.panel.series["psnr"]
    assert replace(after, panel=before.panel) == before


def test_what_is_wanted_again_is_made_again_alone(results: Results, folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (folder / "streams").iterdir()}
    steps: list[ComparisonStep] = []
    pair = ("x265", RATES[1])
    found = compare(clip("bikes.mp4"), folder, options=OPTIONS, report=False, again={pair}, on_step=steps.append)
    assert {(step.codec, step.bitrate) for step in steps if step.note != "known"} == {pair}
    after = {path: path.stat().st_mtime_ns for path in (folder / "streams").iterdir()}
    assert [path.name.split("-")[:2] for path in after if after[path] != before[path]] == [["x265", "100000"]]
    assert found.newest(*pair) == list(found.points.values())[-1]


def test_an_encode_outlives_an_interruption_of_its_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = replace(OPTIONS, codecs=("x265",), bitrates=RATES[:1], panel=PanelOptions(metrics=("psnr",)))

    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ffhybrid.compare.comparing.measure", interrupt)
        with pytest.raises(KeyboardInterrupt):
            compare(clip("bikes.mp4"), tmp_path, options=one, report=False)
    steps: list[ComparisonStep] = []
    found = compare(clip("bikes.mp4"), tmp_path, options=one, report=False, on_step=steps.append)
    assert [step.note for step in steps] == ["measuring"]
    assert found.selected()[0].mean("psnr") > 20


def test_a_stream_that_is_gone_is_made_again(results: Results, folder: Path) -> None:
    lost = folder / results.selected()[2].stream
    lost.unlink()
    one = replace(OPTIONS, codecs=("x265",), bitrates=RATES[:1])
    compare(clip("bikes.mp4"), folder, options=one, report=False)
    assert lost.is_file()


def test_the_page_has_plots_and_opens_with_x265_beside_the_hybrid_file(results: Results, folder: Path) -> None:
    page = (folder / "index.html").read_text()
    metrics = results.selected()[0].panel.series
    assert page.count("<svg") == len(metrics) + (len(RATES) if "lpips" in metrics else 0)
    viewer = json.loads(re.search(r'id="views">(.*?)</script>', page).group(1))  # type: ignore[union-attr]
    assert viewer["opening"] == ["x265", "hybrid"]
    assert [rate["rate"] for rate in viewer["rates"]] == ["50 kbit/s", "100 kbit/s"]


def test_a_file_of_another_kind_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"schema": 1}')
    with pytest.raises(CorruptDataError, match="remove it, or give another folder"):
        compare(clip("bikes.mp4"), tmp_path, options=OPTIONS)
    assert (tmp_path / "results.json").read_text() == '{"schema": 1}'


def test_a_missing_package_is_named_before_anything_is_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(UsageError, match=r"jinja2: pip install 'ffhybrid\[report\]'"):
        compare(clip("bikes.mp4"), tmp_path / "report", options=OPTIONS)
    assert not (tmp_path / "report").exists()


def test_the_command_prints_a_line_a_point(results: Results, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = f"compare -i {clip('bikes.mp4')} -o {folder} -b:v 50k,100k -codecs hybrid,x265 -g 30 -frames:v 30"
    command += (
        " -width 160 -preset veryfast -kf thumbnail -kf:budgets 1 -candidates 1 -metric_interval 6 -metrics psnr,oklab"
    )
    assert main(command.split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["codec", "hybrid", "hybrid", "x265", "x265"]
    assert lines[3].split()[2] == str(results.selected()[2].size)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("-b:v 100k,nothing", "'nothing' is no bitrate"),
        ("-b:v 100k -s 640", "'640' is no picture size"),
        ("-b:v 100k -codecs h264", "no codec 'h264'"),
        ("-b:v 100k -metrics psnr,mos", "no metric 'mos'"),
    ],
)
def test_usage_errors_name_what_is_wrong(
    arguments: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["compare", "-i", str(clip("bikes.mp4")), "-o", str(tmp_path / "report"), *arguments.split()]
    try:
        code = main(command)
    except SystemExit as error:  # argparse's own
        code = error.code
    assert code == 2
    assert words in capsys.readouterr().err
