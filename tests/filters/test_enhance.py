"""Generator `enhance`: bytes go to the base, strengths to what is nearest to the source."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import UnsupportedError, UsageError
from ffhybrid.filters import FitProgress, Likeness, create
from ffhybrid.filters.base import BasePicture, Refinement
from ffhybrid.filters.enhance import codec
from ffhybrid.filters.enhance.choice import PRESETS, choose, judge_of
from ffhybrid.filters.enhance.model import Enhancer, compose, conditions
from ffhybrid.filters.enhance.rounding import NOISE_DEVIATION, to_file
from ffhybrid.filters.enhance.structure import LAYERS
from ffhybrid.filters.losses import pack
from ffhybrid.filters.noise import noise_planes

CPU = torch.device("cpu")
SPEC = PictureSpec(176, 144)
BUDGET, QP = 600, 40
LEAST_WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
import numpy as np
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.filters.registry import for_restoring
spec = PictureSpec(64, 48)
base = Picture(*(np.full(shape, 90, np.uint8) for shape in spec.plane_shapes))
print(for_restoring("enhance").refine(bytes.fromhex(sys.argv[1]), base, spec).y.shape)
"""


@dataclass
class Blurred:
    """Gives a picture without what is small in it as the base, and knows what it was asked for."""

    source: Picture
    sizes: list[int] = field(default_factory=list)

    def within(self, size: int) -> BasePicture:
        self.sizes.append(size)
        return BasePicture(blurred(self.source), bytes(size), QP)


