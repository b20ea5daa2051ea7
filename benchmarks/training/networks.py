"""The two networks that are trained: where they begin, where they are kept, and how they get into the package."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ffhybrid.filters.overfit.analysis import Analysis
from ffhybrid.filters.overfit.codec import pattern_basis, prior
from ffhybrid.filters.overfit.model import Network
from ffhybrid.filters.overfit.start import analysis
from ffhybrid.filters.overfit.structure import (
    PARAMETERS,
    PATTERN_BITS,
    PATTERN_SIDE,
    PATTERN_STRIDE,
    PATTERNS,
    WEIGHT_BITS,
)

BICUBIC = (-0.03515625, 0.26171875, 0.87890625, -0.10546875)
"""Taps at distances 7/4, 3/4, 1/4 and 5/4."""
BUILT_IN = "built-in"
ROOT = Path(__file__).resolve().parents[2]


class Networks:
    """The network of the decoder with its patterns, and the one that guesses latents.

    Args:
        begin: a state, ``built-in``, or None to begin afresh.
    """

    def __init__(self, begin: str | None, device: torch.device) -> None:
        self.device = device
        self.network, self.analysis = _first_network(), Analysis()
        if begin == BUILT_IN:
            self._take_built_in()
        elif begin:
            self._load(Path(begin))
        else:
            basis = self.network.basis.detach()
            with torch.no_grad():
                self.analysis.patterns.weight.copy_(torch.cat((basis[:, 2:], basis[:, :2]), 1))
        self.network.to(device).basis.requires_grad_()
        self.analysis.to(device)

    def _take_built_in(self) -> None:
        self.network.load_state_dict(Network.fixed_point(prior(), pattern_basis()).state_dict())
        self.analysis.load_state_dict(analysis().state_dict())

    def _load(self, path: Path) -> None:
        with np.load(path) as arrays:
            self.network.load_flat(torch.from_numpy(arrays["network"]))
            with torch.no_grad():
                self.network.basis.copy_(torch.from_numpy(arrays["basis"]))
            names = [name for name in arrays.files if name.startswith("analysis.")]
            state = {name.removeprefix("analysis."): torch.from_numpy(arrays[name]) for name in names}
        self.analysis.load_state_dict(state)

    def save(self, path: Path) -> None:
        """Keep both."""
        arrays = {f"analysis.{name}": value.cpu().numpy() for name, value in self.analysis.state_dict().items()}
        basis = self.network.basis.detach().cpu().numpy()
        np.savez(path, network=self.network.flat().cpu().numpy(), basis=basis, **arrays)

    def export(self) -> None:
        """Write the prior as C and the analysis network as half-precision arrays."""
        fixed = torch.round(self.network.flat().cpu() * (1 << WEIGHT_BITS)).to(torch.int32)
        lines = ['#include "neural/network.h"', "", "/* Written by benchmarks/training/train_overfit.py. */"]
        lines.append("const ffh_network ffh_network_prior = {")
        for parameter, values in zip(PARAMETERS, fixed.split([p.size for p in PARAMETERS]), strict=True):
            shape = parameter.shape if len(parameter.shape) < 4 else (*parameter.shape[:2], 9)
            lines.append(f"    /* {parameter.name} */ {_braces(values.view(shape))},")
        basis = torch.round(self.network.basis.detach().cpu() * (1 << PATTERN_BITS)).clamp(-127, 127)
        lines += ["};", ""]
        lines.append("const int8_t ffh_pattern_basis[FFH_PATTERNS][FFH_OUTPUTS][FFH_PATTERN_SIDE][FFH_PATTERN_SIDE] =")
        (ROOT / "cext" / "neural" / "prior.c").write_text(
            "\n".join([*lines, f"    {_braces(basis.to(torch.int8))};", ""])
        )
        state = {name: value.cpu().numpy() for name, value in self.analysis.state_dict().items()}
        halved = {name: value.astype(np.float16 if value.size > 100 else np.float32) for name, value in state.items()}
        np.savez_compressed(ROOT / "filters" / "overfit" / "analysis.npz", **halved)


def _first_network() -> Network:
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
        made.basis.copy_(_lapped_cosines())
        made.named("synthesis.bias1").uniform_(-4, 4)
        linear = made.named("synthesis.linear")
        linear[:4, :6] += 1
        linear[range(4), range(8, 12)] = 1
        linear[[4, 5], [6, 7]] = 1
    return made


def _lapped_cosines() -> Tensor:
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


def _braces(values: Tensor) -> str:
    inner = (_braces(part) if part.dim() else str(int(part)) for part in values)
    return "{ " + ", ".join(inner) + " }"
