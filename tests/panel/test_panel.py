"""The panel: identical clips are perfect, worse ones are worse, frames pair by number, and pooling sees what is bad."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ffhybrid.compare.clip import Clip, prepare
from ffhybrid.compare.codecs.x265 import DEFAULTS, X265
from ffhybrid.compare.selection import Selection
from ffhybrid.core import stock
from ffhybrid.errors import CorruptDataError, UsageError
from ffhybrid.filters.places import Places
from ffhybrid.panel import METRICS, Panel, PanelOptions, SeenSource, measurable, measure, missing
from ffhybrid.panel.values import Series
from ffhybrid.source.video import VideoSource
from support import clip as wheel_clip

FRAMES = 7
PERFECT = {"vmaf": 97, "vmaf_neg": 97, "xpsnr": 60, "psnr": 60, "ssim": 1, "ssimulacra2": 100, "cvvdp": 10}
"""Of identical pictures at least; distances are 0."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Seven frames of 160x68."""
    folder = tmp_path_factory.mktemp("clip")
    return prepare(wheel_clip("bikes.mp4"), folder, frames=FRAMES, width=160, height=None)


def test_identical_clips_are_perfect(small: Clip) -> None:
    panel = measure(small, small.path, options=PanelOptions(interval=6))
    assert set(panel.series) == set(METRICS) - set(missing()) - {"ms_ssim"}
    for name, values in panel.series.items():
        assert len(values) == (2 if METRICS[name].sampled else FRAMES)
        if METRICS[name].lower_is_better:
            assert values == pytest.approx([0] * len(values), abs=1e-5)
            assert panel.worst_places(name) == pytest.approx(0, abs=1e-5)
        else:
            assert min(values) >= PERFECT[name] - 1e-3, name


def test_worse_clips_are_worse_and_psnr_is_that_of_all_samples(small: Clip, tmp_path: Path) -> None:
    codec = X265("x265", Selection(candidates=0, gop_length=FRAMES), preset="ultrafast", tuning=DEFAULTS)
    found = []
    for crf in (20, 45):
        coded = tmp_path / f"{crf}.mkv"
        codec.encode_at(small, coded, crf)
        found.append(measure(small, coded, options=PanelOptions(interval=6)))
    good, bad = found
    for name in bad.series:
        sign = -1 if METRICS[name].lower_is_better else 1
        assert sign * good.mean(name) > sign * bad.mean(name)
        assert sign * bad.mean(name) >= sign * bad.worst_pictures(name)
        if METRICS[name].places:
            assert bad.worst_places(name) > good.worst_places(name)
    frames = range(FRAMES)
    errors = [
        np.mean(np.concatenate([((a.astype(float) - b) ** 2).ravel() for a, b in zip(x.planes, y.planes, strict=True)]))
        for x, y in zip(
            stock.pictures(coded, small.spec, frames), stock.pictures(small.path, small.spec, frames), strict=True
        )
    ]
    assert bad.series["psnr"] == pytest.approx([10 * np.log10(255**2 / error) for error in errors], abs=1e-3)


def test_a_source_that_is_looked_at_once_gives_the_figures_of_one_looked_at_again(small: Clip, tmp_path: Path) -> None:
    codec = X265("x265", Selection(candidates=0, gop_length=FRAMES), preset="ultrafast", tuning=DEFAULTS)
    options = PanelOptions(metrics=("lpips", "lpips_vgg", "dists", "ssimulacra2", "oklab"), interval=3)
    seen: SeenSource[Any] = SeenSource()
    measure(small, small.path, options=options, seen=seen)
    codec.encode_at(small, tmp_path / "coded.mkv", 35)
    coded = (small, tmp_path / "coded.mkv")
    assert measure(*coded, options=options, seen=seen) == measure(*coded, options=options)


def test_another_number_of_frames_is_an_error(small: Clip) -> None:
    with pytest.raises(CorruptDataError, match="7 frames are shown, the source has 8"):
        measure(replace(small, frames=8), small.path, options=PanelOptions(metrics=("psnr",)))


def test_ms_ssim_takes_pictures_of_176_samples_a_side(small: Clip, tmp_path: Path) -> None:
    options = PanelOptions(metrics=("ms_ssim",))
    assert measurable(small.spec, options) == ()
    large = prepare(wheel_clip("bikes.mp4"), tmp_path, frames=1, width=416, height=176)
    assert measure(large, large.path, options=options).mean("ms_ssim") == pytest.approx(1)


