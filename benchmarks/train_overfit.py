"""Train what generator ``overfit`` starts from: the prior of its network, and the analysis network.

Both see random parts of pictures at random rates and textures, as an autoencoder with the very network of the decoder;
half of the time with noise in place of rounding, as fitting has it. The prior becomes C code, so the golden latents of
the tests have to be made anew after it.

    python benchmarks/train_overfit.py --minutes 60 --state state.npz [--from STATE] [--export] PICTURE_OR_CLIP ...
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from ffhybrid.filters.colour import to_rgb
from ffhybrid.filters.lpips_weights import HOW_TO_GET, find_lpips_weights
from ffhybrid.filters.overfit.analysis import Analysis
from ffhybrid.filters.overfit.codec import grid_steps, pattern_basis, prior
from ffhybrid.filters.overfit.fitting import FIRST_TEMPERATURE
from ffhybrid.filters.overfit.model import Network, noise_planes
from ffhybrid.filters.overfit.rounding import noisy_round
from ffhybrid.filters.overfit.session import PLAIN_TEXTURE
from ffhybrid.filters.overfit.start import analysis, lambda_of
from ffhybrid.filters.overfit.start import steps as header_steps
from ffhybrid.filters.overfit.structure import (
    PARAMETERS,
    PATTERN_BITS,
    PATTERN_SIDE,
    PATTERN_STRIDE,
    PATTERNS,
    WEIGHT_BITS,
)
from ffhybrid.filters.perceptual import Lpips
from ffhybrid.picture import Colour

PART = 128
"""Side of a training part in luma blocks."""
BATCH = 4
RATE_CLASSES = (-4.0, 3.6)
TEXTURE_CLASSES = (-3.0, 1.0)
PLAIN_PART, NOISY_PART, FINE_PART = 0.4, 0.5, 0.4
FINE_BELOW = -2.0
"""Rate class below which some parts have a level 0."""
LPIPS_PICTURES, LPIPS_SIDE = 2, 112
CLIP_INTERVAL = 12
REPORT_INTERVAL = 200
NOISE_SIDE = 512
RATES = {"analysis": 8e-4, "network": 1.5e-3, "patterns": 3e-4, "pattern entropy": 3e-3}
BICUBIC = (-0.03515625, 0.26171875, 0.87890625, -0.10546875)
"""Taps at distances 7/4, 3/4, 1/4 and 5/4."""
ROOT = Path(__file__).resolve().parents[1]


def packed_pictures(paths: list[Path]) -> list[Tensor]:
    """Every picture, every twelfth frame of clips, and both reduced, as (6, rows, columns)."""
    found = []
    for path in paths:
        with av.open(path) as container:
            for index, frame in enumerate(container.decode(video=0)):
                if index % CLIP_INTERVAL == 0:
                    found += [packed for packed in _sizes(frame) if min(packed.shape[1:]) >= PART]
    return found


def _sizes(frame: av.VideoFrame) -> Iterator[Tensor]:
    for scale in (1.0, 0.6):
        width, height = (round(side * scale) // 2 * 2 for side in (frame.width, frame.height))
        planes = frame.reformat(width=width, height=height, format="yuv420p", interpolation="AREA").to_ndarray()
        luma = torch.from_numpy(planes[:height].astype(np.float32))[None, None]
        chroma = torch.from_numpy(planes[height:].astype(np.float32)).reshape(2, height // 2, width // 2)
        yield torch.cat((F.pixel_unshuffle(luma, 2)[0], chroma)) - 128


def lapped_cosines() -> Tensor:
    """Make the first patterns: the lowest frequencies of a modulated lapped transform, (PATTERNS, 6, rows, columns)."""
    size = 2 * PATTERN_STRIDE
    at = torch.arange(2 * size) + 0.5
    frequency = torch.arange(size)[:, None] + 0.5
    window = torch.sin(at * math.pi / (2 * size)) * math.sqrt(2 / size)
    functions = window * torch.cos((at + size / 2) * frequency * math.pi / size)
    order = sorted((i * i + j * j, i, j) for i in range(size) for j in range(size))
    luma = torch.stack([torch.outer(functions[i], functions[j]) for _, i, j in order[:PATTERNS]])
    chroma = torch.zeros(PATTERNS, 2, PATTERN_SIDE, PATTERN_SIDE)
    return torch.cat((chroma, F.pixel_unshuffle(luma[:, None], 2)), 1)


def first_network() -> Network:
    """Make a Laplacian pyramid and a lapped transform, added up, and small random weights for the rest."""
    made = Network()
    spread = {"arm.weight1": 0.2, "arm.weight2": 0.25, "arm.weight3": 0.05, "synthesis.weight1": 0.25}
    spread |= {"patterns.weight1": 0.2, "patterns.weight2": 0.25, "patterns.weight3": 0.05}
    spread |= {"synthesis.weight2": 0.1, "synthesis.linear": 0.05}
    spread |= {f"synthesis.weight{layer}": 0.02 for layer in (3, 4, 5)}
    with torch.no_grad():
        for name, deviation in spread.items():
            made.named(name).normal_(0, deviation)
        made.named("upsampling.taps").copy_(torch.tensor(BICUBIC).expand_as(made.named("upsampling.taps")))
        made.named("patterns.bias3")[:, 1] = -1
        made.basis.copy_(lapped_cosines())
        made.named("synthesis.bias1").uniform_(-4, 4)
        linear = made.named("synthesis.linear")
        linear[:4, :6] += 1
        linear[range(4), range(8, 12)] = 1
        linear[[4, 5], [6, 7]] = 1
    return made


@dataclass(slots=True)
class Average:
    """Sums of one kind of iteration."""

    count: int = 0
    mse: float = 0.0
    bpp: float = 0.0
    lpips: float = 0.0

    def add(self, mse: Tensor, bpp: Tensor, lpips: Tensor) -> None:
        """Count one iteration."""
        self.count += 1
        self.mse += float(mse.detach())
        self.bpp += float(bpp.detach())
        self.lpips += float(lpips.detach())

    def __str__(self) -> str:
        psnr = -10 * math.log10(self.mse / self.count)
        return f"{psnr:.2f} dB {self.bpp / self.count:.4f} bpp LPIPS {self.lpips / self.count:.3f}"


class Trainer:
    """Networks, optimiser and data."""

    def __init__(self, pictures: list[Tensor], lpips: Lpips, device: torch.device) -> None:
        self.device = device
        self.pictures = [picture.to(device) for picture in pictures]
        self.lpips = lpips.to(device)
        self.network, self.analysis = first_network().to(device), Analysis().to(device)
        self.network.basis.requires_grad_()
        with torch.no_grad():
            basis = self.network.basis
            self.analysis.patterns.weight.copy_(torch.cat((basis[:, 2:], basis[:, :2]), 1))
        self.noise = noise_planes(NOISE_SIDE, NOISE_SIDE, device=device)
        groups: dict[str, list[nn.Parameter]] = {name: [] for name in RATES}
        groups["patterns"] += [self.network.basis, self.analysis.patterns.weight]
        for name, parameter in self.network.named_parameters():
            if parameter is not self.network.basis:
                groups["pattern entropy" if name.startswith("patterns") else "network"].append(parameter)
        for parameter in self.analysis.parameters():
            if parameter is not self.analysis.patterns.weight:
                groups["analysis"].append(parameter)
        self.optimizer = torch.optim.Adam([{"params": group, "name": name} for name, group in groups.items()])
        self.averages: dict[tuple[int, bool], Average] = {}

    def step(self, part: float) -> None:
        """One iteration; ``part`` of the training is over."""
        fall = 0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * part))
        for group in self.optimizer.param_groups:
            group["lr"] = RATES[group["name"]] * fall
        rate_class = random.uniform(*RATE_CLASSES)
        texture = PLAIN_TEXTURE if random.random() < PLAIN_PART else random.uniform(*TEXTURE_CLASSES)
        source = torch.stack([self._part() for _ in range(BATCH)])
        mse, bpp, lpips = self._losses(source, rate_class, texture)
        loss = mse + lambda_of(rate_class) * bpp
        if texture != PLAIN_TEXTURE:
            loss = loss + lambda_of(rate_class) * 2**texture * lpips
        self.optimizer.zero_grad(set_to_none=True)
        (loss / lambda_of(rate_class)).backward()
        for group in self.optimizer.param_groups:
            torch.nn.utils.clip_grad_norm_(group["params"], 1.0)
        self.optimizer.step()
        key = (round(rate_class), texture != PLAIN_TEXTURE)
        self.averages.setdefault(key, Average()).add(mse, bpp, lpips)

    def _losses(self, source: Tensor, rate_class: float, texture: float) -> tuple[Tensor, Tensor, Tensor]:
        classes = (rate_class, texture)
        quantised = _noisy if random.random() < NOISY_PART else _straight_through
        steps = grid_steps(header_steps(rate_class))
        grids: list[Tensor | None] = [quantised(grid) for grid in self.analysis(source, classes, steps)]
        if rate_class >= FINE_BELOW or random.random() >= FINE_PART:
            grids[0] = None
        features = [None if grid is None else grid * step for grid, step in zip(grids, steps, strict=True)]
        y, x = (random.randrange(NOISE_SIDE - PART) for _ in range(2))
        made = self.network.synthesise(features, self.noise[..., y : y + PART, x : x + PART], classes)
        bpp = self.network.bits(grids, classes) / (4 * PART * PART * BATCH)
        mse = ((made - source) / 255).square().mean()
        if texture == PLAIN_TEXTURE:
            return mse, bpp, torch.zeros(())
        ours, theirs = (
            to_rgb(whole[:LPIPS_PICTURES, :, :LPIPS_SIDE, :LPIPS_SIDE], Colour()) for whole in (made, source)
        )
        return mse, bpp, self.lpips(ours, theirs).mean()

    def _part(self) -> Tensor:
        picture = random.choice(self.pictures)
        y, x = (random.randrange(side - PART + 1) for side in picture.shape[1:])
        part = picture[:, y : y + PART, x : x + PART]
        if random.random() < 0.5:
            return part
        return part.flip(2)[[1, 0, 3, 2, 4, 5]]


def _noisy(x: Tensor) -> Tensor:
    return noisy_round(x, FIRST_TEMPERATURE)


def _straight_through(x: Tensor) -> Tensor:
    return x + (x.round() - x).detach()


def save(trainer: Trainer, path: Path) -> None:
    """Keep both networks."""
    arrays = {f"analysis.{name}": value.cpu().numpy() for name, value in trainer.analysis.state_dict().items()}
    basis = trainer.network.basis.detach().cpu().numpy()
    np.savez(path, network=trainer.network.flat().cpu().numpy(), basis=basis, **arrays)


def load(trainer: Trainer, path: Path) -> None:
    """Take both networks up again."""
    with np.load(path) as arrays:
        trainer.network.load_flat(torch.from_numpy(arrays["network"]).to(trainer.device))
        with torch.no_grad():
            trainer.network.basis.copy_(torch.from_numpy(arrays["basis"]))
        names = [name for name in arrays.files if name.startswith("analysis.")]
        state = {name.removeprefix("analysis."): torch.from_numpy(arrays[name]) for name in names}
    trainer.analysis.load_state_dict(state)


def load_built_in(trainer: Trainer) -> None:
    """Take up what the package has, which is rounded."""
    trainer.network.load_state_dict(Network.fixed_point(prior(), pattern_basis()).state_dict())
    trainer.analysis.load_state_dict(analysis().state_dict())


def export(trainer: Trainer) -> None:
    """Write the prior as C and the analysis network as half-precision arrays."""
    fixed = torch.round(trainer.network.flat().cpu() * (1 << WEIGHT_BITS)).to(torch.int32)
    lines = ['#include "ffh_network.h"', "", "/* Written by benchmarks/train_overfit.py. */"]
    lines.append("const ffh_network ffh_network_prior = {")
    for parameter, values in zip(PARAMETERS, fixed.split([p.size for p in PARAMETERS]), strict=True):
        shape = parameter.shape if len(parameter.shape) < 4 else (*parameter.shape[:2], 9)
        lines.append(f"    /* {parameter.name} */ {_braces(values.view(shape))},")
    lines += [
        "};",
        "",
        "const int8_t ffh_pattern_basis[FFH_PATTERNS][FFH_OUTPUTS][FFH_PATTERN_SIDE][FFH_PATTERN_SIDE] =",
    ]
    basis = torch.round(trainer.network.basis.detach().cpu() * (1 << PATTERN_BITS)).clamp(-127, 127).to(torch.int8)
    (ROOT / "cext" / "ffh_prior.c").write_text("\n".join([*lines, f"    {_braces(basis)};", ""]))
    state = {name: value.cpu().numpy() for name, value in trainer.analysis.state_dict().items()}
    halved = {name: value.astype(np.float16 if value.size > 100 else np.float32) for name, value in state.items()}
    np.savez_compressed(ROOT / "filters" / "overfit" / "analysis.npz", **halved)


def _braces(values: Tensor) -> str:
    inner = (_braces(part) if part.dim() else str(int(part)) for part in values)
    return "{ " + ", ".join(inner) + " }"


def main() -> None:
    """Train, and report every so often."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--from", dest="begin", help="a state to go on from, or 'built-in'")
    parser.add_argument("--export", action="store_true", help="write C code and arrays at the end")
    arguments = parser.parse_args()
    weights = find_lpips_weights()
    if weights is None:
        raise SystemExit(f"LPIPS has no weights here: {HOW_TO_GET}")
    random.seed(1)
    torch.manual_seed(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trainer = Trainer(packed_pictures(arguments.pictures), Lpips(*weights), device)
    if arguments.begin == "built-in":
        load_built_in(trainer)
    elif arguments.begin:
        load(trainer, Path(arguments.begin))
    start, iterations = time.monotonic(), 0
    while (part := (time.monotonic() - start) / (60 * max(arguments.minutes, 1e-9))) < 1 and trainer.pictures:
        trainer.step(part)
        iterations += 1
        if iterations % REPORT_INTERVAL == 0:
            found = ", ".join(f"{key}: {value}" for key, value in sorted(trainer.averages.items()))
            print(f"{iterations} ({100 * part:.0f} %) {found}", flush=True)
            trainer.averages.clear()
            save(trainer, arguments.state)
    save(trainer, arguments.state)
    if arguments.export:
        export(trainer)


if __name__ == "__main__":
    main()
