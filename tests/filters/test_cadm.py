"""Generator `cadm`: pixels and colours within a budget, restored as diffusers restores, exact on any machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ffhybrid.core import leb128
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import CorruptDataError, ModelError, OutOfMemoryError, UnsupportedError
from ffhybrid.filters import FitProgress, Likeness, create
from ffhybrid.filters.base import CorrectableGenerator, Generator
from ffhybrid.filters.cadm.codec import Body
from ffhybrid.filters.cadm.reduction import colours_of, enlarged, nearest, quantised, reduced, to_blocks
from ffhybrid.filters.cadm.restorer import Restorer, class_of, conditioning, scheduler
from ffhybrid.filters.codes import encode_indices
from ffhybrid.filters.losses import pack
from ffhybrid.filters.models.autoencoder import TILE
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.loading import Model
from ffhybrid.filters.noise import noise_planes
from pretrained_models import saved
from support import make_picture

SPEC = PictureSpec(176, 144)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(saved("UNet2DModel", tmp_path_factory.mktemp("models") / "restorer"))


def cadm(model: str, **options: object) -> Generator:
    return create("cadm", **{"model": model, "device": "cpu", "preset": "ultrafast", "tune": "psnr", **options})


def fit(generator: Generator, picture: Picture, budget: int | None = None, spec: PictureSpec = SPEC) -> ModelLatent:
    return ModelLatent.from_bytes(generator.fit(Likeness(picture), spec, budget=budget, warm_start=None, progress=None))


def pixels_of(picture: Picture, scale: int) -> torch.Tensor:
    return reduced(pack(picture, CPU), scale)[0]


@pytest.mark.parametrize("budget", [300, 600, 1100])
def test_a_budget_is_met(model: str, natural: Picture, budget: int) -> None:
    assert fit(cadm(model, scale=4), natural, budget).size == pytest.approx(budget, rel=0.05)


def test_a_budget_that_cannot_be_used_is_said(model: str, natural: Picture, caplog: pytest.LogCaptureFixture) -> None:
    latent = fit(cadm(model, scale=4), natural, 50_000)
    assert f"cannot meet 50000 bytes: its pixels take {latent.size}" in caplog.text


def test_the_latent_has_the_layout_of_the_format_page(model: str, natural: Picture) -> None:
    latent = fit(cadm(model, scale=4), natural)
    data = latent.to_bytes()
    assert data[:2] == b"\1\0"
    assert data[10:13] == bytes([2, 0, 0])
    assert data[13:15] == bytes([63, 1])
    size, start = leb128.decode(data, 15)
    body = Body.from_bytes(latent.body, (36, 44))
    assert body.colours.shape == (64, 3)
    assert np.all(np.diff(body.colours[:, 0].astype(int)) >= 0)
    assert start - 15 == len(leb128.encode(size))
    assert len(data) == latent.size == start + size + len(encode_indices(body.indices, 6))
    assert body.to_bytes() == latent.body


def test_entropy_coding_saves_most_of_the_bits_of_the_paper(model: str, natural: Picture) -> None:
    """The paper sends n bits a pixel and leaves the colours out of account."""
    latent = fit(cadm(model, scale=2), natural)
    assert latent.size < 0.6 * 72 * 88 * 6 / 8


def test_its_picture_is_that_of_diffusers(model: str, natural: Picture) -> None:
    import diffusers

    generator = cadm(model, scale=2)
    latent = fit(generator, natural)
    body = Body.from_bytes(latent.body, (72, 88))
    small = torch.as_tensor(body.colours[body.indices].astype(np.float32)).permute(2, 0, 1)[None]
    condition = to_blocks(torch.nn.functional.interpolate(small, scale_factor=2, mode="bicubic"))
    noise = noise_planes(6, 72, 88, device=CPU) / 147.8
    network = diffusers.UNet2DModel.from_pretrained(model)
    label = torch.tensor([class_of(1, 64)])
    with torch.no_grad():
        velocity = network(torch.cat((noise, conditioning(condition)), 1), 999, class_labels=label).sample
    expected = (condition - 6 * velocity).clamp(-128, 127)
    ours = pack(generator.generate(latent.to_bytes(), SPEC), CPU)
    assert (ours - expected).abs().max() <= 0.51


def test_a_schedule_ends_in_pure_noise() -> None:
    made = scheduler()
    made.set_timesteps(4)
    assert made.timesteps.tolist() == [999, 749, 499, 249]
    assert float(made.alphas_cumprod[999]) == 0.0


def test_a_network_that_adds_nothing_shows_the_enlarged_picture(natural: Picture, tmp_path: Path) -> None:
    import diffusers

    folder = saved("UNet2DModel", tmp_path / "silent")
    network = diffusers.UNet2DModel.from_pretrained(folder)
    for parameter in network.conv_out.parameters():
        torch.nn.init.zeros_(parameter)
    network.save_pretrained(folder)
    distortions = []
    for scale in (1, 2, 4):
        generator = cadm(str(folder), scale=scale)
        distortions.append(Likeness(natural).distortion(generator.generate(fit(generator, natural).to_bytes(), SPEC)))
    assert distortions == sorted(distortions)
    assert 10 * np.log10(255**2 / distortions[0]) > 30


def test_more_colours_are_nearer(natural: Picture) -> None:
    pixels = pixels_of(natural, 2)
    errors = []
    for count in (16, 64, 256):
        colours = colours_of(pixels, count, torch.Generator().manual_seed(0))
        assert colours.shape == (count, 3)
        errors.append(float((quantised(pixels, colours) - pixels).square().mean()))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_pictures_of_few_colours_keep_them() -> None:
    palette = torch.tensor([[-100.0, 3, 9], [-20, 40, -50], [60, -8, 0], [101, 20, 20]])
    drawn = torch.randint(4, (40, 30), generator=torch.Generator().manual_seed(1))
    pixels = palette[drawn].permute(2, 0, 1)
    colours = colours_of(pixels, 16, torch.Generator().manual_seed(0))
    assert torch.equal(quantised(pixels, colours), pixels)
    assert len(set(nearest(pixels.flatten(1).T, colours).tolist())) == 4


def test_flat_pictures_stay_flat_at_any_scale_and_size() -> None:
    packed = torch.full((1, 6, 35, 51), 17.0)
    for scale in (1, 2, 4):
        pixels = reduced(packed, scale)
        assert pixels.shape[-2:] == (-(-70 // scale), -(-102 // scale))
        assert torch.allclose(enlarged(pixels, scale), torch.tensor(17.0), atol=1e-4)


@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("size", [(176, 144), (130, 66), (34, 18)], ids=str)
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_pictures_have_the_asked_size_and_depth(model: str, size: tuple[int, int], bit_depth: int, scale: int) -> None:
    spec = PictureSpec(*size, bit_depth)
    generator = cadm(model, scale=scale)
    latent = fit(generator, make_picture("natural", *size, bit_depth), spec=spec)
    picture = generator.generate(latent.to_bytes(), spec)
    assert tuple(plane.shape for plane in picture.planes) == spec.plane_shapes
    assert picture.y.dtype == spec.dtype


def test_a_preset_tries_steps_and_the_best_is_kept(model: str, natural: Picture) -> None:
    seen: list[FitProgress] = []
    generator = cadm(model, preset="medium", scale=4)
    latent = generator.fit(Likeness(natural), SPEC, budget=None, warm_start=None, progress=seen.append)
    assert [report.step for report in seen] == [1, 2, 3]
    body = Body.from_bytes(ModelLatent.from_bytes(latent).body, (36, 44))
    distortion = Likeness(natural).distortion(generator.generate(latent, SPEC))
    assert 10 * np.log10(255**2 / distortion) == pytest.approx(seen[-1].psnr, abs=0.1)
    assert body.steps in (1, 2, 4)


def test_the_same_seed_gives_the_same_latent(model: str, natural: Picture) -> None:
    first, again = (fit(cadm(model, seed=3, scale=4), natural, 900).to_bytes() for _ in range(2))
    assert first == again


def test_a_correction_gives_the_exact_picture_from_other_arithmetic(
    model: str, natural: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = cadm(model, repair=True, preset="faster", scale=2)
    assert isinstance(generator, CorrectableGenerator)
    latent = fit(generator, natural, 900).to_bytes()
    exact = generator.generate(latent, SPEC)
    restored = Restorer.restored

    def differently(self: Restorer, *rest: object, **options: object) -> torch.Tensor:
        made = restored(self, *rest, **options)  # type: ignore[arg-type]
        return made + (1e-10 if made.dtype == torch.float64 else 0.02) * torch.sin(1e3 * made)

    monkeypatch.setattr(Restorer, "restored", differently)
    assert not generator.generate(latent, SPEC).same_samples(exact)
    corrected = generator.corrected(latent, SPEC)
    assert corrected is not None
    assert corrected.same_samples(exact)
    assert generator.correction_size(latent) < 300


def test_timesteps_in_double_precision_are_those_of_diffusers(model: str) -> None:
    import diffusers

    network = Model.of(diffusers.UNet2DModel.from_pretrained(model), "UNet2DModel", CPU)
    timesteps = torch.tensor([999, 500, 0])
    single = network.network.time_proj(timesteps)
    double = Restorer(network.in_double())._network.time_proj(timesteps)
    assert double.dtype == torch.float64
    assert (single - double).abs().max() < 1e-4


def test_large_pictures_are_made_in_tiles(model: str) -> None:
    """The tiny model has 4 luma samples to one of its coarsest level: 640x480 are 160x120 of them."""
    spec = PictureSpec(640, 480)
    generator = cadm(model, scale=4)
    latent = fit(generator, make_picture("gradient", 640, 480), spec=spec)
    assert latent.tile == TILE
    assert generator.generate(latent.to_bytes(), spec).y.shape == (480, 640)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=60), head=st.integers(0, 16))
def test_damaged_latents_are_refused_or_give_a_picture(model: str, data: bytes, head: int) -> None:
    spec = PictureSpec(16, 16)
    whole = fit(cadm(model, scale=2), make_picture("noise", 16, 16), spec=spec).to_bytes()
    try:
        assert cadm(model).generate(whole[:head] + data, spec).y.shape == (16, 16)
    except (CorruptDataError, UnsupportedError, ModelError):
        assert whole[:head] + data != whole


def test_tiles_that_are_all_overlap_are_refused(model: str) -> None:
    latent = bytearray(fit(cadm(model, scale=4), make_picture("noise", 64, 64), spec=PictureSpec(64, 64)).to_bytes())
    latent[11] = 2
    with pytest.raises(CorruptDataError, match="tiles of 16"):
        cadm(model).generate(bytes(latent), PictureSpec(64, 64))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "ends before"),
        (bytes([0, 1, 0]), "number of colours, 1"),
        (bytes([4, 51, 0]), "of steps, 51"),
        (bytes([4, 1, 9]), "palette of 9 bytes and has 0"),
        (bytes([4, 1, 0]) + b"\xff" * 9, "colour [567] of 5"),
    ],
)
def test_damaged_bodies_are_refused_with_a_reason(body: bytes, words: str) -> None:
    with pytest.raises(CorruptDataError, match=words):
        Body.from_bytes(body, (4, 4))


def test_models_that_restore_nothing_are_refused(model: str, natural: Picture, tmp_path: Path) -> None:
    other = str(saved("UNet2DModel", tmp_path / "other", in_channels=6))
    with pytest.raises(ModelError, match="its in_channels is 6, not 18"):
        fit(cadm(other), natural)
    with pytest.raises(ModelError, match="of class AutoencoderTiny, not UNet2DModel"):
        fit(cadm(str(saved("AutoencoderTiny", tmp_path / "tiny"))), natural)
    latent = fit(cadm(model), natural).to_bytes()
    with pytest.raises(ModelError, match="SHA-256"):
        cadm(str(saved("UNet2DModel", tmp_path / "another", seed=1))).generate(latent, SPEC)


def test_too_little_memory_is_one_sentence(model: str, natural: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    import diffusers

    monkeypatch.setattr(diffusers.UNet2DModel, "forward", lambda *_, **__: torch.empty(1 << 50))
    with pytest.raises(OutOfMemoryError, match="too little memory"):
        fit(cadm(model), natural)