@pytest.mark.usefixtures("without_weights")
def test_what_is_missing_is_named_with_the_command_that_brings_it(small: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ffhybrid.panel.measuring.find_spec", lambda name: None)
    found = missing()
    assert set(found) == {"lpips", "lpips_vgg", "dists", "cvvdp"}
    assert {found[name] for name in ("lpips", "lpips_vgg", "dists")} == {"ffhybrid fetch-weights"}
    assert found["cvvdp"] == "pip install 'ffhybrid[report]' && pip install --no-deps cvvdp==0.5.7"
    assert measurable(small.spec, PanelOptions(metrics=("dists", "psnr"))) == ("psnr",)


def test_metrics_that_there_are_none_of_are_refused() -> None:
    with pytest.raises(UsageError, match="no metric 'mos'"):
        PanelOptions(metrics=("mos",))


def test_pooling_takes_means_and_the_worst_twentieth() -> None:
    values = tuple(float(value) for value in range(1, 41))
    panel = Panel.of(
        {
            "psnr": Series(values=values),
            "lpips": Series(values=values, places=values[:20]),
            "cvvdp": Series(values=values, whole=9.0),
        },
        interval=1,
    )
    assert (panel.mean("psnr"), panel.worst_pictures("psnr")) == (20.5, 1.5)
    assert (panel.mean("lpips"), panel.worst_pictures("lpips"), panel.worst_places("lpips")) == (20.5, 39.5, 20)
    assert panel.mean("cvvdp") == 9
    assert np.isnan(panel.worst_places("psnr"))
    assert np.isnan(panel.mean("dists"))


def test_places_are_means_of_64x64_samples_and_the_last_end_with_the_picture() -> None:
    picture = torch.rand(1, 2, 150, 128)
    found = Places(150, 128).average(picture)
    assert found.shape == (1, 2, 3, 2)
    for down, row in enumerate((0, 64, 86)):
        for across, column in enumerate((0, 64)):
            expected = picture[..., row : row + 64, column : column + 64].mean((2, 3))
            assert torch.allclose(found[:, :, down, across], expected, atol=1e-6)
    coarse = torch.nn.functional.avg_pool2d(picture[..., :128, :], 16)
    assert torch.allclose(Places(128, 128).average(coarse)[..., 0, 0], found[..., 0, 0], atol=1e-6)
    assert Places(40, 30).average(picture[..., :40, :30]).shape == (1, 2, 1, 1)


@pytest.mark.skipif(find_spec("pycvvdp") is None, reason="cvvdp is not installed (docs/DEPENDENCIES.md)")
def test_cvvdp_looks_at_every_nth_picture_and_leaves_torchvision_alone(small: Clip) -> None:
    code = "import sys; from ffhybrid.panel.colour_video_vdp import _load; before = list(sys.path); _load()\n"
    code += "assert 'torchvision' not in sys.modules and sys.path == before"
    subprocess.run([sys.executable, "-c", code], check=True)
    from ffhybrid.panel.colour_video_vdp import look_at_video

    grey = torch.full((1, 3, 64, 64), 0.5)
    noisy = (grey + 0.1 * torch.randn(grey.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    by_interval = {
        interval: look_at_video(
            iter([grey, noisy, noisy, noisy]),
            iter([grey] * 4),
            size=(64, 64, 4),
            rate=25,
            interval=interval,
            device=torch.device("cpu"),
        )
        for interval in (1, 2)
    }
    assert by_interval[2].values == by_interval[1].values[::2]
    assert by_interval[1].values[0] == pytest.approx(10)
    assert by_interval[1].values[2] < 9.6


def test_chosen_frames_are_the_samples_that_pyav_decodes(small: Clip) -> None:
    with VideoSource(small.path) as source:
        decoded = [frame.picture for frame in source.frames()]
    for indices in ([0, 4, 5], range(1, FRAMES, 2)):
        for index, picture in zip(indices, stock.pictures(small.path, small.spec, indices), strict=True):
            assert picture.same_samples(decoded[index])
    with pytest.raises(CorruptDataError, match="no frame 9"):
        list(stock.pictures(small.path, small.spec, [9]))
