"""``-target``: every GOP has the value of a metric that was asked for, or what ``-maxrate`` leaves it, and says so."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ffhybrid
from ffhybrid.compare.clip import Clip, prepare
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import CodedGop, encode_native_idr
from ffhybrid.encoder.crf_search import MOST_PROBES, TOLERANCE, crf_control, search_crf
from ffhybrid.encoder.metric_target import MetricTarget
from ffhybrid.encoder.modes import encoder_for
from ffhybrid.encoder.quality import Judge
from ffhybrid.encoder.quality_target import SCALES, QualityTarget
from ffhybrid.encoder.rate_targets import Judged
from ffhybrid.encoder.secant_search import Probe
from ffhybrid.errors import UsageError
from ffhybrid.panel import METRICS, PanelOptions, look_at_gop, measure
from ffhybrid.panel.gop_metrics import GOP_INTERVAL
from ffhybrid.source.gop_planning import plan_gops
from ffhybrid.source.video import VideoSource
from support import clip as wheel_clip
from support import ffhybrid_command

FRAMES = 24
OPTIONS = ffhybrid.EncodeOptions(
    generator="thumbnail",
    x265=ffhybrid.X265Options(crf=34, preset="veryfast"),
    budgets=1,
    limits=ffhybrid.GopLimits(length=FRAMES, scene_threshold=0),
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """One second of 160x68 without loss."""
    return prepare(wheel_clip("bikes.mp4"), tmp_path_factory.mktemp("clip"), frames=FRAMES, width=160, height=None)


@pytest.fixture(scope="module")
def gop(small: Clip, tmp_path_factory: pytest.TempPathFactory) -> SourceGop:
    """The same as encoders see it."""
    with VideoSource(small.path) as source:
        limits = ffhybrid.GopLimits(length=FRAMES, scene_threshold=0)
        return next(plan_gops(source.frames(), source.info, tmp_path_factory.mktemp("gop"), limits=limits))


def native(gop: SourceGop, crf: float) -> CodedGop:
    return encode_native_idr(gop, replace(OPTIONS.x265, crf=crf))


def met(gop: SourceGop, wanted: str, *, most: int | None = None) -> tuple[Judged, int]:
    """Search for a target with x265's own keyframe; how many encodes that took comes second."""
    asked = []

    def encode(crf: float) -> CodedGop:
        asked.append(crf)
        return native(gop, crf)

    target = MetricTarget(
        source=gop, judge=Judge(None), wanted=QualityTarget.parse(wanted), lpips=None, device="cpu", most=most
    )
    return target.meet(encode, first_crf=OPTIONS.x265.crf), len(asked)


