"""Structure of the network that encoder and decoder share: sizes, layers in file order, fixed-point formats.

The C core has the same figures in ``cext/neural/network.h``; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = 7
"""The levels of luma grids: level k has one value for 2^k x 2^k luma samples."""
FIRST_CHROMA_LEVEL = 2
CHROMA_LEVELS = LEVELS - FIRST_CHROMA_LEVEL
GRIDS = LEVELS + 2 * CHROMA_LEVELS
"""Luma levels 0 to 6, then levels 2 to 6 of Cb, then of Cr."""
PATTERN_GRID = GRIDS
"""The index of the patterns in lists of all latents, behind the grids."""
ARRAYS = GRIDS + 1
PATTERNS = 64
PATTERN_STRIDE = 8
PATTERN_SIDE = 2 * PATTERN_STRIDE
"""The side of a pattern in 2x2 luma blocks: patterns lie 16 luma samples apart and have twice that side."""
PATTERN_BITS = 9
"""Fractional bits of the built-in patterns, which are bytes."""
NOISE = 4
CLASSES = 2
HIDDEN = 32
FEATURES = 16
OUTPUTS = 6
"""The picture in 2x2 luma blocks: four luma samples, Cb, Cr."""
INPUTS = (LEVELS - 1) + 2 + 4 + OUTPUTS + NOISE + CLASSES
"""Levels 1 to 6 at half size, Cb, Cr, level 0 as four phases, the base picture as outputs are, noise, and the picture's
rate and texture class.

Patterns are added to the inputs from Cb on: chroma, and the four luma phases."""
FIRST_PATTERN_INPUT = LEVELS - 1

NEIGHBOURS = ((0, -1), (0, -2), (-1, -1), (-1, 0), (-1, 1), (-2, 0), (-1, -2), (-1, 2), (-2, -1), (-2, 1))
"""Causal neighbours of a latent, (row, column)."""
PARENTS = ((0, 0), (0, -1), (0, 1), (-1, 0), (1, 0))
"""Neighbours of a latent in the next coarser grid, around the one that covers it."""
CONTEXT = len(NEIGHBOURS) + len(PARENTS) + 1
"""The last one is the picture's rate class."""
ARM_HIDDEN = 16
PATTERN_CONTEXT = 16
TAPS = 4

WEIGHT_BITS = 10
ACTIVATION_BITS = 7
SCALES = 64
SCALE_STEPS = 8
"""Laplace scales a factor of e apart."""
MIN_LOG_SCALE = -3.0
MAX_LATENT = 127


@dataclass(frozen=True, slots=True)
class Parameter:
    """One tensor of the network; biases are added before the shift."""

    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of values."""
        size = 1
        for side in self.shape:
            size *= side
        return size


PARAMETERS = (
    Parameter("arm.weight1", (ARM_HIDDEN, CONTEXT)),
    Parameter("arm.bias1", (LEVELS + CHROMA_LEVELS, ARM_HIDDEN)),
    Parameter("arm.weight2", (ARM_HIDDEN, ARM_HIDDEN)),
    Parameter("arm.bias2", (ARM_HIDDEN,)),
    Parameter("arm.weight3", (2, ARM_HIDDEN)),
    Parameter("arm.linear", (2, CONTEXT)),
    Parameter("arm.bias3", (2,)),
    Parameter("patterns.weight1", (ARM_HIDDEN, PATTERN_CONTEXT)),
    Parameter("patterns.bias1", (PATTERNS, ARM_HIDDEN)),
    Parameter("patterns.weight2", (ARM_HIDDEN, ARM_HIDDEN)),
    Parameter("patterns.bias2", (ARM_HIDDEN,)),
    Parameter("patterns.weight3", (2, ARM_HIDDEN)),
    Parameter("patterns.linear", (2, PATTERN_CONTEXT)),
    Parameter("patterns.bias3", (PATTERNS, 2)),
    Parameter("upsampling.taps", (LEVELS - 2, TAPS)),
    Parameter("synthesis.weight1", (HIDDEN, INPUTS)),
    Parameter("synthesis.bias1", (HIDDEN,)),
    Parameter("synthesis.weight2", (FEATURES, HIDDEN)),
    Parameter("synthesis.linear", (FEATURES, INPUTS)),
    Parameter("synthesis.bias2", (FEATURES,)),
    Parameter("synthesis.weight3", (FEATURES, FEATURES, 3, 3)),
    Parameter("synthesis.bias3", (FEATURES,)),
    Parameter("synthesis.weight4", (FEATURES, FEATURES, 3, 3)),
    Parameter("synthesis.bias4", (FEATURES,)),
    Parameter("synthesis.weight5", (OUTPUTS, FEATURES, 3, 3)),
    Parameter("synthesis.bias5", (OUTPUTS,)),
)
PARAMETER_COUNT = sum(parameter.size for parameter in PARAMETERS)


def level_of(grid: int) -> int:
    """Level of a grid."""
    return grid if grid < LEVELS else FIRST_CHROMA_LEVEL + (grid - LEVELS) % CHROMA_LEVELS


def kind_of(grid: int) -> int:
    """Row of ``arm.bias1``: luma by level, then chroma by level."""
    return grid if grid < LEVELS else LEVELS + (grid - LEVELS) % CHROMA_LEVELS


def parent_of(grid: int) -> int | None:
    """Give the next coarser grid of the same plane."""
    return grid + 1 if level_of(grid) < LEVELS - 1 else None


def chroma_grid(plane: int, level: int) -> int:
    """Give the grid of Cb (0) or Cr (1) at a level."""
    return LEVELS + plane * CHROMA_LEVELS + level - FIRST_CHROMA_LEVEL


def pattern_positions(side: int) -> int:
    """Give the rows or columns of patterns that cover so many luma samples: every sample lies in two of them."""
    blocks = side // 2
    return (blocks + PATTERN_STRIDE - 1) // PATTERN_STRIDE + 1


def array_shapes(width: int, height: int) -> tuple[tuple[int, ...], ...]:
    """Shapes of all latents of a picture of even size: (rows, columns) of grids, (rows, columns, PATTERNS)."""
    shapes = [(height, width)]
    for _ in range(1, LEVELS):
        rows, columns = shapes[-1]
        shapes.append(((rows + 1) // 2, (columns + 1) // 2))
    patterns = (pattern_positions(height), pattern_positions(width), PATTERNS)
    return (*(shapes[level_of(grid)] for grid in range(GRIDS)), patterns)
