"""Small networks of generator `enhance`, the same on every machine, and pictures that must come out the same.

After a change of the format ``PYTHONPATH=tests:benchmarks python -P tests/enhance_networks.py`` prints the MD5s.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.filters.enhance import codec

CONDITIONS = 3
TEXTURE_SIDE = 7


@dataclass(frozen=True, slots=True)
class Layer:
    """What the file has of a layer, as arrays; ``conditions`` have no columns where there are none."""

    name: str
    weights: NDArray[np.int64]
    bias: NDArray[np.int64]
    conditions: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SmallNetwork:
    """A network and what it was made of."""

    sizes: tuple[int, int, int, int, int, int]
    layers: tuple[Layer, ...]
    filters: NDArray[np.int64]

    def layer(self, name: str) -> Layer:
        return next(layer for layer in self.layers if layer.name == name)

    @property
    def file(self) -> bytes:
        parts = [b"FFHE\1", bytes(self.sizes), b"\0"]
        for layer in self.layers:
            parts += [layer.weights.astype("<i2").tobytes(), layer.bias.astype("<i4").tobytes()]
            parts.append(layer.conditions.astype("<i4").tobytes())
        return b"".join([*parts, self.filters.astype("<i2").tobytes()])


def shapes(half: int, quarter: int, eighth: int, blocks: int, gains: int, textures: int) -> dict[str, tuple[int, ...]]:
    """List layers in file order: outputs, inputs, kernel, kernel."""
    trunk = {f"trunk{i}.{part}": (eighth, eighth, 3, 3) for i in range(blocks) for part in ("first", "second")}
    return {
        "stem": (half, 6, 3, 3),
        "down4": (quarter, 4 * half, 1, 1),
        "down8": (eighth, 4 * quarter, 1, 1),
        **trunk,
        "up4": (quarter, eighth, 1, 1),
        "merge.first": (quarter, quarter, 3, 3),
        "merge.second": (quarter, quarter, 3, 3),
        "gain.first": (gains, quarter, 3, 3),
        "gain.second": (textures, gains, 1, 1),
        "up2": (half, quarter, 1, 1),
        "fuse": (half, half, 3, 3),
        "detail": (6, half, 3, 3),
    }


def small_network(
    name: str, sizes: tuple[int, int, int, int, int, int] = (6, 8, 10, 2, 4, 6), *, gain: float = 1.4
) -> SmallNetwork:
    """Make a network of random weights; activations grow by about ``gain`` from layer to layer."""

    def drawn(what: str, shape: tuple[int, ...], largest: float) -> NDArray[np.int64]:
        count = int(np.prod(shape))
        bits = hashlib.shake_256(f"{name} {what}".encode()).digest(2 * count)
        values = np.frombuffer(bits, "<i2").astype(np.int64) * round(largest) >> 15
        return values.reshape(shape)

    layers = []
    for layer, shape in shapes(*sizes).items():
        weights = drawn(f"{layer}.weight", shape, gain * 1024 * np.sqrt(3 / np.prod(shape[1:])))
        conditioned = layer in ("stem", "down4", "down8")
        layers.append(
            Layer(
                layer,
                weights,
                drawn(f"{layer}.bias", shape[:1], 1 << 19),
                drawn(f"{layer}.conditions", (shape[0], CONDITIONS if conditioned else 0), 1 << 19),
            )
        )
    filters = drawn("filters", (sizes[-1], TEXTURE_SIDE, TEXTURE_SIDE), 1700)
    return SmallNetwork(sizes, tuple(layers), filters)


def drawn_picture(spec: PictureSpec) -> Picture:
    """Blocks of 8x8 samples of random levels."""
    planes = []
    for number, (rows, columns) in enumerate(spec.plane_shapes):
        down, across = rows // 8 + 1, columns // 8 + 1
        bits = hashlib.shake_256(f"plane {number}".encode()).digest(2 * down * across)
        levels = np.frombuffer(bits, "<u2").reshape(down, across) >> (16 - spec.bit_depth)
        planes.append(np.kron(levels, np.ones((8, 8), np.uint16))[:rows, :columns].astype(spec.dtype))
    y, cb, cr = planes
    return Picture(y, cb, cr, spec.bit_depth)


@dataclass(frozen=True, slots=True)
class Golden:
    """What a picture is made of, and the MD5 of its Y, Cb and Cr after each other."""

    spec: PictureSpec
    known: codec.Known
    strengths: codec.Strengths
    gain: float
    md5: str


GOLDEN = {
    "plain": Golden(
        PictureSpec(64, 48), codec.Known(qp=38), codec.Strengths(), 1.4, "7272d004f95a2fcbc48a228970f1c152"
    ),
    "cropped": Golden(
        PictureSpec(202, 118),
        codec.Known(qp=51),
        codec.Strengths(texture=1.5, noise=9),
        1.4,
        "9e6718d624e54fb86ee13b526eb15e3c",
    ),
    "ten-bit": Golden(
        PictureSpec(98, 66, 10),
        codec.Known(qp=-12),
        codec.Strengths(detail=0.5),
        1.4,
        "45a860a49e5f08b8ecd203ecdd1799cc",
    ),
    "saturated": Golden(
        PictureSpec(98, 66),
        codec.Known(qp=24, distance=200),
        codec.Strengths(texture=255 / 32, detail=255 / 32),
        6,
        "acc25ca6f66b9a3357c649afb98e538e",
    ),
    "blocks": Golden(
        PictureSpec(142, 70),
        codec.Known(qp=38),
        codec.Strengths(texture=1.25, levels=((0, 2, 3), (1, 0, 2))),
        1.4,
        "279a1b3b5925ca5fe94e3d99945890b5",
    ),
}


def planes_md5(picture: Picture) -> str:
    return hashlib.md5(b"".join(plane.tobytes() for plane in picture.planes)).hexdigest()


def golden_picture(golden: Golden, threads: int) -> Picture:
    network = codec.Network(small_network("golden", gain=golden.gain).file)
    return network.look(drawn_picture(golden.spec), golden.known, threads=threads).picture(golden.strengths)


if __name__ == "__main__":
    for name, golden in GOLDEN.items():
        sys.stdout.write(f"{name}: {planes_md5(golden_picture(golden, 1))}\n")