def blurred(picture: Picture) -> Picture:
    def plane(samples: np.ndarray) -> np.ndarray:
        means = samples.reshape(samples.shape[0] // 4, 4, -1, 4).mean((1, 3)).astype(samples.dtype)
        return np.kron(means, np.ones((4, 4), samples.dtype))

    y, cb, cr = (plane(samples) for samples in picture.planes)
    return Picture(y, cb, cr, picture.bit_depth)


@dataclass
class Wants:
    """An objective of its own, which wants the base again, and says how far every picture is from it."""

    source: Picture
    base: Picture

    def distortion(self, picture: Picture) -> float:
        raise AssertionError("pictures are judged by the loss")

    def loss(self, device: torch.device) -> Wants:
        return self

    def sample(self, packed: torch.Tensor) -> torch.Tensor:
        raise AssertionError("nothing descends here")

    def whole(self, packed: torch.Tensor) -> float:
        return float((packed - pack(self.base, CPU)).square().mean())


def fit(picture: Picture, **options: object) -> Refinement:
    return create("enhance", **{"tune": "psnr", **options}).fit_refinement(
        Likeness(picture), SPEC, bases=Blurred(picture), budget=BUDGET, warm_start=None, progress=None
    )


def test_all_bytes_but_those_of_the_latent_are_the_base(natural: Picture) -> None:
    bases = Blurred(natural)
    found = create("enhance", preset="ultrafast").fit_refinement(
        Likeness(natural), SPEC, bases=bases, budget=BUDGET, warm_start=None, progress=None
    )
    assert bases.sizes == [BUDGET - len(found.latent)]
    assert found.size == BUDGET
    latent = codec.read_latent(found.latent, SPEC)
    assert latent.known == codec.Known(qp=QP)
    assert latent.strengths == codec.Strengths()


def test_a_fit_is_the_same_again_and_refines_to_what_it_chose(natural: Picture) -> None:
    found = fit(natural)
    assert fit(natural).latent == found.latent
    picture = create("enhance").refine(found.latent, found.base.picture, SPEC)
    strengths = codec.read_latent(found.latent, SPEC).strengths
    assert picture.same_samples(
        codec.network(codec.NEWEST).look(found.base.picture, codec.Known(qp=QP), threads=1).picture(strengths)
    )


def test_squared_errors_choose_no_texture(natural: Picture) -> None:
    found = fit(natural)
    assert codec.read_latent(found.latent, SPEC).strengths.texture == 0
    likeness = Likeness(natural)
    made = create("enhance").refine(found.latent, found.base.picture, SPEC)
    assert likeness.distortion(made) <= likeness.distortion(found.base.picture)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_trial_is_reported(natural: Picture, preset: str) -> None:
    seen: list[FitProgress] = []
    create("enhance", preset=preset, tune="psnr").fit_refinement(
        Likeness(natural), SPEC, bases=Blurred(natural), budget=BUDGET, warm_start=None, progress=seen.append
    )
    steps = PRESETS[preset].count if PRESETS[preset].is_choice else 0
    steps -= PRESETS[preset].blocks  # squared errors are not known by place
    assert [report.step for report in seen] == list(range(1, steps + 1))
    assert all(report.steps == PRESETS[preset].count and report.size == BUDGET for report in seen)


def test_the_visual_distance_chooses_by_the_source(natural: Picture) -> None:
    sharp = fit(natural, tune="perceptual")
    bases = Blurred(natural)
    smooth = create("enhance").fit_refinement(
        Likeness(blurred(natural)), SPEC, bases=bases, budget=BUDGET, warm_start=None, progress=None
    )
    assert codec.read_latent(smooth.latent, SPEC).strengths.texture == 0
    assert codec.read_latent(sharp.latent, SPEC).strengths != codec.read_latent(smooth.latent, SPEC).strengths


def test_the_visual_distance_says_which_blocks_are_wrong(natural: Picture) -> None:
    """Of 3x3 blocks the first two columns are blurred up to column 70, and the last one is the source."""
    pairs = zip(natural.planes, blurred(natural).planes, strict=True)
    planes = (np.where(np.arange(a.shape[1]) < 0.4 * a.shape[1], b, a) for a, b in pairs)
    judge = judge_of(Likeness(natural), SPEC, tune="perceptual", device="cpu", lpips=None)
    loss, places = judge(Picture(*planes))
    _, of_source = judge(natural)
    assert places is not None
    assert of_source is not None
    assert places.shape == codec.blocks_of(SPEC.width, SPEC.height)
    wrong = (places - of_source).mean(0)
    assert loss > 0
    assert wrong[0] > 2 * wrong[2]


def test_every_block_has_the_texture_that_is_best_there(natural: Picture) -> None:
    """What is judged wants texture in the first two of three columns of blocks, and none in the last."""
    seen = codec.network(codec.NEWEST).look(blurred(natural), codec.Known(qp=QP), threads=1)
    plain = seen.picture(codec.Strengths(texture=0))
    rows, columns = codec.blocks_of(SPEC.width, SPEC.height)

    def judge(picture: Picture) -> tuple[float, NDArray[np.float64]]:
        added = np.abs(picture.y.astype(np.float64) - plain.y)
        places = np.add.reduceat(np.add.reduceat(added, range(0, SPEC.height, 64)), range(0, SPEC.width, 64), axis=1)
        places[:, :2] *= -1
        return float(places.sum()), places

    found = choose(seen, PRESETS["medium"], judge, noise=0, report=lambda _: None)
    assert found.levels == ((codec.MOST_LEVEL, codec.MOST_LEVEL, 0),) * rows
    assert columns == 3
    latent = codec.write_latent(codec.EnhanceLatent(known=codec.Known(qp=QP), strengths=found))
    assert len(latent) <= codec.LATENT_SIZE + 8
    assert codec.read_latent(latent, SPEC).strengths == found


def test_an_objective_of_its_own_keeps_the_base_and_judges(natural: Picture) -> None:
    before = fit(natural, preset="ultrafast")
    bases = Blurred(natural)
    found = create("enhance").fit_refinement(
        Wants(natural, before.base.picture), SPEC, bases=bases, budget=BUDGET, warm_start=before, progress=None
    )
    assert not bases.sizes
    assert found.base is before.base
    assert codec.read_latent(found.latent, SPEC).strengths == codec.Strengths(texture=0, detail=0)


def test_a_seed_is_another_noise(natural: Picture) -> None:
    base = blurred(natural)
    latents = [fit(natural, preset="ultrafast", seed=seed).latent for seed in (0, 7)]
    pictures = [create("enhance").refine(latent, base, SPEC) for latent in latents]
    assert not pictures[0].same_samples(pictures[1])
    difference = pictures[0].y.astype(float) - pictures[1].y
    assert abs(difference.mean()) < 0.5
    with pytest.raises(UsageError, match="seed 256"):
        create("enhance", seed=256)


def test_no_strength_is_exactly_the_base(natural: Picture) -> None:
    latent = codec.write_latent(
        codec.EnhanceLatent(known=codec.Known(qp=QP), strengths=codec.Strengths(texture=0, detail=0))
    )
    assert create("enhance").refine(latent, natural, SPEC).same_samples(natural)


def test_the_qp_changes_the_picture(natural: Picture) -> None:
    base, generator = blurred(natural), create("enhance")
    strengths = codec.Strengths()
    latents = [
        codec.write_latent(codec.EnhanceLatent(known=codec.Known(qp=qp), strengths=strengths)) for qp in (22, QP)
    ]
    pictures = [generator.refine(latent, base, SPEC) for latent in latents]
    assert not pictures[0].same_samples(pictures[1])


def random_enhancer() -> Enhancer:
    """A network none of whose parts is silent."""
    torch.manual_seed(3)
    enhancer = Enhancer()
    with torch.no_grad():
        for name, value in enhancer.named().items():
            if name.startswith(("detail", "gain.second")):
                value.copy_(0.05 * torch.randn(value.shape))
            if name.endswith(("bias", "conditions")):
                value.add_(0.1 * torch.rand(value.shape))
    return enhancer.eval()


@pytest.mark.parametrize("distance", [None, 20])
@pytest.mark.parametrize("texture", [0.0, 1.0])
def test_integers_are_near_the_floating_point_network(natural: Picture, texture: float, distance: int | None) -> None:
    enhancer = random_enhancer()
    network = codec.Network(to_file({name: value.detach().numpy() for name, value in enhancer.named().items()}))
    packed = pack(natural, CPU)
    with torch.no_grad():
        found = enhancer(packed, torch.tensor([conditions(qp=QP, distance=distance)]))
        noise = noise_planes(1, SPEC.height, SPEC.width, device=CPU).float() / NOISE_DEVIATION
        textures = enhancer.texture(found.gains, noise)
        wanted = compose(packed, found.detail, textures, detail_strength=1, texture_strength=texture)
    assert found.detail.std() > 0.5
    assert textures.std() > 0.5
    seen = network.look(natural, codec.Known(qp=QP, distance=distance), threads=1)
    made = pack(seen.picture(codec.Strengths(texture=texture)), CPU)
    error = (made - wanted.clamp(-128, 127)).abs()
    assert error.max() < 1
    assert error.mean() < 0.3


@pytest.mark.parametrize("name", ["stem.weight", "down8.bias", "down4.conditions", "trunk1.second.weight"])
def test_weights_that_are_too_large_are_named(name: str) -> None:
    values = {each: value.detach().numpy().copy() for each, value in Enhancer().named().items()}
    values[name][3] = 1100 if "weight" not in name else 2
    with pytest.raises(UnsupportedError, match=f"output 3 of layer {name.rpartition('.')[0]}"):
        to_file(values)


def test_every_layer_of_the_structure_is_exported() -> None:
    values = {each: value.detach().numpy() for each, value in Enhancer().named().items()}
    for layer in LAYERS:
        without = {name: value for name, value in values.items() if name != f"{layer.name}.bias"}
        with pytest.raises(KeyError, match=layer.name):
            to_file(without)


def test_restoring_needs_no_torch() -> None:
    latent = codec.write_latent(codec.EnhanceLatent(known=codec.Known(qp=QP), strengths=codec.Strengths()))
    program = [sys.executable, "-P", "-c", LEAST_WITHOUT_TORCH, latent.hex()]
    assert subprocess.run(program, capture_output=True, check=True, text=True, cwd=Path("/")).stdout == "(48, 64)\n"
