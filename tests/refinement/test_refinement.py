"""Joint refinement: the codec map says what decoding will show, and the keyframe follows the GOP's target."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import ffhybrid
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.coded_gop import CodedGop, Keyframe, encode_generated, without_hashes
from ffhybrid.encoder.keyframe_search import joint_objective
from ffhybrid.filters import Likeness
from ffhybrid.filters.base import DifferentiableObjective
from ffhybrid.filters.losses import pack
from ffhybrid.refinement.codec_map import FrameMap, decode_with, explained_variance, frame_maps
from ffhybrid.refinement.objective import GopObjective
from ffhybrid.restorer.generators import create
from ffhybrid.source.gop_planning import GopLimits
from support import clip, first_gop

PICTURES = 24
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceGop:
    return first_gop("bikes.mp4", PICTURES, tmp_path_factory.mktemp("frames"))


@pytest.fixture(scope="module")
def coded(source: SourceGop) -> CodedGop:
    generator = create("thumbnail")
    latent = generator.fit(Likeness(source.picture(0)), source.spec, budget=2500, warm_start=None, progress=None)
    return encode_generated(
        source, Keyframe.generated(generator, latent, source.spec), ffhybrid.X265Options(crf=36, preset="fast")
    )


@pytest.fixture(scope="module")
def keyframe(coded: CodedGop) -> Picture:
    return coded.stream.keyframe(8)


@pytest.fixture(scope="module")
def maps(coded: CodedGop, keyframe: Picture) -> list[FrameMap]:
    return list(frame_maps(without_hashes(coded.hybrid), keyframe))


@pytest.fixture(scope="module")
def objective(source: SourceGop, coded: CodedGop) -> GopObjective:
    return joint_objective(source, coded, perceptual=True, lpips=None)


def test_the_map_explains_what_random_changes_of_the_keyframe_do(
    coded: CodedGop, keyframe: Picture, maps: list[FrameMap]
) -> None:
    rows, columns = keyframe.y.shape
    noise = np.random.default_rng(1).uniform(-12, 12, (rows // 4, columns // 4)).repeat(4, 0).repeat(4, 1)
    changed = np.clip(keyframe.y + np.rint(noise), 0, 255).astype(np.uint8)
    stream = without_hashes(coded.hybrid)
    before, after = (
        [picture.y.astype(np.float32) for picture in decode_with(stream, picture)]
        for picture in (keyframe, Picture(changed, keyframe.cb, keyframe.cr))
    )
    explained = [
        explained_variance(late - early, frame_map.moved(after[0] - before[0]))
        for early, late, frame_map in zip(before, after, maps, strict=True)
    ]
    assert explained[0] == pytest.approx(1, abs=0.01)
    assert np.mean(explained[1:]) > 0.75


def test_the_keyframe_maps_to_itself(maps: list[FrameMap]) -> None:
    first = maps[0]
    rows, columns = first.gain.shape
    assert np.abs(first.x - np.arange(columns)).max() < 0.5
    assert np.abs(first.y - np.arange(rows)[:, None]).max() < 0.5
    assert first.gain.mean() > 0.98


def test_gathering_is_the_transpose_of_moving(maps: list[FrameMap]) -> None:
    frame_map = maps[-1]
    random = np.random.default_rng(2)
    change, error = (random.normal(size=frame_map.gain.shape).astype(np.float32) for _ in range(2))
    moved, gathered = (frame_map.moved(change) * error).sum(), (change * frame_map.gathered(error)).sum()
    assert moved == pytest.approx(gathered, rel=1e-3, abs=0.5)


def test_a_keyframe_that_follows_the_weighted_target_mends_the_whole_gop(
    source: SourceGop, coded: CodedGop, keyframe: Picture, objective: GopObjective
) -> None:
    target = objective.target
    stream = without_hashes(coded.hybrid)

    def error(picture: Picture) -> float:
        size = (source.spec.width, source.spec.height)
        pictures = decode_with(stream, picture.padded(keyframe.width, keyframe.height))
        return sum(Likeness(source.picture(i)).distortion(p.cropped(*size)) for i, p in enumerate(pictures))

    shown = keyframe.cropped(source.spec.width, source.spec.height)
    assert objective.distortion(target) < objective.distortion(shown)
    assert error(target) < 0.95 * error(shown)


def test_the_loss_says_what_the_distortion_says(objective: GopObjective, keyframe: Picture, source: SourceGop) -> None:
    assert isinstance(objective, DifferentiableObjective)
    loss = objective.loss(CPU)
    shown = keyframe.cropped(source.spec.width, source.spec.height)
    pictures = (shown, objective.target)
    packed = [pack(picture, CPU).requires_grad_() for picture in pictures]
    worse, better = (loss.whole(each.detach()) for each in packed)
    assert better < worse
    for _ in range(4):
        torch.autograd.backward(loss.sample(packed[0]))
    assert packed[0].grad is not None and packed[0].grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("filters", "budget", "bitrate", "candidates"),
    [("crop=96:80", 350, 50_000, 1), pytest.param("null", 900, 60_000, 3, marks=pytest.mark.slow)],
)
def test_refined_gops_restore_exactly_and_lose_nothing(
    filters: str, budget: int, bitrate: int, candidates: int, tmp_path: Path
) -> None:
    unrefined, refined = tmp_path / "unrefined.mkv", tmp_path / "refined.mkv"
    reports = [
        ffhybrid.encode(
            clip("carphone_pristine.mp4"),
            path,
            options=ffhybrid.EncodeOptions(
                generator_options={"preset": "fast", "device": "cpu"},
                keyframe_budget=budget,
                refinements=refinements,
                rate=ffhybrid.Rate(bitrate=bitrate),
                candidates=candidates,
                source=ffhybrid.SourceOptions(filters=filters),
                limits=GopLimits(length=16, scene_threshold=0),
                frames=16,
                picture_hashes=True,
                fallback=False,
                x265=ffhybrid.X265Options(preset="veryfast"),
            ),
        )
        for path, refinements in ((unrefined, 0), (refined, 2))
    ]
    before, after = (report.gops[0] for report in reports)
    assert after.lpips is not None and before.lpips is not None and after.psnr is not None and before.psnr is not None
    assert after.lpips <= before.lpips + 0.01
    assert ffhybrid.verify(refined).hashes_verified == 16
