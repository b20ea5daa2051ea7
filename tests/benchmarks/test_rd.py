"""Rate-distortion figures: what is won, what is merged into the kept file, what is not done twice, and what is seen."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from ffhybrid.panel import Panel
from ffhybrid.panel.values import Series
from quality import crops, rd, wavering
from quality.rd_results import Figures, RdFile, Row, Wavering
from quality.rd_tables import POOLS, print_tables
from quality.rd_verdicts import Verdict, duel, pairs, verdict, wavers
from support import clip

MEAN = POOLS["mean"]


def row(codec: str, *, name: str = "dog", point: float = 0.0064, size: int = 1000, **metrics: float) -> Row:
    """Figures of a clip of 125 pictures of 100x100: a thousand bytes at 0.0064 bits per pixel."""
    return Row(
        clip=name,
        width_limit=640,
        width=100,
        height=100,
        frames=125,
        frame_rate="25",
        md5=name,
        codec=codec,
        settings={"preset": "slow"},
        control="CRF 40",
        point=point,
        bitrate=1600,
        bytes=size,
        split={"I": 400, "P": 400, "B": size - 1000, "container": 200},
        pictures={"I": 1, "P": 4, "B": 120},
        encodes=4,
        encode_seconds=1.0,
        date="2026-11-30",
        machine="a machine",
        interval=8,
        metrics={metric: Figures(mean=value, worst_places=2 * value) for metric, value in metrics.items()},
    )


def printed(file: RdFile) -> str:
    """What the tables say."""
    console = Console(file=io.StringIO(), width=250, record=True)
    print_tables(file, console)
    return console.export_text()


@pytest.mark.parametrize(
    ("metric", "ours", "theirs", "expected"),
    [
        ("lpips", 0.098, 0.100, Verdict.WON),
        ("lpips", 0.099, 0.100, Verdict.EQUAL),
        ("dists", 0.102, 0.100, Verdict.LOST),
        ("ssimulacra2", -20.0, -20.5, Verdict.WON),
        ("ssimulacra2", 60.0, 60.4, Verdict.EQUAL),
        ("cvvdp", 8.00, 8.03, Verdict.LOST),
        ("vmaf_neg", 70.4, 70.0, Verdict.EQUAL),
        ("oklab", 1.03, 1.0, Verdict.LOST),
    ],
)
def test_thresholds_decide_what_is_won(metric: str, ours: float, theirs: float, expected: Verdict) -> None:
    assert verdict(metric, ours, theirs) is expected


def test_the_other_codec_is_taken_at_the_bytes_of_the_hybrid_file() -> None:
    rows = [
        row("hybrid", size=2000, dists=0.2),
        row("x265", dists=0.4),
        row("x265", point=0.0256, size=4000, dists=0.2),
    ]
    found = duel("dists", pairs(rows, "x265", 0.0064), MEAN)
    assert found is not None
    assert found.theirs == pytest.approx(0.3)
    assert found.difference == pytest.approx(-1 / 3)


def test_clips_are_averaged_and_counted() -> None:
    rows = [
        *(row("hybrid", name="dog", dists=0.1), row("x265", name="dog", dists=0.2)),
        *(row("hybrid", name="cups", dists=0.3), row("x265", name="cups", dists=0.2)),
        row("hybrid", name="alone", dists=0.9),
    ]
    found = duel("dists", pairs(rows, "x265", 0.0064), MEAN)
    assert found is not None
    assert (found.ours, found.theirs) == (pytest.approx(0.2), pytest.approx(0.2))
    assert found.verdict is Verdict.EQUAL
    assert [found.count(one) for one in Verdict] == [1, 1, 0]
    assert duel("lpips", pairs(rows, "x265", 0.0064), MEAN) is None


def test_files_of_other_pictures_are_not_compared() -> None:
    whole = replace(row("x265", dists=0.2), md5="the whole clip", frames=300)
    assert pairs([row("hybrid", dists=0.1), whole], "x265", 0.0064) == []


def test_newer_rows_take_the_place_of_older_ones_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "rd.json"
    old = [row("svtav1", dists=0.1), row("hybrid", dists=0.2), row("hybrid", name="cups", dists=0.3)]
    RdFile().merged(old).save(path)
    newer = replace(row("hybrid", dists=0.15), date="2026-12-24")
    RdFile.load(path).merged([newer]).save(path)
    kept = RdFile.load(path)
    assert [(one.clip, one.codec) for one in kept.rows] == [("cups", "hybrid"), ("dog", "hybrid"), ("dog", "svtav1")]
    assert kept.rows == [old[2], newer, old[0]]


def test_the_file_does_not_change_where_figures_do_not(tmp_path: Path) -> None:
    path, rows = tmp_path / "rd.json", [row("hybrid", dists=0.2, psnr=30.0), row("x265", dists=0.3)]
    RdFile().merged(rows).save(path)
    before = path.read_text()
    RdFile.load(path).merged([replace(one, date="2027-01-01", machine="another") for one in rows]).save(path)
    assert path.read_text() == before
    RdFile.load(path).merged([row("x265", dists=0.31)]).save(path)
    changed = [
        pair for pair in zip(before.splitlines(), path.read_text().splitlines(), strict=True) if len(set(pair)) > 1
    ]
    assert [pair[1].strip() for pair in changed] == ['"dists": [0.31, null, 0.62, null, null]}}],']


def test_files_of_another_version_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rd.json").write_text('{"schema": 0}')
    with pytest.raises(ValueError, match="schema 0"):
        RdFile.load(tmp_path / "rd.json")


def test_tables_mark_winners_count_clips_and_name_files_off_their_size() -> None:
    rows = [row("hybrid", dists=0.1, vmaf_neg=60.0), row("x265", dists=0.2, vmaf_neg=70.0)]
    rows += [row("x265-best", size=1030, dists=0.08, vmaf_neg=60.2)]
    waver = Wavering(
        clip="dog",
        width_limit=640,
        codec="x265-best",
        point=0.0064,
        encodes=10,
        date="2026-11-30",
        metrics={"dists": Figures(mean=0.012)},
    )
    lines = printed(RdFile(rows, [waver])).splitlines()
    averages = [line.split() for line in lines if line.split()[2:3] == ["mean"]]
    assert [words[3] for words in averages] == ["hybrid", "x265", "x265-best"]
    assert [[word for word in words if word.endswith("*")] for words in averages] == [[], ["70.00*"], ["0.0800*"]]
    duels = [line for line in lines if " won 1, lost 1, equal 0 " in line]
    assert len(duels) == 1, "against x265's defaults DISTS is won and VMAF-NEG lost"
    assert any("1.2 %" in line and "DISTS" in line for line in lines), "the wavering stands beside the difference"
    assert any("not worse / worse / lost" in line and "0 / 1 / 1" in line for line in lines)
    assert any(line.startswith("dog x265-best at 0.0064: 1030 bytes, +3.0 %") for line in lines)


def test_wavering_is_the_root_mean_square_over_clips() -> None:
    one = Wavering(
        clip="dog", width_limit=640, codec="x265", point=0.01, encodes=4, date="", metrics={"dists": Figures(mean=0.03)}
    )
    other = replace(one, clip="cups", metrics={"dists": Figures(mean=0.04)})
    assert wavers([one, other], "dists", MEAN, point=0.01) == pytest.approx(math.sqrt(0.00125))
    assert wavers([one, other], "dists", MEAN, point=0.02) is None


def test_what_follows_the_size_does_not_waver() -> None:
    def panel(dists: float, psnr: float) -> Panel:
        return Panel.of({"dists": Series(values=(dists,)), "psnr": Series(values=(psnr,))}, interval=8)

    sizes = (1000, 1010, 1020, 1030)
    steady = [panel(100 / size, math.log(size)) for size in sizes]
    assert wavering.wavering(sizes, steady, "dists").mean == pytest.approx(0, abs=1e-5)
    assert wavering.wavering(sizes, steady, "psnr").mean == pytest.approx(0, abs=1e-5)
    uneven = [panel(0.1, 30 + offset) for offset in (0.1, -0.1, -0.1, 0.1)]
    found = wavering.wavering(sizes, uneven, "psnr")
    assert found.mean == pytest.approx(0.2 / math.sqrt(2), rel=0.01)
    assert found.worst_places is None


Benchmark = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Benchmark:
    """Runs a benchmark on 12 pictures of a clip; gives what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(main: Callable[[], None], *arguments: str) -> str:
        common = f"--clips {clip('bikes.mp4')} --frames 12 --width 160 --points 0.15 --codecs x265 x265-best"
        monkeypatch.setattr("sys.argv", ["benchmark", *common.split(), *arguments])
        main()
        return capsys.readouterr().out

    return run