@pytest.mark.parametrize(
    "wanted",
    [
        *("ssimulacra2=75", "ssimulacra2=65:low"),
        *("vmaf=90", "vmaf=88:low", "vmaf_neg=80"),
        *("lpips=0.03", "lpips=0.03:low"),
    ],
)
def test_a_value_is_met_within_its_tolerance_in_a_few_encodes(wanted: str, gop: SourceGop) -> None:
    target = QualityTarget.parse(wanted)
    found, encodes = met(gop, wanted)
    values = look_at_gop(target.metric, found.gop.pictures(), gop, lpips=None)
    assert len(values) == (FRAMES // GOP_INTERVAL if METRICS[target.metric].sampled else FRAMES)
    lowest = sorted(values, reverse=METRICS[target.metric].lower_is_better)[: math.ceil(len(values) / 20)]
    assert found.reached == pytest.approx(np.mean(lowest) if target.low else np.mean(values))
    assert found.reached == pytest.approx(target.value, abs=target.tolerance * 1.01)
    assert found.cost == pytest.approx(found.gop.size, rel=0.25)
    assert encodes <= MOST_PROBES


@pytest.mark.parametrize(("poor", "good"), [("vmaf=70", "vmaf=88"), ("ssimulacra2=50", "ssimulacra2=75")])
def test_a_higher_quality_takes_more_bytes_and_the_low_of_it_more_still(poor: str, good: str, gop: SourceGop) -> None:
    cheap, dear, low = (met(gop, text)[0].gop for text in (poor, good, f"{good}:low"))
    assert cheap.size < dear.size < low.size


@pytest.mark.parametrize("metric", SCALES)
@pytest.mark.parametrize("part", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("bend", [0.6, 1.0, 1.6])
def test_searches_end_soon_on_curves_that_are_no_straight_lines(metric: str, part: float, bend: float) -> None:
    scale = SCALES[metric]
    perfect, worst = scale.perfect, scale.least if scale.perfect else scale.most
    wanted = QualityTarget(metric, perfect + part * (worst - perfect))
    asked = []

    def probe(crf: float) -> Probe[float]:
        asked.append(crf)
        far = math.exp(scale.slope * bend * (crf - 31) + 0.0004 * (crf - 31) ** 2)
        value = perfect + 0.4 * far * (worst - perfect)
        return Probe(wanted.ratio(value), 1, wanted.ratio(value), value)

    found = search_crf(
        probe, crf_control(scale.slope), first_crf=28, tolerance=wanted.log_tolerance, most_probes=MOST_PROBES
    )
    assert found == pytest.approx(wanted.value, abs=1.01 * wanted.tolerance)
    assert len(asked) <= MOST_PROBES - 2


def test_a_gop_that_would_exceed_the_cap_gets_what_the_cap_allows(gop: SourceGop) -> None:
    free, _ = met(gop, "vmaf=85")
    roomy, _ = met(gop, "vmaf=85", most=free.gop.size + 1)
    assert (roomy.gop.size, roomy.cost) == (free.gop.size, free.cost)
    most = free.gop.size * 2 // 3
    capped, _ = met(gop, "vmaf=85", most=most)
    assert most * 0.97 <= capped.gop.size <= most * (1 + TOLERANCE)
    assert capped.reached is not None
    assert capped.reached < 84
    assert capped.cost > 10 * free.cost


def test_of_two_gops_the_one_that_has_the_value_wins_then_the_one_that_comes_nearer(gop: SourceGop) -> None:
    wanted = QualityTarget("vmaf", 90)
    target = MetricTarget(source=gop, judge=Judge(None), wanted=wanted, lpips=None, device="cpu", most=1_000_000)
    coded = (native(gop, crf) for crf in (18, 16, 40, 46))
    good, better, poor, poorest = (target.meet(lambda _, one=one: one, first_crf=one.crf) for one in coded)
    assert good.cost == good.gop.size < better.cost == better.gop.size
    assert better.cost < poor.cost < poorest.cost


def test_a_file_has_the_value_by_the_panels_own_measurement(small: Clip, tmp_path: Path) -> None:
    path, restored = tmp_path / "vmaf.mkv", tmp_path / "restored.mkv"
    report = ffhybrid.encode(small.path, path, options=replace(OPTIONS, target=ffhybrid.QualityTarget("vmaf", 80)))
    (reported,) = report.gops
    assert reported.reached == pytest.approx(80, abs=0.51)
    ffhybrid.restore(path, restored)
    panel = measure(small, restored, options=PanelOptions(metrics=("vmaf",)))
    assert panel.mean("vmaf") == pytest.approx(reported.reached, abs=0.01)


def test_generated_keyframes_meet_targets_too(small: Clip, tmp_path: Path) -> None:
    path = tmp_path / "lpips.mkv"
    options = replace(OPTIONS, target=ffhybrid.QualityTarget("lpips", 0.15), fallback=False, speed=0)
    (gop,) = ffhybrid.encode(small.path, path, options=options).gops
    assert (gop.generator, gop.reached) == ("thumbnail", pytest.approx(0.15, abs=0.0031))


def test_maxrate_caps_a_target_and_a_log_line_says_so(
    small: Clip, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "capped.mkv"
    options = replace(
        OPTIONS,
        target=ffhybrid.QualityTarget("ssimulacra2", 88),
        rate=ffhybrid.Rate(maxrate=24_000),
        limits=ffhybrid.GopLimits(length=12, scene_threshold=0),
    )
    with caplog.at_level(logging.WARNING):
        report = ffhybrid.encode(small.path, path, options=options, engine="local:1")
    assert path.stat().st_size * 8 / report.seconds <= 24_000 * 1.03
    assert [gop.reached is not None and gop.reached < 86 for gop in report.gops] == [True, True]
    assert [line for line in caplog.messages if "GOP 1 has SSIMULACRA2" in line and "-maxrate leaves it" in line]


@pytest.mark.slow
def test_a_maxrate_that_is_not_reached_changes_nothing(small: Clip, tmp_path: Path) -> None:
    target = ffhybrid.QualityTarget("ssimulacra2", 20)
    free, capped = (
        ffhybrid.encode(small.path, tmp_path / f"{name}.mkv", options=replace(OPTIONS, target=target, rate=rate))
        for name, rate in (("free", None), ("capped", ffhybrid.Rate(maxrate=2_000_000, bufsize=1_000_000)))
    )
    assert free == capped


def test_the_command_line_says_what_was_reached(small: Clip, tmp_path: Path) -> None:
    words = ("-kf", "thumbnail", "-preset", "veryfast", "-kf:budgets", "1", "-target", "vmaf=85:low", "-of", "json")
    done = ffhybrid_command("encode", "-v", "info", *words, "-i", small.path, tmp_path / "low.mkv", check=True)
    found = json.loads(done.stdout)
    assert found["target_mean"] == found["target_worst"] == pytest.approx(85, abs=1.01)
    assert found["target_missed"] == 0
    assert found["gops"][0]["reached"] == pytest.approx(85, abs=1.01)
    assert "GOP 0 has VMAF (low) 8" in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("vmaf", "write METRIC=VALUE"),
        ("vmaf=much", "write METRIC=VALUE"),
        ("vmaf=nan", "write METRIC=VALUE"),
        ("vmaf=90:high", "write METRIC=VALUE or METRIC=VALUE:low"),
        ("vmaf=90:", "write METRIC=VALUE or METRIC=VALUE:low"),
        ("vmaf=100", "VMAF is asked for between 0 and 100"),
        ("lpips=0", "LPIPS alex is asked for between 0 and 1"),
        ("lpips=1.5", "LPIPS alex is asked for between 0 and 1"),
        ("ssimulacra2=-120", "SSIMULACRA2 is asked for between -100 and 100"),
        ("ssimulacra=70", "no such metric; did you mean ssimulacra2?"),
        ("mos=4", "no such metric; known are ssimulacra2, vmaf, vmaf_neg, lpips"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_what_can(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=f"-target .*{words}"):
        QualityTarget.parse(text)


@pytest.mark.parametrize("text", ["vmaf=90", "ssimulacra2=-20.5:low", "lpips=0.1"])
def test_a_target_is_written_as_it_is_read(text: str) -> None:
    assert str(QualityTarget.parse(text)) == text


@pytest.mark.usefixtures("without_weights")
def test_what_a_metric_takes_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {metric: replace(OPTIONS, target=ffhybrid.QualityTarget(metric, 0.5)) for metric in SCALES}
    monkeypatch.setattr("ffhybrid.core.extras.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"-target vmaf=0.5 takes imageio_ffmpeg: pip install 'ffhybrid\[report\]'"):
        encoder_for(options["vmaf"])
    with pytest.raises(UsageError, match=r"-target ssimulacra2=0.5 takes torch: pip install 'ffhybrid\[encode\]'"):
        encoder_for(options["ssimulacra2"])
    monkeypatch.setattr("ffhybrid.core.extras.find_spec", lambda name: object())
    with pytest.raises(
        UsageError, match="-target lpips=0.5 takes weights that are not on this machine: ffhybrid fetch-weights"
    ):
        encoder_for(options["lpips"])


def test_pictures_that_are_too_small_for_a_metric_are_refused(gop: SourceGop) -> None:
    narrow = replace(gop, spec=replace(gop.spec, width=16, height=16))
    with pytest.raises(UsageError, match="-target vmaf=90 takes pictures of 18x18 or larger, not 16x16"):
        encoder_for(replace(OPTIONS, target=ffhybrid.QualityTarget("vmaf", 90))).encode(narrow)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"target": QualityTarget("vmaf", 90), "rate": ffhybrid.Rate(bitrate=100_000)}, "give -b:v or -target"),
        ({"rate": ffhybrid.Rate(maxrate=100_000)}, "-maxrate and -bufsize belong to -b:v or -target"),
        ({"target": QualityTarget("vmaf", 90), "mode": ffhybrid.EncodeMode.PROMPTUS}, "-mode promptus has no P and B"),
    ],
)
def test_options_that_exclude_each_other_are_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        encoder_for(ffhybrid.EncodeOptions(**given))  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [{}, {"bufsize": 1000}, {"bitrate": 1000, "bufsize": 1000}])
def test_a_rate_is_a_bitrate_or_a_cap(given: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="-maxrate"):
        ffhybrid.Rate(**given)
