"""The network in fixed point: its file for the integer decoder, and the proof that no sum of it leaves 32 bits.

A file is ``FFHE``, a version byte, the bytes of :func:`_sizes`, a zero byte; then for every layer in the order of
:data:`ffhybrid.filters.enhance.structure.LAYERS` its weights (16 bits, :data:`WEIGHT_BITS` fractional), biases and,
where there are, conditions (32 bits, in units of sums); then the filters of the texture (16 bits, with the deviation of
the noise divided out). All numbers are little-endian. Nothing here needs torch.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffhybrid.errors import UnsupportedError
from ffhybrid.filters.enhance.structure import (
    CHANNELS,
    DISTANCE_LIMIT,
    FILTERS,
    GAIN_CHANNELS,
    LAYERS,
    QP_MIDDLE,
    QP_UNIT,
    TEXTURE_SIDE,
    TEXTURES,
    TRUNK_BLOCKS,
    Layer,
)

MAGIC, VERSION = b"FFHE", 1
WEIGHT_BITS, ACTIVATION_BITS = 10, 11
SUM_BITS = WEIGHT_BITS + ACTIVATION_BITS
PATTERN_BITS = 10
"""Fractional bits of weights, activations, sums of their products, and filtered noise."""
LARGEST_ACTIVATION = 1 << 15
LOWEST_QP = -48
"""Of 16 bits."""
CONDITION_REACH = ((QP_MIDDLE - LOWEST_QP) / QP_UNIT, 1.0, DISTANCE_LIMIT)
"""The largest magnitude of every condition."""
NOISE_DEVIATION = math.sqrt(4 * (256**2 - 1) / 12)
"""Of the sum of four uniform bytes."""

Values = Mapping[str, NDArray[np.floating[Any]]]


def to_file(values: Values) -> bytes:
    """Round the parameters, by the names of the structure.

    Raises:
        UnsupportedError: an output's weights are so large that its sum could leave 32 bits.
    """
    parts = [MAGIC, struct.pack("<B", VERSION), _sizes(), bytes(1)]
    for layer in LAYERS:
        parts += _layer(layer, values)
    filters = _rounded(values[FILTERS] / NOISE_DEVIATION, PATTERN_BITS + WEIGHT_BITS)
    if filters.shape != (TEXTURES, TEXTURE_SIDE, TEXTURE_SIDE):
        raise ValueError(f"{FILTERS} have another shape than {TEXTURES} filters of {TEXTURE_SIDE}x{TEXTURE_SIDE}")
    return b"".join([*parts, _as_int16(filters, FILTERS)])


def _sizes() -> bytes:
    """Give the channels at 1/2, 1/4 and 1/8, the blocks of the trunk, the channels of gains, and the textures."""
    return bytes([CHANNELS[2], CHANNELS[4], CHANNELS[8], TRUNK_BLOCKS, GAIN_CHANNELS, TEXTURES])


def _layer(layer: Layer, values: Values) -> Iterator[bytes]:
    weights = _rounded(values[f"{layer.name}.weight"], WEIGHT_BITS)
    if weights.shape != layer.shape:
        raise ValueError(f"{layer.name}.weight has another shape than {layer.shape}")
    bias = _rounded(values[f"{layer.name}.bias"], SUM_BITS)
    reach = np.abs(weights).sum((1, 2, 3)) * LARGEST_ACTIVATION + np.abs(bias) + (1 << WEIGHT_BITS)
    conditions = np.zeros((layer.outputs, 0), np.int64)
    if layer.conditioned:
        conditions = _rounded(values[f"{layer.name}.conditions"], SUM_BITS)
        reach += np.ceil(np.abs(conditions) @ np.array(CONDITION_REACH)).astype(np.int64) + 1
    worst = int(reach.argmax())
    if reach[worst] > np.iinfo(np.int32).max:
        part = reach[worst] / 2**31
        raise UnsupportedError(f"output {worst} of layer {layer.name} could reach {part:.2f} times what 32 bits hold")
    yield _as_int16(weights, layer.name)
    yield bias.astype("<i4").tobytes() + conditions.astype("<i4").tobytes()


def _rounded(values: NDArray[np.floating[Any]], bits: int) -> NDArray[np.int64]:
    return np.rint(values.astype(np.float64) * (1 << bits)).astype(np.int64)


def _as_int16(values: NDArray[np.int64], name: str) -> bytes:
    if np.abs(values).max() > np.iinfo(np.int16).max:
        raise UnsupportedError(f"a weight of {name} is beyond 16 bits")
    return values.astype("<i2").tobytes()
