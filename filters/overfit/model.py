"""The network in floating point, differentiable: what the integer decoder of the C core computes, up to rounding.

Latent grids in a pyramid, a causal entropy model and a small synthesis are those of Cool-Chic (Ladune et al., 2023)
and C3 (Kim et al., 2024). New here: everything beyond level 0 works on 2x2 luma blocks, so that 4:2:0 planes come out
directly and a picture costs a quarter of the positions; the entropy model sees the coarser grid; and parameters start
from a prior that the decoder has too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from numpy.typing import NDArray
from torch import Tensor, nn

from ffhybrid.filters.laplace import laplace_bits
from ffhybrid.filters.noise import noise_planes
from ffhybrid.filters.overfit.contexts import grid_context, pattern_context
from ffhybrid.filters.overfit.structure import (
    FIRST_CHROMA_LEVEL,
    FIRST_PATTERN_INPUT,
    LEVELS,
    MIN_LOG_SCALE,
    NOISE,
    OUTPUTS,
    PARAMETERS,
    PATTERN_BITS,
    PATTERN_GRID,
    PATTERN_SIDE,
    PATTERN_STRIDE,
    PATTERNS,
    SCALE_STEPS,
    SCALES,
    WEIGHT_BITS,
    chroma_grid,
    kind_of,
    parent_of,
)

IntegerArray = NDArray[np.integer[Any]]
MAX_LOG_SCALE = MIN_LOG_SCALE + (SCALES - 1) / SCALE_STEPS


def synthesis_noise(rows: int, columns: int, *, device: torch.device) -> Tensor:
    """Make the common randomness of the synthesis in real units, (1, NOISE, rows, columns)."""
    return noise_planes(NOISE, rows, columns, device=device).to(torch.float32) / 128


def tensor_of(array: NDArray[np.int8], device: torch.device) -> Tensor:
    """Turn latents as the codec has them into (1, channels, rows, columns)."""
    found = torch.from_numpy(array.astype(np.float32)).to(device)
    return found.permute(2, 0, 1)[None] if found.dim() == 3 else found[None, None]


def array_of(latents: Tensor) -> NDArray[np.int8]:
    """Turn whole latents, (1, channels, rows, columns), into those of the codec."""
    found = latents[0].permute(1, 2, 0) if latents.shape[1] > 1 else latents[0, 0]
    array: NDArray[np.int8] = np.ascontiguousarray(found.to(torch.int8).cpu().numpy())
    return array


class Network(nn.Module):
    """The parameters of one picture's network, by the names of :data:`PARAMETERS`."""

    def __init__(self) -> None:
        super().__init__()
        for parameter in PARAMETERS:
            self.register_parameter(_attribute(parameter.name), nn.Parameter(torch.zeros(parameter.shape)))
        self.basis = nn.Parameter(torch.zeros(PATTERNS, OUTPUTS, PATTERN_SIDE, PATTERN_SIDE), requires_grad=False)
        """Patterns in Cb, Cr and the luma phases; the same for all pictures."""

    def named(self, name: str) -> Tensor:
        """Return one tensor."""
        return cast(Tensor, getattr(self, _attribute(name)))

    @classmethod
    def fixed_point(cls, values: IntegerArray, basis: IntegerArray) -> Network:
        """Make the network of fixed-point values in file order, with the built-in patterns."""
        made = cls()
        made.load_fixed_point(values)
        made.basis.copy_(torch.from_numpy(basis.astype(np.float32) / (1 << PATTERN_BITS)))
        return made

    def flat(self) -> Tensor:
        """All values in file order, (PARAMETER_COUNT,)."""
        return torch.cat([self.named(parameter.name).detach().reshape(-1) for parameter in PARAMETERS])

    def load_fixed_point(self, values: IntegerArray) -> None:
        """Set all values, given as the codec has them."""
        self.load_flat(torch.from_numpy(values.astype(np.float32) / (1 << WEIGHT_BITS)))

    def load_flat(self, values: Tensor) -> None:
        """Set all values, given in file order."""
        with torch.no_grad():
            first = 0
            for parameter in PARAMETERS:
                part = values[first : first + parameter.size]
                self.named(parameter.name).copy_(part.view(parameter.shape))
                first += parameter.size

    def synthesise(
        self, features: Sequence[Tensor | None], base: Tensor | None, noise: Tensor, classes: Sequence[float]
    ) -> Tensor:
        """Make pictures.

        Args:
            features: by grid, (batch, 1, rows, columns), and (batch, PATTERNS, rows, columns); level 0 may be None.
            base: the base picture, (batch, 6, rows, columns) as is returned; None for none.
            noise: (1 or batch, NOISE, rows, columns) at half size.
            classes: the picture's rate and texture class.

        Returns:
            (batch, 6, rows, columns) at half size: luma phases, Cb, Cr in 8-bit units around mid-grey.
        """
        inputs = self._inputs(features, base, noise, classes)
        weight1, weight2, linear = (self.named(f"synthesis.{name}") for name in ("weight1", "weight2", "linear"))
        hidden = F.relu(F.conv2d(inputs, weight1[..., None, None], self.named("synthesis.bias1")))
        mixed = torch.cat((weight2, linear), 1)[..., None, None]
        out = F.conv2d(torch.cat((hidden, inputs), 1), mixed, self.named("synthesis.bias2"))
        for layer in (3, 4):
            weight, bias = self.named(f"synthesis.weight{layer}"), self.named(f"synthesis.bias{layer}")
            out = out + F.relu(_conv3x3(out, weight, bias))
        last = _conv3x3(out, self.named("synthesis.weight5"), self.named("synthesis.bias5"))
        made = out[:, :OUTPUTS] + last
        return made if base is None else made + base

    def _inputs(
        self, features: Sequence[Tensor | None], base: Tensor | None, noise: Tensor, classes: Sequence[float]
    ) -> Tensor:
        stack = torch.cat([cast(Tensor, features[grid]) for grid in (LEVELS - 1, *_chroma(LEVELS - 1))], 1)
        for level in range(LEVELS - 2, 0, -1):
            finer = cast(Tensor, features[level])
            larger = _upsample(stack, self.named("upsampling.taps")[level - 1])
            larger = larger[..., : finer.shape[-2], : finer.shape[-1]]
            luma, chroma = larger[:, :-2], larger[:, -2:]
            if level >= FIRST_CHROMA_LEVEL:
                chroma = chroma + torch.cat([cast(Tensor, features[grid]) for grid in _chroma(level)], 1)
            stack = torch.cat((finer, luma, chroma), 1)
        batch, _, rows, columns = stack.shape
        fine = features[0]
        packed = stack.new_zeros((batch, 4, rows, columns)) if fine is None else F.pixel_unshuffle(fine, 2)
        drawn = torch.cat((stack[:, FIRST_PATTERN_INPUT:], packed), 1)
        drawn = drawn + self._draw(cast(Tensor, features[PATTERN_GRID]))[..., :rows, :columns]
        constant = stack.new_tensor(classes).view(1, -1, 1, 1).expand(batch, -1, rows, columns)
        below = stack.new_zeros((batch, OUTPUTS, rows, columns)) if base is None else base
        return torch.cat((stack[:, :FIRST_PATTERN_INPUT], drawn, below, noise.expand(batch, -1, -1, -1), constant), 1)

    def _draw(self, amplitudes: Tensor) -> Tensor:
        drawn = F.conv_transpose2d(amplitudes, self.basis, stride=PATTERN_STRIDE)
        return drawn[..., PATTERN_STRIDE:, PATTERN_STRIDE:]

    def distribution(self, grid: Tensor, parent: Tensor | None, kind: int, rate_class: float) -> tuple[Tensor, Tensor]:
        """Predict a Laplace distribution for every latent of a grid from what is decoded before it.

        Args:
            grid: (batch, 1, rows, columns), the latents themselves.
            parent: the next coarser grid, None for the coarsest.
            kind: of the grid, a row of ``arm.bias1``.
            rate_class: the picture's, in real units.

        Returns:
            Means and log scales, each (batch, rows, columns).
        """
        context = grid_context(grid, parent, rate_class)
        hidden = F.relu(F.linear(context, self.named("arm.weight1"), self.named("arm.bias1")[kind]))
        hidden = F.relu(F.linear(hidden, self.named("arm.weight2"), self.named("arm.bias2")))
        out = F.linear(hidden, self.named("arm.weight3"), self.named("arm.bias3"))
        out = out + F.linear(context, self.named("arm.linear"))
        mean, log_scale = out.unbind(-1)
        return mean, log_scale.clamp(MIN_LOG_SCALE, MAX_LOG_SCALE)

    def pattern_distribution(self, patterns: Tensor, classes: Sequence[float]) -> tuple[Tensor, Tensor]:
        """Predict distributions for the patterns, from those around and from the earlier ones of the same place.

        Args:
            patterns: (batch, PATTERNS, rows, columns), the latents themselves.
            classes: the picture's rate and texture class.

        Returns:
            Means and log scales, each (batch, PATTERNS, rows, columns).
        """
        context = pattern_context(patterns, classes)
        each = (PATTERNS, 1, 1, -1)
        hidden = F.linear(context, self.named("patterns.weight1")) + self.named("patterns.bias1").view(each)
        hidden = F.relu(F.linear(F.relu(hidden), self.named("patterns.weight2"), self.named("patterns.bias2")))
        out = F.linear(hidden, self.named("patterns.weight3")) + self.named("patterns.bias3").view(each)
        mean, log_scale = (out + F.linear(context, self.named("patterns.linear"))).unbind(-1)
        return mean, log_scale.clamp(MIN_LOG_SCALE, MAX_LOG_SCALE)

    def bits(self, grids: Sequence[Tensor | None], classes: Sequence[float]) -> Tensor:
        """Estimate the bits of all latents together, those of every value being -log2 of its probability."""
        total = torch.zeros((), device=self.named("arm.bias3").device)
        for index, grid in enumerate(grids[:PATTERN_GRID]):
            if grid is None:
                continue
            parent = parent_of(index)
            coarser = None if parent is None else grids[parent]
            mean, log_scale = self.distribution(grid, coarser, kind_of(index), classes[0])
            total = total + laplace_bits(grid[:, 0], mean, log_scale).sum()
        patterns = cast(Tensor, grids[PATTERN_GRID])
        return total + laplace_bits(patterns, *self.pattern_distribution(patterns, classes)).sum()


def _chroma(level: int) -> tuple[int, int]:
    return chroma_grid(0, level), chroma_grid(1, level)


def _attribute(name: str) -> str:
    return name.replace(".", "_")


def _conv3x3(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), weight, bias)


def _upsample(x: Tensor, taps: Tensor) -> Tensor:
    """Double both sides: every output row is four input rows, mirrored for the odd phase; then columns."""
    zero = taps.new_zeros(1)
    even = torch.cat((taps, zero))
    odd = even.flip(0)
    phases = torch.stack((even, odd))
    kernel = torch.einsum("pi,qj->pqij", phases, phases).reshape(4, 1, 5, 5)
    batch, channels, rows, columns = x.shape
    padded = F.pad(x.reshape(batch * channels, 1, rows, columns), (2, 2, 2, 2), mode="replicate")
    return F.pixel_shuffle(F.conv2d(padded, kernel), 2).view(batch, channels, 2 * rows, 2 * columns)
