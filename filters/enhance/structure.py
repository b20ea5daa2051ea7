r"""Structure of the enhancement network: its layers in file order, its units, what it costs. It needs no torch.

The picture it makes is ``base + detail + sum over k of gain_k * (filter_k * noise)``: detail is what can be known of
what coding took, texture what cannot, gains of a few filters on white noise.

                base in 2x2 blocks, 6 planes at 1/2
                stem 3x3 -------------------------------------- + -- fuse 3x3 -- detail 3x3 --> 6 planes at 1/2
    1/4         2x2 blocks, down4 1x1 ----------- + -- merge --- up2 1x1, bilinear x2
                                                  |          \- gain 3x3, 1x1 --> gains at 1/4, bilinear x4
    1/8         2x2 blocks, down8 1x1 -- trunk -- up4 1x1, bilinear x2

Everything an integer decoder has to know is here: all sums are of weights times activations, activations are clamped to
:data:`ACTIVATION_LIMIT`, and what is enlarged is enlarged bilinearly, so that no phase of a grid is ever favoured.
"""

from __future__ import annotations

from dataclasses import dataclass

PLANES = 6
"""The picture in 2x2 luma blocks: four luma samples in the order of rows, Cb, Cr."""
ALIGNMENT = 8
"""Sides of the luma plane are multiples of this, as those of coded HEVC pictures are."""
CHANNELS = {2: 16, 4: 32, 8: 64}
"""By how much smaller than the luma plane both sides are."""
TRUNK_BLOCKS = 4
GAIN_CHANNELS = 24
TEXTURES = 8
"""How many filters there are for texture, and gains at every place."""
TEXTURE_SIDE = 7
"""Filters are of so many rows and columns, of mean 0, and of norm 1: a gain is a standard deviation."""
GAIN_SCALE = 4

ACTIVATION_LIMIT = 16.0
"""Every activation is clamped to plus and minus this, after ReLU and after an addition: 16 bits with 11 fractional."""
WEIGHT_LIMIT = 60.0
"""Of one output of one layer: the most that its weights' and its bias' magnitudes may add up to. With activations of 11
and weights of 10 fractional bits sums then fit in 32 bits."""
INPUT_UNIT = 32.0
DETAIL_UNIT = 8.0
GAIN_UNIT = 4.0
"""How many samples of 8 bits an input, a detail and a gain of 1 are. Inputs are samples less mid-grey; those of a
deeper picture are divided by what a step of 8 bits is in it."""

CONDITIONS = ("qp", "predicted", "distance")
"""What is known of the whole picture: (QP of its first slice - 32) / 16; 0 for I and 1 for P pictures; how many
pictures in output order it is after the last generated one, over 64, at most 2; 0 for I pictures. Conditioned layers
add to their bias each condition times a weight of its own for every output."""
QP_MIDDLE, QP_UNIT = 32, 16
DISTANCE_UNIT, DISTANCE_LIMIT = 64, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A convolution with a bias; beyond the edges of its input are zeros.

    Attributes:
        name: of the parameters: ``name.weight`` (outputs, inputs, kernel, kernel), ``name.bias`` (outputs), and, where
            ``conditioned``, ``name.conditions`` (outputs, conditions).
        inputs: channels, those of four places where ``unshuffled``.
        outputs: channels.
        kernel: rows and columns, 1 or 3.
        scale: of its output against the luma plane: sides are so many times smaller.
        relu: negative outputs become 0.
        added_to: the name of the layer to whose input the output is added, after ReLU.
        unshuffled: the input is twice as large, of a quarter of the channels: channel 4 c + 2 row + column is what
            channel c has at that place of a 2x2 block.
        conditioned: the bias depends on the picture's conditions.
    """

    name: str
    inputs: int
    outputs: int
    kernel: int
    scale: int
    relu: bool = False
    added_to: str | None = None
    unshuffled: bool = False
    conditioned: bool = False

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the weight."""
        return self.outputs, self.inputs, self.kernel, self.kernel

    @property
    def parameters(self) -> int:
        """How many numbers the layer has."""
        weights = self.outputs * self.inputs * self.kernel**2
        return weights + self.outputs * (1 + len(CONDITIONS) * self.conditioned)

    @property
    def macs(self) -> float:
        """Multiplications for each luma sample of the picture."""
        return self.outputs * self.inputs * self.kernel**2 / self.scale**2


def _block(name: str, scale: int) -> tuple[Layer, Layer]:
    """Two convolutions whose sum with their input goes on."""
    channels, first = CHANNELS[scale], f"{name}.first"
    return (
        Layer(name=first, inputs=channels, outputs=channels, kernel=3, scale=scale, relu=True),
        Layer(name=f"{name}.second", inputs=channels, outputs=channels, kernel=3, scale=scale, added_to=first),
    )


def _down(scale: int) -> Layer:
    return Layer(
        name=f"down{scale}",
        inputs=4 * CHANNELS[scale // 2],
        outputs=CHANNELS[scale],
        kernel=1,
        scale=scale,
        relu=True,
        unshuffled=True,
        conditioned=True,
    )


def _up(scale: int) -> Layer:
    """To the channels of a scale, at half of its size: bilinear enlarging and the addition come after it."""
    return Layer(name=f"up{scale}", inputs=CHANNELS[2 * scale], outputs=CHANNELS[scale], kernel=1, scale=2 * scale)


LAYERS = (
    Layer(name="stem", inputs=PLANES, outputs=CHANNELS[2], kernel=3, scale=2, relu=True, conditioned=True),
    _down(4),
    _down(8),
    *(layer for number in range(TRUNK_BLOCKS) for layer in _block(f"trunk{number}", 8)),
    _up(4),
    *_block("merge", 4),
    Layer(name="gain.first", inputs=CHANNELS[4], outputs=GAIN_CHANNELS, kernel=3, scale=GAIN_SCALE, relu=True),
    Layer(name="gain.second", inputs=GAIN_CHANNELS, outputs=TEXTURES, kernel=1, scale=GAIN_SCALE, relu=True),
    _up(2),
    Layer(name="fuse", inputs=CHANNELS[2], outputs=CHANNELS[2], kernel=3, scale=2, relu=True, added_to="fuse"),
    Layer(name="detail", inputs=CHANNELS[2], outputs=PLANES, kernel=3, scale=2),
)
"""All of them, in the order in which they run."""

FILTERS = "texture.filters"
"""The name of the texture's filters, (TEXTURES, TEXTURE_SIDE, TEXTURE_SIDE), which are applied to the noise."""


def macs() -> float:
    """Multiplications for each luma sample, those of the texture's filters and gains included."""
    return sum(layer.macs for layer in LAYERS) + TEXTURES * (TEXTURE_SIDE**2 + 1)


def parameters() -> int:
    """How many numbers the network has."""
    return sum(layer.parameters for layer in LAYERS) + TEXTURES * TEXTURE_SIDE**2
