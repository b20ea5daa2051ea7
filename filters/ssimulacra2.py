"""SSIMULACRA2 (Sneyers, 2022) in torch: six scales of XYB, structure, edges that were added and edges that were lost.

100 is indistinguishable, 90 hardly distinguishable, 70 high, 50 medium, 30 low quality; the worst are below 0. Written
from the algorithm's definition, version 2.1 (libjxl, ``tools/ssimulacra2.cc``, BSD-3-Clause), whose constants these
are. Gradients pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ffhybrid.filters.colour import mix, root, to_linear
from ffhybrid.filters.places import Average, whole

LEAST_SIDE = 8
"""Of pictures, and of scales from which another is made."""
SCALES = 6
_ABSORBANCE = (
    (0.30, 0.622, 0.078),
    (0.23, 0.692, 0.078),
    (0.24342268924547819, 0.20476744424496821, 0.5518098665095536),
)
_BIAS = 0.0037930732552754493
_HALF_KERNEL = (
    0.26462110548819856,
    0.2129285920104222,
    0.10933537277746032,
    0.036011114658364374,
    0.0094143678096537,
)
"""From the middle outwards: what libjxl's recursive Gaussian of deviation 1.5 (Charalampidis, 2016) amounts to."""
_STABILITY = 0.0009
_WEIGHTS = (
    (
        ((0.0, 0.0007376606707406586, 0.0), (0.0, 0.0007793481682867309, 0.0)),
        ((0.0, 0.0004371155730107379, 0.0), (1.1041726426657346, 0.00066284834129271, 0.00015231632783718752)),
        ((0.0, 0.0016406437456599754, 0.0), (1.8422455520539298, 11.441172603757666, 0.0)),
        ((0.0007989109436015163, 0.000176816438078653, 0.0), (1.8787594979546387, 10.94906990605142, 0.0)),
        (
            (0.0007289346991508072, 0.9677937080626833, 0.0),
            (0.00014003424285435884, 0.9981766977854967, 0.00031949755934435053),
        ),
        ((0.0004550992113792063, 0.0, 0.0), (0.0013648766163243398, 0.0, 0.0)),
    ),
    (
        ((0.0, 0.0, 0.0), (7.466890328078848, 0.0, 17.445833984131262)),
        ((0.0006235601634041466, 0.0, 0.0), (6.683678146179332, 0.00037724407979611296, 1.027889937768264)),
        ((225.20515300849274, 0.0, 0.0), (19.213238186143016, 0.0011401524586618361, 0.001237755635509985)),
        ((176.39317598450694, 0.0, 0.0), (24.43300999870476, 0.28520802612117757, 0.0004485436923833408)),
        ((0.0, 0.0, 0.0), (34.77906344483772, 44.835625328877896, 0.0)),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    ),
    (
        ((0.0, 0.0008680556573291698, 0.0), (0.0, 0.0, 0.0)),
        ((0.0, 0.0005313191874358747, 0.0), (0.00016533814161379112, 0.0, 0.0)),
        ((0.0, 0.0, 0.0), (0.0004179171803251336, 0.0017290828234722833, 0.0)),
        ((0.0020827005846636437, 0.0, 0.0), (8.826982764996862, 23.19243343998926, 0.0)),
        (
            (95.1080498811086, 0.9863978034400682, 0.9834382792465353),
            (0.0012286405048278493, 171.2667255897307, 0.9807858872435379),
        ),
        ((0.0, 0.0, 0.0), (0.0005130064588990679, 0.0, 0.00010854057858411537)),
    ),
)
"""By channel (X, Y, B), scale and norm (mean, fourth power): of structure, of edges added, of edges lost."""
_SCALE = 0.9562382616834844
_CUBIC = (6.248496625763138e-05, -0.020884521182843837, 2.326765642916932)
_EXPONENT = 0.6276336467831387


@dataclass(frozen=True, slots=True, eq=False)
class SeenScale:
    """What is to be known of one scale of a source, however many pictures are compared with it.

    ``mean`` and ``variance`` are of XYB at every sample, ``edges`` is 1 more than its distance from the mean.
    """

    xyb: Tensor
    mean: Tensor
    variance: Tensor
    edges: Tensor


