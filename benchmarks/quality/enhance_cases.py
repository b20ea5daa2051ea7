"""Bases of first frames of clips, what the enhancer makes of them, and the figures of both against the source.

Bases are coded at ``preset=slow:qp=N:sao=0``, and kept with their figures in a folder.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from safetensors.torch import load_file
from torch import Tensor

from clips import shared_clips, wheel_clip
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.filters.enhance.model import Enhancer, compose, conditions
from ffhybrid.filters.enhance.structure import ALIGNMENT
from ffhybrid.filters.losses import pack
from ffhybrid.filters.noise import gaussian
from ffhybrid.panel.picture_metrics import look_at
from quality.keyframe import first_frame, psnr
from stills import code_still

WIDTH = 640
NETWORKS = ("lpips", "lpips_vgg", "dists")
METRICS = (*NETWORKS, "ssimulacra2", "psnr")
CPU = torch.device("cpu")

Figures = dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A picture, its base, the QP that x265 was told and that of the slice, and the base's figures.

    ``distance`` is how many pictures a P picture is after an enhanced one, None for I pictures.
    """

    name: str
    qp: int
    slice_qp: int
    source: Picture
    base: Picture
    figures: Figures
    distance: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What is seen of a picture: figures, and the networks' distances of every place, (places)."""

    figures: Figures
    places: dict[str, Tensor]


def looks(shown: Sequence[Picture], source: Picture) -> list[Look]:
    """Compare pictures with their source."""
    spec = PictureSpec(source.width, source.height)
    names = [name for name in METRICS if name != "psnr"]
    series = look_at([[picture] for picture in shown], [source], spec, names, lpips=None)
    return [
        Look(
            {**{name: found[name].values[0] for name in names}, "psnr": psnr(picture, source)},
            {name: torch.tensor(found[name].places) for name in NETWORKS},
        )
        for picture, found in zip(shown, series, strict=True)
    ]


def cases(name: str, source: Picture, qps: Sequence[int], cache: Path) -> list[Case]:
    """Code a picture at QPs; what a folder has already is taken from there."""
    cache.mkdir(parents=True, exist_ok=True)
    spec = PictureSpec(source.width, source.height)
    paths = {qp: cache / f"{name}-{qp}.json" for qp in qps}
    missing = [qp for qp, path in paths.items() if not path.exists()]
    laid_out = source.samples().reshape(-1, source.width)
    coded = [code_still(laid_out, f"qp={qp}:sao=0", preset="slow") for qp in missing]
    looked = looks([Picture.from_samples(samples.ravel(), spec) for samples, _ in coded], source) if coded else []
    for qp, (samples, slice_qp), seen in zip(missing, coded, looked, strict=True):
        np.save(paths[qp].with_suffix(".npy"), samples)
        paths[qp].write_text(json.dumps({"qp": slice_qp, "figures": seen.figures}))
    return [_cached(name, source, qp, path) for qp, path in paths.items()]


def _cached(name: str, source: Picture, qp: int, path: Path) -> Case:
    found = json.loads(path.read_text())
    spec = PictureSpec(source.width, source.height)
    base = Picture.from_samples(np.load(path.with_suffix(".npy")).ravel(), spec)
    return Case(name, qp, found["qp"], source, base, found["figures"])


def clip_cases(qps: Sequence[int], cache: Path, clips: Sequence[Path] = ()) -> Iterator[list[Case]]:
    """Take the first frames of clips, by default those beside the project or of the wheel; give the cases of each."""
    chosen = clips or shared_clips() or [wheel_clip("bikes.mp4"), wheel_clip("bigbuckbunny.mp4")]
    for clip in chosen:
        yield cases(clip.stem, first_frame(clip, WIDTH)[0], qps, cache)


class Enhanced:
    """A base that the network has looked at."""

    def __init__(self, enhancer: Enhancer, case: Case) -> None:
        base = pack(case.base, CPU)
        self._rows, self._columns = base.shape[-2:]
        block = ALIGNMENT // 2
        self._base = F.pad(base, (0, -self._columns % block, 0, -self._rows % block), mode="replicate")
        with torch.no_grad():
            found = enhancer(self._base, torch.tensor([conditions(qp=case.slice_qp, distance=case.distance)]))
            noise = gaussian((1, 2 * self._base.shape[-2], 2 * self._base.shape[-1]), seed=0, device=CPU)
            self._texture = enhancer.texture(found.gains, noise)
        self._detail = found.detail

    def picture(self, texture: float | Tensor, *, detail: float = 1.0) -> Picture:
        """Make the picture, with a strength of texture everywhere, or one of every place, (1, 1, down, across)."""
        if isinstance(texture, Tensor):
            size = self._texture.shape[-2:]
            texture = F.interpolate(texture, size=size, mode="bilinear", align_corners=False)
        made = compose(self._base, self._detail, self._texture, detail_strength=detail, texture_strength=texture)
        return _picture(made[..., : self._rows, : self._columns])


def _picture(packed: Tensor) -> Picture:
    samples = (packed[0] + 128).round().clamp(0, 255).to(torch.uint8)
    return Picture(F.pixel_shuffle(samples[:4], 2)[0].numpy(), samples[4].numpy(), samples[5].numpy())


def changes(rows: Sequence[tuple[Figures, Figures]]) -> Figures:
    """Average changes from base to enhanced: relative ones of networks, differences of the others."""
    found = {name: statistics.mean(new[name] / old[name] - 1 for old, new in rows) for name in NETWORKS}
    return found | {name: statistics.mean(new[name] - old[name] for old, new in rows) for name in METRICS[3:]}


def described(found: Figures) -> str:
    """Write changes in a line."""
    return "  ".join(f"{k} {100 * v:+.1f} %" if k in NETWORKS else f"{k} {v:+.2f}" for k, v in found.items())


def load(path: Path) -> Enhancer:
    """Read a network of named tensors."""
    enhancer = Enhancer()
    enhancer.load_named({name: value.float() for name, value in load_file(path).items()})
    return enhancer.eval()
