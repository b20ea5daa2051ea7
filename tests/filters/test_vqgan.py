"""Generator `vqgan`: tokens of a codebook, their bytes, and what a budget does to them."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import CorruptDataError, UnsupportedError
from ffhybrid.filters import FitProgress, Likeness, create
from ffhybrid.filters.base import CorrectableGenerator, Generator
from ffhybrid.filters.codes import decode_tokens, encode_tokens
from ffhybrid.filters.colour import from_rgb, to_rgb
from ffhybrid.filters.losses import pack
from ffhybrid.filters.models.latent_layout import ModelLatent
from pretrained_models import saved
from support import make_picture

SPEC = PictureSpec(176, 144)
KINDS = 64


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(saved("VQModel", tmp_path_factory.mktemp("models") / "vq"))


def vqgan(model: str, **options: object) -> Generator:
    return create("vqgan", **{"model": model, "device": "cpu", **options})


def fit(generator: Generator, picture: Picture, budget: int | None = None, spec: PictureSpec = SPEC) -> ModelLatent:
    return ModelLatent.from_bytes(generator.fit(Likeness(picture), spec, budget=budget, warm_start=None, progress=None))


def test_without_a_budget_tokens_are_those_of_diffusers(model: str, natural: Picture) -> None:
    import diffusers

    latent = fit(vqgan(model, scale=1), natural)
    network = diffusers.VQModel.from_pretrained(model)
    with torch.no_grad():
        rgb = to_rgb(pack(natural, torch.device("cpu")), SPEC.colour)
        expected = network.quantize(network.encode(2 * rgb - 1).latents)[2][2].reshape(72, 88)
    tokens = decode_tokens(latent.body, (72, 88), KINDS)
    assert np.mean(tokens == expected.numpy()) > 0.999


def test_its_picture_is_that_of_diffusers(model: str, natural: Picture) -> None:
    import diffusers

    generator = vqgan(model, scale=1)
    latent = fit(generator, natural)
    tokens = torch.as_tensor(decode_tokens(latent.body, (72, 88), KINDS).astype(np.int64))
    network = diffusers.VQModel.from_pretrained(model)
    with torch.no_grad():
        vectors = network.quantize.get_codebook_entry(tokens.flatten(), (1, 72, 88, 4))
        rgb = ((network.decode(vectors, force_not_quantize=True).sample + 1) / 2).clamp(0, 1)
    ours = pack(generator.generate(latent.to_bytes(), SPEC), torch.device("cpu"))
    assert (ours - from_rgb(rgb, SPEC.colour)).abs().max() <= 0.51


@pytest.mark.parametrize("budget", [150, 280])
def test_a_smaller_budget_is_met_by_cheaper_tokens(model: str, natural: Picture, budget: int) -> None:
    generator = vqgan(model, scale=2)
    assert fit(generator, natural).size > 1.2 * budget
    assert 0.75 * budget < fit(generator, natural, budget).size <= budget


def test_cheaper_tokens_distort_more(model: str, natural: Picture) -> None:
    generator = vqgan(model, scale=2)
    plain = fit(generator, natural)
    cheaper = fit(generator, natural, plain.size // 2)
    changed = decode_tokens(cheaper.body, (36, 44), KINDS) != decode_tokens(plain.body, (36, 44), KINDS)
    assert 0.05 < changed.mean() < 0.95


def test_a_budget_chooses_among_sizes(model: str, natural: Picture) -> None:
    seen: list[FitProgress] = []
    generator = vqgan(model)
    found = ModelLatent.from_bytes(
        generator.fit(Likeness(natural), SPEC, budget=500, warm_start=None, progress=seen.append)
    )
    assert found.size <= 500 * 1.05
    assert [report.step for report in seen] == [1, 2, 3]
    best = min(
        Likeness(natural).distortion(vqgan(model).generate(fit(vqgan(model, scale=s), natural, 500).to_bytes(), SPEC))
        for s in (1, 2, 4)
    )
    assert seen[-1].distortion == pytest.approx(best)


def test_a_larger_budget_is_said_to_be_unused(model: str, natural: Picture, caplog: pytest.LogCaptureFixture) -> None:
    latent = fit(vqgan(model, scale=2), natural, 50_000)
    assert f"cannot meet 50000 bytes: its tokens take {latent.size}" in caplog.text


def test_the_latent_has_the_layout_of_the_format_page(model: str, natural: Picture) -> None:
    latent = fit(vqgan(model, scale=4), natural)
    data = latent.to_bytes()
    assert data[:2] == b"\1\0"
    assert data[10:13] == bytes([2, 0, 0])
    assert data[13:] == encode_tokens(decode_tokens(data[13:], (18, 22), KINDS), KINDS)


def test_a_correction_gives_the_exact_picture(model: str, natural: Picture) -> None:
    generator = vqgan(model, scale=2, repair=True)
    assert isinstance(generator, CorrectableGenerator)
    latent = fit(generator, natural).to_bytes()
    corrected = generator.corrected(latent, SPEC)
    assert corrected is not None
    assert corrected.same_samples(generator.generate(latent, SPEC))


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=60))
def test_damaged_tokens_are_refused_or_give_a_picture(model: str, data: bytes) -> None:
    spec = PictureSpec(16, 16)
    whole = fit(vqgan(model), make_picture("noise", 16, 16), spec=spec).to_bytes()
    with contextlib.suppress(CorruptDataError, UnsupportedError):
        assert vqgan(model).generate(whole[:13] + data, spec).y.shape == (16, 16)
