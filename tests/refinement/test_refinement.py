"""Joint refinement: the codec map says what decoding will show, and the keyframe follows the GOP's target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ffhybrid
from ffhybrid.core.frames import coded_picture
from ffhybrid.core.gop import HybridGop
from ffhybrid.core.payload import Payload
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.bit_allocation import Share
from ffhybrid.encoder.coded_gop import CodedGop, Keyframe, encode_generated, without_hashes
from ffhybrid.encoder.gop_encoder import GopEncoder
from ffhybrid.encoder.keyframe_search import joint_objective
from ffhybrid.encoder.quality import Judge, visual_distance
from ffhybrid.encoder.rate_targets import cost_of
from ffhybrid.filters import Likeness, Objective
from ffhybrid.filters.base import DifferentiableObjective, KeyframeGenerator
from ffhybrid.filters.losses import pack
from ffhybrid.filters.thumbnail import Thumbnail
from ffhybrid.hevc.decoding import decode_access_units
from ffhybrid.hevc.intra_codec import HevcIntraCodec
from ffhybrid.refinement.codec_map import FrameMap, decode_with, explained_variance, frame_maps
from ffhybrid.refinement.objective import GopObjective
from ffhybrid.restorer.generators import create
from ffhybrid.restorer.splice import restore_gop
from support import first_gop

PICTURES = 24
SIZE = 2_000
RATED = ffhybrid.EncodeOptions(
    keyframe_budget=500,
    rate=ffhybrid.Rate(bitrate=60_000),
    candidates=0,
    fallback=False,
    x265=ffhybrid.X265Options(preset="veryfast"),
)
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


def decode_gop(gop: HybridGop) -> Iterator[Picture]:
    """Restore a GOP, and decode what comes of that."""
    restored = restore_gop(gop)
    units = (unit.nal_units for unit in restored.access_units)
    return (coded_picture(frame, 8) for frame in decode_access_units(units, restored.parameter_sets))


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


def refined(generator: KeyframeGenerator, source: SourceGop, times: int, judge: Judge) -> tuple[float, bytes]:
    """Encode a GOP, refined so often; its cost by what the search chooses, and its latent."""
    tune = {} if judge.sees else {"tune": "psnr"}
    encoder = GopEncoder(generator, replace(RATED, refinements=times, generator_options=tune))
    gop, report = encoder.encode(source, share=Share(size=SIZE, crf=34, intra=0.2))
    loss = judge.quality(decode_gop(gop), source).loss
    overshoot = (report.payload + report.placeholder + report.inter) / SIZE - 1
    return cost_of(loss, overshoot), Payload.from_bytes(gop.payload).latent


class Refitted(Thumbnail):
    """Codes the reduced picture at one QP, and at another one when it is fitted to the whole GOP."""

    def __init__(self, qps: tuple[int, int]) -> None:
        super().__init__(scale=2, qp=qps[0], intra_codec=HevcIntraCodec())
        self._qps = qps

    def fit(self, objective: Objective, spec: PictureSpec, **others: Any) -> bytes:
        self.qp = self._qps[isinstance(objective, GopObjective)]
        return super().fit(objective, spec, **others)


@pytest.mark.parametrize("qps", [(30, 51), (51, 30)])
def test_a_refit_is_kept_where_it_is_better_and_only_there(qps: tuple[int, int], tmp_path: Path) -> None:
    source = first_gop("carphone_pristine.mp4", 12, tmp_path, filters="crop=96:80")
    judge = Judge(None)
    before, first = refined(Refitted(qps), source, 0, judge)
    after, kept = refined(Refitted(qps), source, 1, judge)
    assert after <= before
    assert (kept != first) == (after < before) == (qps[1] < qps[0])


@pytest.mark.slow
def test_refined_gops_restore_exactly_and_lose_nothing(tmp_path: Path) -> None:
    source = first_gop("carphone_pristine.mp4", 12, tmp_path, filters="crop=96:80")
    judge = Judge(visual_distance(None))
    overfit = create("overfit", preset="ultrafast", device="cpu")
    (before, first), (after, kept) = (refined(overfit, source, times, judge) for times in (0, 2))
    assert after <= before
    assert (kept != first) == (after < before)
