"""Generator `vae`: latents of models within their budget, refined to less loss, corrected to the last sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ffhybrid.core.picture import Colour, Picture, PictureSpec
from ffhybrid.errors import CorruptDataError, UnsupportedError, UsageError
from ffhybrid.filters import FitProgress, Likeness, create
from ffhybrid.filters.base import CorrectableGenerator, Generator
from ffhybrid.filters.codes import decode_codes, encode_codes
from ffhybrid.filters.colour import from_rgb, to_rgb
from ffhybrid.filters.losses import pack
from ffhybrid.filters.models.autoencoder import TILE
from ffhybrid.filters.models.correction import apply_correction, rounded, write_correction
from ffhybrid.filters.models.latent_codec import real_step
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.loading import ModelSource
from ffhybrid.filters.models.rate import RateModel
from ffhybrid.filters.models.tiles import OVERLAP, Spans, blended
from pretrained_models import saved, trained
from support import make_picture, psnr

SPEC = PictureSpec(176, 144)
TAESD = Path(__file__).resolve().parents[3] / "shared" / "weights" / "taesd_fp8src_fp16.safetensors"
"""Real weights beside the project, where there are any; never part of it."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    return {name: str(saved(name, folder / name)) for name in ("AutoencoderTiny", "AutoencoderKL")}


def vae(model: str, **options: object) -> Generator:
    return create("vae", **{"model": model, "device": "cpu", "preset": "ultrafast", "tune": "psnr", **options})


def fit(generator: Generator, picture: Picture, budget: int | None = None, spec: PictureSpec = SPEC) -> bytes:
    return generator.fit(Likeness(picture), spec, budget=budget, warm_start=None, progress=None)


@pytest.mark.parametrize("architecture", ["AutoencoderTiny", "AutoencoderKL"])
@pytest.mark.parametrize("budget", [400, 900])
def test_a_budget_is_met(models: dict[str, str], natural: Picture, architecture: str, budget: int) -> None:
    assert len(fit(vae(models[architecture]), natural, budget)) == pytest.approx(budget, rel=0.05)


def test_a_budget_that_a_model_cannot_use_is_said(
    models: dict[str, str], natural: Picture, caplog: pytest.LogCaptureFixture
) -> None:
    latent = fit(vae(models["AutoencoderTiny"]), natural, 100_000)
    assert f"cannot meet 100000 bytes: its latent takes {len(latent)}" in caplog.text


def test_the_latent_has_the_layout_of_the_format_page(models: dict[str, str], natural: Picture) -> None:
    model = ModelSource(
        architectures=("AutoencoderTiny",),
        component="vae",
        reference=models["AutoencoderTiny"],
        device="cpu",
        hub=False,
    ).named()
    latent = fit(vae(models["AutoencoderTiny"], scale=2), natural, 300)
    assert latent[:2] == b"\1\0"
    assert latent[2:10] == model.digest
    assert latent[10:13] == bytes([1, 0, 0])
    codes = decode_codes(latent[14:], (4, 18, 22))
    assert len(latent) == ModelLatent.overhead() + 1 + len(latent[14:])
    assert np.abs(codes).max() * real_step(latent[13]) > 0


@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("size", [(176, 144), (130, 66), (34, 18)], ids=str)
@pytest.mark.parametrize("scale", [1, 4])
def test_pictures_have_the_asked_size_and_depth(
    models: dict[str, str], size: tuple[int, int], bit_depth: int, scale: int
) -> None:
    spec = PictureSpec(*size, bit_depth)
    generator = vae(models["AutoencoderTiny"], scale=scale)
    picture = generator.generate(fit(generator, make_picture("natural", *size, bit_depth), spec=spec), spec)
    assert tuple(plane.shape for plane in picture.planes) == spec.plane_shapes
    assert picture.y.dtype == spec.dtype


def test_refinement_lowers_the_loss_within_the_budget(natural: Picture, tmp_path: Path) -> None:
    model = str(trained(natural, tmp_path / "trained"))
    distortion = []
    for preset in ("ultrafast", "faster"):
        seen: list[FitProgress] = []
        generator = vae(model, preset=preset, scale=1)
        latent = generator.fit(Likeness(natural), SPEC, budget=600, warm_start=None, progress=seen.append)
        distortion.append(Likeness(natural).distortion(generator.generate(latent, SPEC)))
        assert len(latent) == pytest.approx(600, rel=0.05)
        assert [report.step for report in seen] == sorted(report.step for report in seen)
    assert distortion[1] < 0.8 * distortion[0]


def test_the_same_seed_gives_the_same_latent(models: dict[str, str], natural: Picture) -> None:
    first, again = (fit(vae(models["AutoencoderTiny"], preset="superfast", seed=3), natural, 700) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("architecture", ["AutoencoderTiny", "AutoencoderKL"])
def test_a_correction_gives_the_exact_picture_from_other_arithmetic(
    models: dict[str, str], natural: Picture, architecture: str
) -> None:
    generator = vae(models[architecture], repair=True)
    assert isinstance(generator, CorrectableGenerator)
    latent = fit(generator, natural, 700)
    exact = generator.generate(latent, SPEC)
    corrected = generator.corrected(latent, SPEC)
    assert corrected is not None
    assert corrected.same_samples(exact)
    parsed = ModelLatent.from_bytes(latent)
    assert len(latent) - len(parsed.body) - ModelLatent.overhead() == generator.correction_size(latent) < 200
    assert generator.corrected(fit(vae(models[architecture]), natural, 700), SPEC) is None


def test_a_correction_lists_what_rounds_otherwise_and_what_might() -> None:
    double = [np.array([[10.2, 10.5 - 1e-9], [10.8, 11.0]]), np.array([[7.0]]), np.array([[9.5 + 1e-9]])]
    exact = rounded(double, 8)
    exact.y[0, 0] = 11
    data = write_correction(exact, double)
    assert data == bytes([1, 11, 1, 10, 4, 10])
    elsewhere = [plane + 2e-9 * np.sign(10 - plane) for plane in double]
    assert not rounded(elsewhere, 8).same_samples(exact)
    assert apply_correction(elsewhere, 8, data).same_samples(exact)
    for damaged in (b"\0\1", bytes([9, 1]), bytes([1, 0x80, 2])):
        with pytest.raises(CorruptDataError, match="outside"):
            apply_correction(double, 8, damaged)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=60), head=st.booleans())