def ssimulacra2(ours: Tensor, theirs: Tensor) -> Tensor:
    """Score pictures against their source.

    Args:
        ours: RGB in 0 to 1 with sRGB's transfer function, (batch, 3, rows, columns), sides of 8 at least.
        theirs: the source, likewise.

    Returns:
        (batch,), at most 100.
    """
    return ssimulacra2_by_place(ours, seen_scales(theirs), whole)[:, 0, 0]


def seen_scales(source: Tensor) -> list[SeenScale]:
    """Look at a source: RGB as :func:`ssimulacra2` has it."""
    found = []
    for xyb in _scales(source):
        mean, square = _blur(torch.cat((xyb, xyb * xyb))).chunk(2)
        found.append(SeenScale(xyb, mean, square - mean.square(), 1 + (xyb - mean).abs()))
    return found


def ssimulacra2_by_place(ours: Tensor, source: list[SeenScale], average: Average) -> Tensor:
    """Score windows of pictures, each by the norms of its own part of the maps: (batch, places down, across)."""
    norms = [_norms(xyb, seen, average) for xyb, seen in zip(_scales(ours), source, strict=True)]
    found = torch.stack(norms, 2).flatten(1, 4)
    weights = torch.tensor(_WEIGHTS, dtype=torch.float64, device=ours.device).flatten()[: found.shape[1]]
    return _score(torch.einsum("bwrc,w->brc", found.double(), weights))


def _scales(rgb: Tensor) -> Iterator[Tensor]:
    """Give XYB of as many scales as there are."""
    linear = to_linear(rgb)
    for scale in range(SCALES):
        if min(linear.shape[-2:]) < LEAST_SIDE:
            return
        if scale:
            linear = F.avg_pool2d(linear, 2, ceil_mode=True, count_include_pad=False)
        yield _positive_xyb(linear)


def _positive_xyb(linear: Tensor) -> Tensor:
    """XYB, moved and stretched so that all three are positive and of one range."""
    cones = (mix(linear, _ABSORBANCE) + _BIAS).clamp_min(0) ** (1 / 3) - _BIAS ** (1 / 3)
    red, green, blue = cones.unbind(1)
    x, y = (red - green) / 2, (red + green) / 2
    return torch.stack((14 * x + 0.42, y + 0.01, blue - y + 0.55), 1)


def _norms(ours: Tensor, source: SeenScale, average: Average) -> Tensor:
    """Mean and fourth norm of the three maps of one scale, (batch, channel, norm, map, places down, places across)."""
    mean, square, product = _blur(torch.cat((ours, ours * ours, ours * source.xyb))).chunk(3)
    covariance = product - mean * source.mean
    variances = (square - mean.square()) + source.variance
    luminance = 1 - (mean - source.mean).square()
    structure = 1 - luminance * (2 * covariance + _STABILITY) / (variances + _STABILITY)
    edges = (1 + (ours - mean).abs()) / source.edges - 1
    maps = torch.stack((structure.clamp_min(0), edges.clamp_min(0), (-edges).clamp_min(0)), 2)
    flat = maps.flatten(1, 2)
    norms = torch.stack((average(flat), root(average(flat.square().square()), 0.25)), 2)
    batch, channels, kinds = maps.shape[:3]
    return norms.view(batch, channels, kinds, *norms.shape[2:]).transpose(2, 3)


def _blur(x: Tensor) -> Tensor:
    """Blur all planes; beyond the edges is 0, as in libjxl."""
    planes = x.reshape(1, -1, *x.shape[-2:])
    count, reach = planes.shape[1], len(_HALF_KERNEL) - 1
    kernel = x.new_tensor((*_HALF_KERNEL[:0:-1], *_HALF_KERNEL))
    planes = F.conv2d(planes, kernel.view(1, 1, -1, 1).expand(count, 1, -1, 1), padding=(reach, 0), groups=count)
    planes = F.conv2d(planes, kernel.view(1, 1, 1, -1).expand(count, 1, 1, -1), padding=(0, reach), groups=count)
    return planes.view_as(x)


def _score(error: Tensor) -> Tensor:
    error = _SCALE * error
    cubic, square, linear = _CUBIC
    stretched = ((cubic * error + square) * error + linear) * error
    return 100 - 10 * root(stretched, _EXPONENT)