def test_a_run_goes_on_where_one_ended_and_one_file_is_measured_again_alone(
    run: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rd, "X265_PRESET", "ultrafast")
    cheap = ("--candidates", "0", "--metrics", "psnr", "vmaf_neg", "--json", "rd.json")
    first = run(rd.main, *cheap)
    assert first.count("encoding") == first.count("measuring") == 2
    before = (tmp_path / "rd.json").read_text()
    rows = json.loads(before)["rows"]
    assert [one["codec"] for one in rows] == ["x265", "x265-best"]
    assert all(one["bytes"] == sum(one["split"].values()) for one in rows)
    mean, _, _, keyframe, others = rows[0]["metrics"]["psnr"]
    assert mean == pytest.approx((keyframe + 11 * others) / 12, abs=0.01)

    again = run(rd.main, *cheap)
    assert again.count("known") == 2
    assert (tmp_path / "rd.json").read_text() == before
    once_more = run(rd.main, *cheap, "--again", "bikes", "x265", "0.15")
    assert (once_more.count("known"), once_more.count("encoding")) == (1, 1)
    with pytest.raises(SystemExit):
        run(rd.main, *cheap, "--again", "bikes", "x265", "0.2")
    assert "Averages over clips" in run(rd.main, "--print", "rd.json")

    monkeypatch.setitem(crops.PLACES, "bikes", (crops.Place(4, 60, 20, size=16, across=160), crops.Place(90, 0, 0)))
    assert "bikes-0.15.png" in run(crops.main, "--images", "images")
    image = Image.open(tmp_path / "images" / "bikes-0.15.png")
    assert image.size == (3 * 32 + 2 * crops.GAP, crops.LABEL_ROWS + 32)
    x265 = image.crop((72, crops.LABEL_ROWS, 104, crops.LABEL_ROWS + 32))
    halved = x265.resize((16, 16), Image.Resampling.NEAREST).resize((32, 32), Image.Resampling.NEAREST)
    assert x265.tobytes() == halved.tobytes(), "every sample is four, nothing is interpolated"


def test_places_are_the_same_in_pictures_of_any_size_and_end_with_them() -> None:
    place = crops.Place(0, 320, 180, size=100)
    assert place.box(640, 360) == (320, 180, 420, 280)
    assert place.box(1280, 720) == (640, 360, 840, 560)
    assert crops.Place(0, 600, 300, size=100).box(640, 360) == (540, 260, 640, 360)