def test_damaged_latents_are_refused_or_give_a_picture(models: dict[str, str], data: bytes, head: bool) -> None:
    generator = vae(models["AutoencoderTiny"])
    spec = PictureSpec(16, 16)
    whole = fit(generator, make_picture("noise", 16, 16), spec=spec)
    damaged = whole[:12] + data if head else data
    try:
        assert generator.generate(damaged, spec).y.shape == (16, 16)
    except (CorruptDataError, UnsupportedError):
        assert damaged != whole


def test_unknown_options_are_refused(models: dict[str, str]) -> None:
    for options, words in (({"preset": "quick"}, "ultrafast"), ({"tune": "beauty"}, "perceptual"), ({"scale": 3}, "4")):
        with pytest.raises(UsageError, match=words):
            vae(models["AutoencoderTiny"], **options)
    with pytest.raises(UsageError, match="give -model"):
        fit(create("vae"), make_picture("noise", 16, 16), spec=PictureSpec(16, 16))


@pytest.mark.parametrize("colour", [Colour(), Colour(matrix=1), Colour(matrix=9), Colour(matrix=1, full_range=True)])
def test_colours_go_to_rgb_and_back(natural: Picture, colour: Colour) -> None:
    packed = pack(natural, torch.device("cpu"))
    flat = packed.mean((2, 3), keepdim=True).expand_as(packed)
    assert torch.allclose(from_rgb(to_rgb(flat, colour), colour)[..., 1:-1, 1:-1], flat[..., 1:-1, 1:-1], atol=1e-3)
    back = from_rgb(to_rgb(packed, colour), colour)
    assert (back - packed).abs().mean() < 1.0


def test_tiles_cover_a_side_evenly() -> None:
    for size in (1, 128, 129, 240, 135, 1000):
        spans = Spans.over(size, TILE)
        assert spans.length <= TILE
        assert spans.starts[0] == 0
        assert spans.starts[-1] + spans.length == size
        ends = [start + spans.length for start in spans.starts]
        assert all(end - start >= OVERLAP for end, start in zip(ends, spans.starts[1:], strict=False))


def test_tiles_of_a_local_network_join_without_seams() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 2, 40, 70, requires_grad=True)
    kernel = torch.randn(3, 2, 3, 3)

    def work(part: torch.Tensor) -> torch.Tensor:
        padded = torch.nn.functional.pad(part, (1, 1, 1, 1), mode="replicate")
        return torch.nn.functional.interpolate(torch.nn.functional.conv2d(padded, kernel), scale_factor=2)

    whole, tiled = work(x), blended(work, x, 32, unit=1, factor=2)
    assert (whole - tiled)[..., 4:-4, 4:-4].abs().mean() < 0.05 * whole.abs().mean()
    tiled.sum().backward()
    assert x.grad is not None
    assert bool((x.grad != 0).all())


def test_large_pictures_are_made_in_tiles(models: dict[str, str]) -> None:
    """The tiny model has 4 samples a latent sample: 640x480 are 160x120 of them."""
    spec = PictureSpec(640, 480)
    generator = vae(models["AutoencoderTiny"], scale=1)
    source = make_picture("gradient", 640, 480)
    latent = fit(generator, source, 4000, spec)
    assert ModelLatent.from_bytes(latent).tile == TILE
    assert generator.generate(latent, spec).y.shape == (480, 640)


@pytest.mark.parametrize("spread", [1.0, 4.0, 20.0])
def test_the_rate_is_about_that_of_the_coder(spread: float) -> None:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:36, :44]
    field = np.sin(x / 6) + np.cos(y / 4) + (x > y + 5)
    channels = [field * (1 - 0.2 * c) + rng.normal(0, 0.15, field.shape) for c in range(4)]
    codes = np.rint(spread * np.stack(channels)).astype(np.int8)
    values = torch.as_tensor(codes, dtype=torch.float32)[None].requires_grad_()
    bits = RateModel(values).bits(values)
    assert float(bits.detach()) / 8 == pytest.approx(len(encode_codes(codes)), rel=0.1)
    bits.backward()
    assert values.grad is not None
    assert bool(values.grad.isfinite().all())


@pytest.mark.skipif(not TAESD.exists(), reason="TAESD's weights are not beside the project")
def test_real_weights_give_a_likeness_that_refinement_betters(natural: Picture) -> None:
    quality = []
    for preset in ("ultrafast", "superfast"):
        generator = vae(str(TAESD), preset=preset, scale=1)
        quality.append(psnr(generator.generate(fit(generator, natural, 900), SPEC), natural))
    assert 24 < quality[0] < quality[1] - 0.5
