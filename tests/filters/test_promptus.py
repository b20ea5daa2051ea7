"""Generator `promptus`: prompts within their budget, fitted to less loss, cut to lower ranks, corrected exactly."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import CorruptDataError, ModelError, UnsupportedError, UsageError
from ffhybrid.filters import FitProgress, Likeness, create
from ffhybrid.filters.base import CorrectableGenerator, Generator
from ffhybrid.filters.fsrcnn import Fsrcnn, bicubic
from ffhybrid.filters.models.checkpoints import ENVIRONMENT
from ffhybrid.filters.models.downscaling import least_within
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.upscaling import FOLDER, WEIGHTS, load_enlarger
from ffhybrid.filters.noise import gaussian
from ffhybrid.filters.promptus.codec import TOKENS, PromptBody, Quantiser
from ffhybrid.filters.promptus.generator import Promptus
from ffhybrid.filters.promptus.model import STABLE_DIFFUSION, FixedTimestep, constants
from pretrained_models import PROMPTED, saved, saved_one_step
from support import make_picture

CPU = torch.device("cpu")
SPEC = PictureSpec(64, 48)
WIDTH = PROMPTED["cross_attention_dim"]
FSRCNN = Path(__file__).resolve().parents[3] / "shared" / "weights" / "FSRCNN_x2.safetensors"
"""Real weights beside the project, where there are any; never part of it."""


@pytest.fixture(scope="module")
def natural(whole: Picture) -> Picture:
    return whole.cropped(SPEC.width, SPEC.height)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_one_step(tmp_path_factory.mktemp("models") / "turbo")


@pytest.fixture
def own_model(model: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return shutil.copytree(model, tmp_path / "own")


def promptus(model: Path, **options: object) -> Generator:
    defaults = {"model": str(model), "device": "cpu", "preset": "ultrafast", "tune": "psnr"}
    return create("promptus", **defaults | options)


def fit(
    generator: Generator,
    picture: Picture,
    budget: int | None = None,
    *,
    spec: PictureSpec = SPEC,
    warm_start: bytes | None = None,
    seen: list[FitProgress] | None = None,
) -> bytes:
    progress = None if seen is None else seen.append
    return generator.fit(Likeness(picture), spec, budget=budget, warm_start=warm_start, progress=progress)


def body_of(latent: bytes) -> PromptBody:
    return PromptBody.from_bytes(ModelLatent.from_bytes(latent).body)


def distortion(generator: Generator, latent: bytes, picture: Picture) -> float:
    return Likeness(picture).distortion(generator.generate(latent, SPEC))


def test_the_constants_are_those_of_sd_turbo() -> None:
    diffusers = pytest.importorskip("diffusers")
    skip, gain = constants(STABLE_DIFFUSION)
    assert (1 / skip, gain) == (pytest.approx(0.0683, abs=5e-5), pytest.approx(-14.6146, abs=5e-5))
    for schedule in (STABLE_DIFFUSION, STABLE_DIFFUSION | {"beta_schedule": "linear", "num_train_timesteps": 20}):
        names = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule")
        theirs = diffusers.DDPMScheduler(**{name: schedule[name] for name in names}).alphas_cumprod[-1]
        assert constants(schedule)[0] ** -2 == pytest.approx(float(theirs), rel=1e-4)
    assert constants(STABLE_DIFFUSION | {"prediction_type": "v_prediction"}) == (
        pytest.approx(1 / skip),
        pytest.approx(-math.sqrt(1 - skip**-2)),
    )


def test_sinusoids_are_those_of_diffusers() -> None:
    embeddings = pytest.importorskip("diffusers.models.embeddings")
    for theirs in (embeddings.Timesteps(16, True, 0), embeddings.Timesteps(8, False, 1)):
        ours = FixedTimestep(theirs, 999)(torch.tensor([999]))
        assert torch.allclose(ours, theirs(torch.tensor([999])), atol=1e-4)


def test_noise_is_normal_and_of_its_seed() -> None:
    noise = gaussian((4, 64, 96), seed=88, device=CPU)
    assert float(noise.mean()) == pytest.approx(0, abs=0.02)
    assert float(noise.std()) == pytest.approx(1, abs=0.02)
    assert float((noise**4).mean()) == pytest.approx(2.9, abs=0.15)
    for shift, side in ((1, -1), (1, -2), (1, 1), (7, -1)):
        assert abs(float((noise * noise.roll(shift, side)).mean())) < 0.03
    assert gaussian((4, 64, 96), seed=88, device=CPU).equal(noise)
    assert abs(float((noise * gaussian((4, 64, 96), seed=89, device=CPU)).mean())) < 0.03


@pytest.mark.parametrize(("budget", "rank"), [(150, 2), (400, 6), (900, 13)])
def test_a_budget_is_met_and_gives_the_rank(model: Path, natural: Picture, budget: int, rank: int) -> None:
    latent = fit(promptus(model), natural, budget)
    assert len(latent) == pytest.approx(budget, rel=0.05)
    assert body_of(latent).rank == rank
    assert rank * (TOKENS + WIDTH) >= budget - 30


def test_a_budget_that_a_prompt_cannot_use_is_said(
    model: Path, natural: Picture, caplog: pytest.LogCaptureFixture
) -> None:
    latent = fit(promptus(model), natural, 100_000)
    assert f"cannot meet 100000 bytes: its latent takes {len(latent)}" in caplog.text


def test_the_latent_has_the_layout_of_the_format_page(model: Path, natural: Picture) -> None:
    latent = fit(promptus(model, scale=2, seed=300), natural, 300)
    assert latent[:2] == b"\1\0"
    assert latent[10:13] == bytes([1, 0, 0])
    body = ModelLatent.from_bytes(latent).body
    parsed = body_of(latent)
    assert body[: 1 + 1 + 2 + 1] == bytes([parsed.rank, WIDTH, 0xAC, 2, 0])
    assert (body[5], body[7]) == (parsed.u.step, parsed.v.step)
    assert parsed.to_bytes() == body
    assert parsed.codes.shape == (parsed.rank, TOKENS + WIDTH)
    assert len(latent) == ModelLatent.overhead() + 9 + len(body[9:])


def test_factors_are_codes_and_offset_times_the_step() -> None:
    codes = np.zeros((2, TOKENS + 3), np.int8)
    codes[1, 4], codes[0, TOKENS + 2] = 5, -7
    body = PromptBody(seed=0, start=b"", u=Quantiser(192, 2), v=Quantiser(216, -1), codes=codes)
    u, v = PromptBody.from_bytes(body.to_bytes()).factors()
    assert (u.shape, v.shape) == ((TOKENS, 2), (2, 3))
    assert (u[4, 1], u[0, 0], v[0, 2], v[1, 1]) == (7, 2, -16, -2)


@pytest.fixture(scope="module")
def fitted(model: Path, natural: Picture) -> tuple[bytes, list[FitProgress]]:
    """A fit of forty iterations to 400 bytes, and what it told on the way."""
    seen: list[FitProgress] = []
    return fit(promptus(model, preset="faster"), natural, 400, seen=seen), seen


def test_fitting_lowers_the_loss_within_the_budget_and_goes_on_where_it_ended(
    model: Path, natural: Picture, fitted: tuple[bytes, list[FitProgress]]
) -> None:
    generator = promptus(model)
    latent, seen = fitted
    assert len(latent) == pytest.approx(400, rel=0.05)
    assert [report.step for report in seen] == [0, 10, 20, 30, 40]
    assert seen[-1].distortion < 0.75 * seen[0].distortion
    assert distortion(generator, latent, natural) < 0.75 * distortion(generator, fit(generator, natural, 400), natural)
    assert fit(generator, natural, 400, warm_start=latent) == latent
    resumed: list[FitProgress] = []
    fit(promptus(model, preset="superfast"), natural, 400, warm_start=latent, seen=resumed)
    assert resumed[0].distortion == pytest.approx(seen[-1].distortion, rel=1e-6)
    assert resumed[-1].distortion <= resumed[0].distortion


def test_another_rank_goes_on_from_a_warm_start(
    model: Path, natural: Picture, fitted: tuple[bytes, list[FitProgress]]
) -> None:
    latent, _ = fitted
    fresh, warm = [], []
    fit(promptus(model), natural, 900, seen=fresh)
    fit(promptus(model), natural, 900, seen=warm, warm_start=latent)
    assert warm[-1].distortion < fresh[-1].distortion
    assert body_of(fit(promptus(model), natural, 150, warm_start=latent)).rank == 2


def test_a_warm_start_of_another_model_is_left_alone(model: Path, natural: Picture, tmp_path: Path) -> None:
    other = saved_one_step(tmp_path / "other", seed=1, cross_attention_dim=24)
    latent = fit(promptus(other), natural, 300)
    assert fit(promptus(model), natural, 300, warm_start=latent) == fit(promptus(model), natural, 300)


@pytest.mark.slow
def test_what_a_quarter_of_the_components_gives_is_worth_more_where_the_fit_has_seen_it(
    model: Path, natural: Picture
) -> None:
    distortions = {}
    for nested in (False, True):
        generator = promptus(model, preset="faster", nested=nested)
        latent = fit(generator, natural, 800)
        cut = Promptus.truncated(latent, body_of(latent).rank // 4)
        distortions[nested] = distortion(generator, cut, natural)
    assert distortions[True] < distortions[False]


def test_prompts_of_nested_order_are_cut_without_another_fit(model: Path, natural: Picture) -> None:
    latent = fit(promptus(model, preset="superfast", nested=True), natural, 800)
    rank = body_of(latent).rank
    cut = Promptus.truncated(latent, rank // 4)
    assert body_of(cut).rank == rank // 4
    assert len(cut) == pytest.approx(len(latent) / 4, rel=0.25)
    assert np.array_equal(body_of(cut).codes, body_of(latent).codes[: rank // 4])
    with pytest.raises(ValueError, match=f"rank {rank} cannot be cut to {rank + 1}"):
        Promptus.truncated(latent, rank + 1)


def test_a_start_is_counted_and_changes_the_picture(model: Path, natural: Picture) -> None:
    latent = fit(promptus(model, start=0.5), natural, 400)
    assert len(latent) == pytest.approx(400, rel=0.05)
    start = body_of(latent).start
    assert len(start) == pytest.approx(200, rel=0.1)
    generator = promptus(model)
    without = ModelLatent.from_bytes(latent)
    body = PromptBody.from_bytes(without.body)
    bare = PromptBody(seed=body.seed, start=b"", u=body.u, v=body.v, codes=body.codes).to_bytes()
    stripped = ModelLatent(architecture=0, model=without.model, reduction=0, tile=0, body=bare).to_bytes()
    assert not generator.generate(latent, SPEC).same_samples(generator.generate(stripped, SPEC))


@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize(("size", "scale"), [((130, 66), 1), ((34, 18), 4)])
def test_pictures_have_the_asked_size_and_depth(model: Path, size: tuple[int, int], bit_depth: int, scale: int) -> None:
    spec = PictureSpec(*size, bit_depth)
    generator = promptus(model, scale=scale)
    latent = fit(generator, make_picture("natural", *size, bit_depth), 300, spec=spec)
    picture = generator.generate(latent, spec)
    assert tuple(plane.shape for plane in picture.planes) == spec.plane_shapes
    assert picture.y.dtype == spec.dtype


def test_large_pictures_are_made_in_two_stages() -> None:
    sizes = {(640, 360): 0, (960, 540): 0, (1920, 1080): 1, (3840, 2160): 2, (7680, 4320): 2}
    assert {size: least_within((0, 1, 2), PictureSpec(*size), 960 * 544) for size in sizes} == sizes


@pytest.mark.parametrize("decoder", ["AutoencoderTiny", "AutoencoderKL"])
def test_a_correction_gives_the_exact_picture_from_other_arithmetic(
    natural: Picture, tmp_path: Path, decoder: str
) -> None:
    generator = promptus(saved_one_step(tmp_path / "model", decoder=decoder), repair=True)
    assert isinstance(generator, CorrectableGenerator)
    latent = fit(generator, natural, 400)
    corrected = generator.corrected(latent, SPEC)
    assert corrected is not None
    assert corrected.same_samples(generator.generate(latent, SPEC))
    assert len(latent) - generator.correction_size(latent) == pytest.approx(400, rel=0.05)
    assert ModelLatent.from_bytes(Promptus.truncated(latent, 1)).is_correctable is False


def test_the_same_seed_gives_the_same_latent(model: Path, natural: Picture) -> None:
    first, again, other = (fit(promptus(model, preset="superfast", seed=seed), natural, 300) for seed in (3, 3, 4))
    assert first == again != other


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=60), head=st.booleans())
def test_damaged_latents_are_refused_or_give_a_picture(model: Path, data: bytes, head: bool) -> None:
    generator = promptus(model)
    spec = PictureSpec(16, 16)
    whole = fit(generator, make_picture("noise", 16, 16), 100, spec=spec)
    damaged = whole[:12] + data if head else data
    try:
        assert generator.generate(damaged, spec).y.shape == (16, 16)
    except (CorruptDataError, UnsupportedError):
        assert damaged != whole


def refusal(folder: Path) -> str:
    with pytest.raises((ModelError, UsageError)) as caught:
        fit(promptus(folder), make_picture("noise", 16, 16), 100, spec=PictureSpec(16, 16))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_models_that_cannot_be_used_are_refused_in_one_sentence(own_model: Path, tmp_path: Path) -> None:
    assert "UNet2DModel, not UNet2DConditionModel" in refusal(saved("UNet2DModel", tmp_path / "u"))
    path = saved("AutoencoderTiny", tmp_path / "tiny") / "diffusion_pytorch_model.safetensors"
    assert "a folder of unet/, vae/, scheduler/, enlarger/" in refusal(path)
    xl = saved_one_step(tmp_path / "xl", class_embed_type="timestep")
    assert "more than a prompt: it has class_embed_type 'timestep'" in refusal(xl)
    schedule = own_model / "scheduler" / "scheduler_config.json"
    schedule.write_text(json.dumps({"prediction_type": "epsilon", "beta_schedule": "cubic"}))
    assert "no schedule for one step: beta schedule 'cubic'" in refusal(own_model)
    schedule.write_text(json.dumps({"prediction_type": "epsilon", "beta_end": 0.5}))
    assert "noise is predicted where there is nothing else" in refusal(own_model)
    shutil.rmtree(own_model / "vae")
    assert "vae is no model: it has no config.json" in refusal(own_model)
    saved("VQModel", own_model / "vae")
    assert "VQModel, not AutoencoderTiny or AutoencoderKL" in refusal(own_model)


def test_every_part_of_a_model_counts(own_model: Path, natural: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    latent = fit(promptus(own_model), natural, 300)
    monkeypatch.setenv(ENVIRONMENT, str(own_model.parent))
    saved_one_step(own_model.parent / "another-kind", class_embed_type="timestep")
    expected = create("promptus", device="cpu").generate(latent, SPEC)
    assert expected.same_samples(promptus(own_model).generate(latent, SPEC))
    (own_model / "scheduler" / "scheduler_config.json").write_text('{"prediction_type": "epsilon"}')
    with pytest.raises(ModelError, match="SHA-256 begins with"):
        promptus(own_model).generate(latent, SPEC)
    (own_model / "scheduler" / "scheduler_config.json").write_text('{"prediction_type": "sample"}')
    saved("AutoencoderTiny", own_model / "vae", seed=7)
    with pytest.raises(ModelError, match="give it by -model"):
        create("promptus", device="cpu").generate(latent, SPEC)


def enlarging_weights(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = [(5, 1, 6), (1, 6, 4), (3, 4, 4), (3, 4, 4), (3, 4, 4), (3, 4, 4), (1, 4, 6), (1, 6, 4)]
    weights = {}
    for layer, (side, inputs, outputs) in enumerate(shapes, 1):
        weights[f"f{layer}"] = 0.2 * torch.randn(side, side, inputs, outputs, generator=generator)
        weights[f"b{layer}"] = torch.zeros(outputs if layer < len(shapes) else 1)
        if layer < len(shapes):
            weights[f"alpha{layer}"] = torch.full((outputs,), 0.1)
    return weights


def test_the_model_brings_what_enlarges_its_picture(own_model: Path, natural: Picture) -> None:
    plain = promptus(own_model, scale=2)
    latent = fit(plain, natural, 300)
    without = plain.generate(latent, SPEC)
    (own_model / FOLDER).mkdir()
    save_file(enlarging_weights(), own_model / FOLDER / WEIGHTS)
    generator = promptus(own_model, scale=2, repair=True)
    assert isinstance(generator, CorrectableGenerator)
    latent = fit(generator, natural, 300)
    enlarged = generator.generate(latent, SPEC)
    assert not enlarged.same_samples(without)
    corrected = generator.corrected(latent, SPEC)
    assert corrected is not None
    assert corrected.same_samples(enlarged)
    save_file({"f1": torch.zeros(1)}, own_model / FOLDER / WEIGHTS)
    assert "no FSRCNN that doubles" in refusal(own_model)


def test_weights_that_do_not_fit_each_other_are_refused() -> None:
    weights = enlarging_weights()
    for name, value in (("f2", torch.zeros(2, 2, 6, 4)), ("f3", torch.zeros(3, 3, 5, 4)), ("b4", torch.zeros(9))):
        with pytest.raises(ValueError, match="FSRCNN"):
            Fsrcnn(weights | {name: value})


@pytest.mark.skipif(not FSRCNN.exists(), reason="FSRCNN's weights are not beside the project")
def test_real_weights_double_better_than_interpolation(whole: Picture, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    shutil.copy(FSRCNN, tmp_path / FOLDER / WEIGHTS)
    enlarger = load_enlarger(tmp_path)
    assert enlarger is not None
    fine = torch.as_tensor(whole.y.astype(np.float32) / 255)[None, None].expand(1, 3, -1, -1)
    coarse = torch.nn.functional.interpolate(fine, scale_factor=0.5, mode="bicubic", antialias=True)
    errors = [float((doubled - fine).square().mean()) for doubled in (enlarger(coarse), bicubic(coarse))]
    assert errors[0] < 0.9 * errors[1]


def test_unknown_options_are_refused(model: Path) -> None:
    for options, words in (({"start": 1.0}, "at most 0.9"), ({"seed": -1}, "24 bits"), ({"scale": 3}, "1, 2 or 4")):
        with pytest.raises(UsageError, match=words):
            promptus(model, **options)
