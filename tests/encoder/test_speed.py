"""The ladder of ``-speed``: every step meets the rate and restores exactly, and later ones encode less."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import ffhybrid
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import Keyframe
from ffhybrid.encoder.progress import GopProgress, Stage
from ffhybrid.encoder.speed import EFFORTS, Comparing, effort_of
from ffhybrid.errors import UsageError
from ffhybrid.filters import Likeness
from ffhybrid.restorer.generators import create
from ffhybrid.x265.reference_lock import encode_locked, encode_nearly_locked
from support import clip, first_gop

BITRATE = 60_000
OPTIONS = ffhybrid.EncodeOptions(
    generator="enhance",
    generator_options={"device": "cpu"},
    rate=ffhybrid.Rate(bitrate=BITRATE),
    limits=ffhybrid.GopLimits(length=10, scene_threshold=0),
    frames=20,
    source=ffhybrid.SourceOptions(filters="crop=160:96"),
    streams=ffhybrid.StreamOptions(audio=False),
)


def stages_of(path: Path, options: ffhybrid.EncodeOptions) -> tuple[ffhybrid.EncodeReport, Counter[Stage]]:
    """Encode, and count the encodes of every stage."""
    found: Counter[Stage] = Counter()

    def on_progress(progress: GopProgress) -> None:
        found[progress.stage] += progress.frame == 0

    report = ffhybrid.encode(
        clip("carphone_pristine.mp4"), path, options=options, on_progress=on_progress, engine="local:1"
    )
    return report, found


@pytest.mark.parametrize("speed", [pytest.param(0, marks=pytest.mark.slow), 1, 2, 3])
def test_every_speed_meets_the_rate_and_restores_exactly(speed: int, tmp_path: Path) -> None:
    path = tmp_path / "speed.mkv"
    report, stages = stages_of(path, replace(OPTIONS, speed=speed))
    assert path.stat().st_size * 8 / report.seconds == pytest.approx(BITRATE, rel=0.04)
    assert ffhybrid.verify(path).pictures == 20
    assert (stages[Stage.NATIVE] > 0) == (effort_of(speed).comparing is not Comparing.NOT)


def test_a_keyframe_of_another_generator_is_compared_with_that_of_x265_at_any_speed(tmp_path: Path) -> None:
    _, stages = stages_of(tmp_path / "thumbnail.mkv", replace(OPTIONS, generator="thumbnail", generator_options={}))
    assert stages[Stage.NATIVE] > 0


def test_sizes_and_the_view_of_stock_players_are_compared_where_they_are_asked_for() -> None:
    usual = ffhybrid.EncodeOptions()
    assert usual.effort.comparing is Comparing.NOT
    assert replace(usual, stock_weight=0.5).effort.comparing is Comparing.TRIALS
    assert replace(usual, budgets=2).effort.comparing is Comparing.TRIALS


def test_what_the_user_asks_for_wins_over_the_speed() -> None:
    effort = ffhybrid.EncodeOptions(speed=0, budgets=1, candidates=0).effort
    assert (effort.budgets, effort.candidates) == (1, 0)


@pytest.mark.parametrize("speed", [-1, len(EFFORTS)])
def test_there_are_no_other_speeds(speed: int) -> None:
    with pytest.raises(UsageError, match=f"-speed {speed}: it takes 0, the most thorough, to 3"):
        ffhybrid.EncodeOptions(speed=speed)


@pytest.fixture(scope="module")
def gop(tmp_path_factory: pytest.TempPathFactory) -> SourceGop:
    return first_gop("carphone_pristine.mp4", 12, tmp_path_factory.mktemp("gop"))


def test_a_trial_tells_sizes(gop: SourceGop) -> None:
    generator, options = create("thumbnail"), ffhybrid.X265Options(crf=36, preset="veryfast")
    latent = generator.fit(Likeness(gop.picture(0)), gop.spec, budget=2_000, warm_start=None, progress=None)
    keyframe = Keyframe.generated(generator, latent, gop.spec)
    exact, trial = (lock(gop, keyframe.picture, options) for lock in (encode_locked, encode_nearly_locked))
    assert trial.coded.inter_size == pytest.approx(exact.coded.inter_size, rel=0.1)
    assert Likeness(keyframe.picture).distortion(trial.keyframe.cropped(gop.spec.width, gop.spec.height)) < 2
