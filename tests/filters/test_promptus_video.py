"""Generator `promptus-video`: prompts of a GOP's pictures, interpolated, and near each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import CorruptDataError, UnsupportedError
from ffhybrid.filters import FitProgress, Likeness, create_sequence
from ffhybrid.filters.base import SequenceGenerator
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.promptus.codec import TOKENS
from ffhybrid.filters.promptus.sequence import Segment
from ffhybrid.filters.promptus.video_codec import SequenceBody, is_possible, prompted
from ffhybrid.source.video import VideoSource
from pretrained_models import PROMPTED, saved_one_step
from support import clip, make_picture

SPEC = PictureSpec(64, 48)
FRAMES = 5


class Gop(list[Picture]):
    """Pictures as generators of whole GOPs read them."""

    def picture(self, index: int) -> Picture:
        return self[index]


@pytest.fixture(scope="module")
def gop() -> Gop:
    """A man who turns his head, every eighth picture."""
    with VideoSource(clip("carphone_pristine.mp4")) as source:
        frames = [frame.picture.cropped(SPEC.width, SPEC.height) for frame in source.frames(limit=8 * FRAMES)]
    return Gop(frames[::8])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_one_step(tmp_path_factory.mktemp("models") / "turbo")


def video(model: Path, **options: object) -> SequenceGenerator:
    defaults = {"model": str(model), "device": "cpu", "preset": "superfast", "tune": "psnr", "interval": 2}
    return create_sequence("promptus-video", **defaults | options)


def fit(
    generator: SequenceGenerator,
    frames: Gop,
    *,
    budget: int | None = 700,
    seen: list[FitProgress] | None = None,
) -> bytes:
    progress = None if seen is None else seen.append
    return generator.fit_sequence(frames, SPEC, budget=budget, progress=progress)


def body_of(latent: bytes) -> SequenceBody:
    return SequenceBody.from_bytes(ModelLatent.from_bytes(latent).body)


def distortion(pictures: list[Picture], frames: Gop) -> float:
    return float(np.mean([Likeness(theirs).distortion(ours) for ours, theirs in zip(pictures, frames, strict=True)]))


def test_prompts_stand_at_every_interval_and_at_the_end() -> None:
    assert prompted(1, 10) == (0,)
    assert prompted(2, 10) == (0, 1)
    assert prompted(11, 10) == (0, 10)
    assert prompted(12, 10) == (0, 10, 11)
    assert all(len(prompted(n, k)) <= 64 for n in range(1, 200) for k in (1, 2, 3, 7) if is_possible(n, k))


def test_a_gop_is_generated_within_its_bytes(model: Path, gop: Gop) -> None:
    generator = video(model)
    seen: list[FitProgress] = []
    latent = fit(generator, gop, seen=seen)
    body = body_of(latent)
    assert (body.pictures, len(body.codes)) == (FRAMES, 3)
    assert 350 < len(latent) < 735
    assert [report.step for report in seen[-2:]] == [1, 2]
    pictures = list(generator.generate_sequence(latent, SPEC))
    assert len(pictures) == FRAMES
    assert all(picture.y.shape == (48, 64) for picture in pictures)
    again = list(generator.generate_sequence(latent, SPEC))
    assert all(ours.same_samples(theirs) for ours, theirs in zip(pictures, again, strict=True))


def test_later_prompts_bring_later_pictures_nearer(model: Path, gop: Gop) -> None:
    """Against the first prompt held throughout; what does not help is not kept."""
    generator = video(model, preset="veryfast")
    latent = ModelLatent.from_bytes(fit(generator, gop))
    body = SequenceBody.from_bytes(latent.body)
    held = SequenceBody(
        pictures=FRAMES, interval=2, seed=0, u=body.u, v=body.v, codes=np.repeat(body.codes[:1], 3, axis=0)
    )
    distortions = []
    for each in (body, held):
        data = ModelLatent(architecture=0, model=latent.model, reduction=0, tile=0, body=each.to_bytes()).to_bytes()
        distortions.append(distortion(list(generator.generate_sequence(data, SPEC)), gop))
    assert distortions[0] < distortions[1]


def test_prompts_between_are_interpolated_in_both_factors() -> None:
    first = torch.zeros(TOKENS, 1), torch.full((1, 4), 2.0)
    last = torch.full((TOKENS, 1), 4.0), torch.full((1, 4), 6.0)
    segment = Segment(None, None, 4)  # type: ignore[arg-type] - prompts take no model
    assert [float(segment.prompt(first, last, index)[0, 0, 0]) for index in (0, 1, 2, 4)] == [0, 3, 8, 24]


@settings(max_examples=20, deadline=None)
@given(data=st.binary(max_size=40), head=st.booleans())
def test_damaged_latents_are_refused_or_give_pictures(model: Path, data: bytes, head: bool) -> None:
    generator = video(model, preset="ultrafast")
    latent = fit(generator, Gop([make_picture("noise", 64, 48)]), budget=150)
    damaged = latent[:13] + data if head else data
    try:
        pictures = generator.generate_sequence(damaged, PictureSpec(16, 16))
        assert next(pictures).y.shape == (16, 16)
    except (CorruptDataError, UnsupportedError):
        assert damaged != latent


def test_a_model_of_other_prompts_is_refused(model: Path, gop: Gop, tmp_path: Path) -> None:
    other = saved_one_step(tmp_path / "other", cross_attention_dim=24)
    latent = ModelLatent.from_bytes(fit(video(model, preset="ultrafast"), gop))
    theirs = ModelLatent.from_bytes(fit(video(other, preset="ultrafast"), gop))
    mixed = replace(latent, model=theirs.model).to_bytes()
    with pytest.raises(CorruptDataError, match=f"{PROMPTED['cross_attention_dim']} wide, those of the model are 24"):
        next(video(other).generate_sequence(mixed, SPEC))
