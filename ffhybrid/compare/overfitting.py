"""A small FSRCNN for one clip alone, and its bytes: what NAS (Yeo et al., 2018) and its followers send along."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ffhybrid.compare.superresolution import Doubler
from ffhybrid.errors import CorruptDataError
from ffhybrid.filters.codes import MAX_CODE, decode_codes, encode_codes
from ffhybrid.filters.fsrcnn import FACTOR, LAYERS, Fsrcnn

WIDE, NARROW = 16, 8
"""Channels outside and inside (d and s in the paper of FSRCNN); 4 mapping layers."""
ITERATIONS = 600
QUANTISED_FROM = 200
"""Iteration from which weights are what a reader will have."""
LEARNING_RATE = 3e-3
BATCH, PART = 8, 32
"""Parts an iteration, and their side in samples of the small picture."""
_VERSION = 1
_SCALE = "<f4"


def overfit(pairs: Sequence[tuple[Tensor, Tensor]], *, seed: int) -> bytes:
    """Train on pairs of a small luma plane as decoded, and the source's, (1, 1, rows, columns) of 0 to 1.

    Returns:
        The network, as :func:`read_network` takes it.
    """
    generator = torch.Generator().manual_seed(seed)
    weights = _first_weights(generator)
    optimizer = torch.optim.Adam(list(weights.values()), lr=LEARNING_RATE)
    for iteration in range(ITERATIONS):
        used = weights if iteration < QUANTISED_FROM else {n: _straight_through(w) for n, w in weights.items()}
        small, large = _parts(pairs, generator)
        loss = (Doubler(Fsrcnn(used), adds_to_bicubic=True).luma(small) - large).square().mean()
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * (1 - iteration / ITERATIONS)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
    return _write({name: weight.detach() for name, weight in weights.items()})


def read_network(data: bytes) -> Doubler:
    """Parse a network: one byte of version, a 32-bit float a tensor, and the codes of all tensors.

    Raises:
        CorruptDataError: it is damaged.
    """
    shapes = _shapes()
    start = 1 + len(shapes) * np.dtype(_SCALE).itemsize
    if len(data) < start or data[0] != _VERSION:
        raise CorruptDataError("the network of the file is damaged")
    scales = np.frombuffer(data[1:start], _SCALE)
    counts = [int(np.prod(shape)) for shape in shapes.values()]
    codes = decode_codes(data[start:], (1, 1, sum(counts)))[0, 0].astype(np.float32)
    parts = np.split(codes, np.cumsum(counts)[:-1])
    weights = {
        name: torch.from_numpy(part * scale).reshape(shape)
        for (name, shape), part, scale in zip(shapes.items(), parts, scales, strict=True)
    }
    return Doubler(Fsrcnn(weights), adds_to_bicubic=True)


def _write(weights: Mapping[str, Tensor]) -> bytes:
    scales = [_scale_of(weight) for weight in weights.values()]
    codes = [(weight / scale).round().flatten() for weight, scale in zip(weights.values(), scales, strict=True)]
    body = encode_codes(torch.cat(codes).to(torch.int8).numpy()[None, None])
    return bytes([_VERSION]) + struct.pack(f"<{len(scales)}f", *map(float, scales)) + body


def _scale_of(weight: Tensor) -> Tensor:
    return weight.detach().abs().max().clamp_min(1e-6) / MAX_CODE


def _straight_through(weight: Tensor) -> Tensor:
    scale = _scale_of(weight)
    return weight + ((weight / scale).round() * scale - weight).detach()


def _shapes() -> dict[str, tuple[int, ...]]:
    """Shapes of all tensors: a 5x5 layer, 1x1 ones to fewer channels and back, 3x3 ones between them and at the end."""
    channels = (1, WIDE, *(NARROW,) * (LAYERS - 3), WIDE, FACTOR**2)
    sides = (5, 1, *(3,) * (LAYERS - 4), 1, 3)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (side, inputs, outputs) in enumerate(zip(sides, channels, channels[1:], strict=False), 1):
        shapes[f"f{layer}"] = (side, side, inputs, outputs)
        shapes[f"b{layer}"] = (outputs,) if layer < LAYERS else (1,)
        if layer < LAYERS:
            shapes[f"alpha{layer}"] = (outputs,)
    return shapes


def _first_weights(generator: torch.Generator) -> dict[str, Tensor]:
    """Make weights of He's deviation, slopes of a quarter, and a last layer that adds nothing yet."""
    weights = {}
    for name, shape in _shapes().items():
        weight = torch.zeros(shape)
        if name.startswith("alpha"):
            weight += 0.25
        elif name.startswith("f") and name != f"f{LAYERS}":
            weight = torch.randn(shape, generator=generator) * (2 / np.prod(shape[:3])) ** 0.5
        weights[name] = weight.requires_grad_()
    return weights


def _parts(pairs: Sequence[tuple[Tensor, Tensor]], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cut random squares out."""

    def below(limit: int) -> int:
        return int(torch.randint(limit, (), generator=generator))

    small, large = [], []
    side = min(PART, *pairs[0][0].shape[-2:])
    for _ in range(BATCH):
        ours, theirs = pairs[below(len(pairs))]
        y, x = (below(length - side + 1) for length in ours.shape[-2:])
        small.append(ours[..., y : y + side, x : x + side])
        large.append(theirs[..., 2 * y : 2 * (y + side), 2 * x : 2 * (x + side)])
    return torch.cat(small), torch.cat(large)
